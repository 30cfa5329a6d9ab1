"""Which policies there are to tick: what each is called, the sentence beside it and the tooltip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.texts import ALIAS_TEXTS, ESTIMATOR_TEXTS

if TYPE_CHECKING:
    from engine.spec import RaceSpec
    from plugins.registry import Registry

FIRST = ("round_robin", "mct", "hybrid_ml", "oracle")
"""The policies of the default race head the list."""


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """One row of the list of policies."""

    name: str
    summary: str
    explanation: str


def choices(registry: Registry, spec: RaceSpec | None = None) -> list[PolicyChoice]:
    """Return every policy that can be ticked: rules, aliases, and what an opened race file brings besides.

    A mere second name of a rule is no choice of its own: two rows would race the same in the same colour.
    """
    own = (name for name, target in registry.aliases.items() if target not in registry.schedulers)
    rows = {name: _alias(name, registry.aliases[name]) for name in own}
    for name, rule in registry.schedulers.items():
        rows[name] = PolicyChoice(name, rule.summary, rule.explanation or rule.summary)
    for lane in spec.schedulers if spec else ():
        if lane.shown in registry.aliases:
            rows[lane.shown] = _alias(lane.shown, registry.aliases[lane.shown])
        elif lane.shown not in rows:
            rows[lane.shown] = _from_file(lane.shown, lane.name, rows)
    return _ordered(rows.values())


def _ordered(rows: Iterable[PolicyChoice]) -> list[PolicyChoice]:
    return sorted(rows, key=lambda row: FIRST.index(row.name) if row.name in FIRST else len(FIRST))


def _alias(name: str, target: str) -> PolicyChoice:
    summary, explanation = ALIAS_TEXTS.get(name, (f"Another name for {target}.", f"Another name for {target}."))
    return PolicyChoice(name, summary, explanation)


def _from_file(shown: str, name: str, rows: dict[str, PolicyChoice]) -> PolicyChoice:
    rule, _, estimator = name.partition("+")
    known = rows.get(name) or rows.get(rule)
    how = (
        ESTIMATOR_TEXTS.get(estimator, f"answered by the estimator {estimator}") if estimator else "as the file sets it"
    )
    explanation = f"{name}, {how}. {known.explanation if known else ''}"
    return PolicyChoice(shown, f"{rule}, {how}.", explanation)
