"""From the name that a user writes (``mct``, ``mct+forest``, ``oracle``) to a lane that can race."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError, did_you_mean
from engine.estimating import EstimatorFactory
from engine.estimator import Estimator, EstimatorContext
from engine.history import History, warmed
from engine.params import build, declared
from engine.race import LaneSpec
from engine.scheduler import Scheduler
from engine.spec import SchedulerSpec
from engine.watchdog import LIMIT_S, TooSlowError, call_within
from plugins.kinds import ENGINE_ESTIMATORS
from plugins.registry import Registry


@dataclass(frozen=True, slots=True)
class PreparedLane:
    """A rule and an estimator with their checked parameters; ``build`` makes fresh instances for each race, its learner
    with the samples of ``history`` to start from."""

    label: str
    rule: type[Scheduler]
    rule_params: Any
    estimator: str | type[Estimator]
    estimator_params: Any
    seed: int
    history: History | None = None

    @property
    def learns(self) -> bool:
        """Whether its estimator learns from completions."""
        return not isinstance(self.estimator, str) and self.estimator.learns

    def build(self, limit_s: float = LIMIT_S) -> LaneSpec:
        """Return the lane with a new scheduler.

        Raises :class:`InputError` when its constructor fails or takes longer than ``limit_s`` of real time, which the
        estimator's constructor has too.
        """
        seed = stable_seed(self.seed, self.label, "scheduler")
        try:
            scheduler = call_within(limit_s, lambda: self.rule(self.rule_params, seed), f"The set-up of '{self.label}'")
        except TooSlowError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(
                f"Scheduler '{self.label}' could not be set up: {type(error).__name__}: {error}. "
                "Mend its __init__, or leave it out."
            ) from error
        return LaneSpec(
            self.label, scheduler, self._estimator(limit_s), stable_seed(self.seed, self.label, "estimator")
        )

    def _estimator(self, limit_s: float) -> str | EstimatorFactory:
        """The engine's own by name; a plugin's as a call, whose failure costs this lane alone.

        While it does not end the race cannot start: then there is none.
        """
        learner, params, history = self.estimator, self.estimator_params, self.history
        if isinstance(learner, str):
            return learner
        what = f"The set-up of estimator '{learner.name}'"

        def make(context: EstimatorContext) -> Estimator:
            known = context if history is None else warmed(context, history)
            return call_within(limit_s, lambda: learner(known, params), what)

        return make


def stable_seed(seed: int, label: str, part: str) -> int:
    """Return a seed of 63 bits that depends on these three alone: other lanes in the race do not change it."""
    digest = hashlib.blake2b(f"{seed}\n{label}\n{part}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def prepare_lane(spec: SchedulerSpec, seed: int, registry: Registry) -> PreparedLane:
    """Resolve names and parameters. Raises :class:`InputError` with what is unknown and what may have been meant."""
    taken = spec.label in registry.schedulers or spec.label in registry.aliases or "+" in spec.label
    if taken and spec.label != spec.name:
        raise InputError(f"'{spec.label}' is the name of a scheduler; '{spec.name}' needs another label.")
    rule_name, plus, estimator_name = registry.aliases.get(spec.name, spec.name).partition("+")
    rule = _rule(rule_name, registry)
    estimator = _estimator(estimator_name if plus else "nominal", registry)
    own, learner = _split_params(spec.name, rule, estimator, spec.params)
    return PreparedLane(
        label=spec.shown,
        rule=rule,
        rule_params=build(rule.Params, rule.name, own),
        estimator=estimator,
        estimator_params=None if isinstance(estimator, str) else build(estimator.Params, estimator.name, learner),
        seed=seed,
    )


def _rule(name: str, registry: Registry) -> type[Scheduler]:
    meant = registry.aliases.get(name, name)
    if "+" in meant:
        raise InputError(
            f"'{name}' stands for '{meant}' and has its estimator already; write {meant.partition('+')[0]}+ESTIMATOR."
        )
    if meant not in registry.schedulers:
        if meant in (*registry.estimators, *ENGINE_ESTIMATORS):
            raise InputError(f"'{name}' is an estimator, which answers a scheduler; write mct+{name}.")
        known = (*registry.schedulers, *registry.aliases)
        raise InputError(f"There is no scheduler '{name}'.{registry.why_absent(name) or did_you_mean(name, known)}")
    return registry.schedulers[meant]


def _estimator(name: str, registry: Registry) -> str | type[Estimator]:
    if name in ENGINE_ESTIMATORS:
        return name
    if name not in registry.estimators:
        known = (*registry.estimators, *ENGINE_ESTIMATORS)
        raise InputError(f"There is no estimator '{name}'.{registry.why_absent(name) or did_you_mean(name, known)}")
    return registry.estimators[name]


def _split_params(
    lane: str, rule: type[Scheduler], estimator: str | type[Estimator], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give each value to the half that declares its name; a name that both declare goes to both."""
    own = {p.name for p in declared(rule.Params)}
    learner = set() if isinstance(estimator, str) else {p.name for p in declared(estimator.Params)}
    for name in values:
        if name not in own | learner:
            none = "" if own | learner else " It has none."
            raise InputError(f"'{lane}' has no parameter '{name}'.{did_you_mean(name, own | learner)}{none}")
    return {k: v for k, v in values.items() if k in own}, {k: v for k, v in values.items() if k in learner}
