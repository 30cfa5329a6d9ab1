"""What knowing the true times would bring to a rule, what learning has brought it, and what noise forbids."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.results import RaceResult
    from plugins.lanes import PreparedLane


@dataclass(frozen=True, slots=True)
class Distances:
    """Mean responses (seconds) of one rule by what it was told; None: it did not race so, or not to the end.

    ``given_s``: the nominal times. ``true_s``: every true time. ``law_s``: the truth without its noise, which is all
    that can be learned. ``learned_s``: what an estimator has learned, by label.
    """

    rule: str
    given_s: float
    true_s: float | None
    law_s: float | None
    learned_s: dict[str, float]

    def learned_share(self, label: str) -> float | None:
        """Return how much of what knowing would bring was learned (1.0: all); None where knowing brings nothing."""
        if self.true_s is None or self.true_s >= self.given_s:
            return None
        return (self.given_s - self.learned_s[label]) / (self.given_s - self.true_s)

    def as_json(self) -> dict[str, Any]:
        """Return the distances as a JSON object."""
        return asdict(self)


def distances(lanes: Sequence[PreparedLane], result: RaceResult) -> list[Distances]:
    """Return them for each rule that raced on the nominal times and at least once otherwise, parameters being equal."""
    means = {
        row.name: row.mean_response_s
        for row in result.rows
        if row.status == "finished" and row.mean_response_s is not None
    }
    found = []
    for given in lanes:
        if given.estimator != "nominal" or given.label not in means:
            continue
        alike = [
            lane
            for lane in lanes
            if lane.rule is given.rule and lane.rule_params == given.rule_params and lane.label in means
        ]
        told = {lane.estimator: means[lane.label] for lane in alike if isinstance(lane.estimator, str)}
        learned = {lane.label: means[lane.label] for lane in alike if not isinstance(lane.estimator, str)}
        if learned or len(told) > 1:
            found.append(Distances(given.label, means[given.label], told.get("true"), told.get("law"), learned))
    return found


def untaught(result: RaceResult) -> set[str]:
    """Return the labels of the learners whose times were, at the end, nowhere better than those that were given."""
    found = set()
    for row in result.rows:
        models = (row.learning or {}).get("models")  # a stranger's account may hold anything
        if isinstance(models, dict) and all(isinstance(m, dict) and m.get("trusted") is False for m in models.values()):
            found.add(row.name)
    return found


def sentence(of: Distances, untaught: Container[str]) -> str:
    """Return the distances of one rule in words; ``untaught`` as :func:`untaught` says."""
    from app.texts import percent, seconds

    parts = [f"{of.rule} takes {seconds(of.given_s)} on the times it is given"]
    if of.true_s is not None:
        parts.append(f"{seconds(of.true_s)} if it knows the true ones")
    for label, learned_s in of.learned_s.items():
        if label in untaught:
            parts.append(f"{seconds(learned_s)} with {label}, which has learned nothing better")
            continue
        share = of.learned_share(label)
        if share is None:
            way = ""
        elif share < 0:
            way = ", which is worse than the times it is given"
        else:
            way = f", {percent(share)} of that way" if share <= 1 else ", all of that way and more"
        parts.append(f"{seconds(learned_s)} with what {label} has learned{way}")
    if of.law_s is not None:
        noise = "" if of.true_s is None else f", so noise costs {seconds(max(of.law_s - of.true_s, 0.0))}"
        parts.append(f"{seconds(of.law_s)} knowing all that can be learned{noise}")
    return "; ".join(parts) + "."
