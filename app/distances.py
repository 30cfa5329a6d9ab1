"""What knowing the true times would bring to a rule, what learning has brought it, and what noise forbids."""

from __future__ import annotations

from collections.abc import Sequence
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


def sentence(of: Distances) -> str:
    """Return the distances of one rule in words."""
    from app.texts import percent, seconds

    parts = [f"{of.rule} takes {seconds(of.given_s)} on the times it is given"]
    if of.true_s is not None:
        parts.append(f"{seconds(of.true_s)} if it knows the true ones")
    for label, learned_s in of.learned_s.items():
        share = of.learned_share(label)
        way = "" if share is None else f", {percent(share)} of that way" if share >= 0 else ", the other way"
        parts.append(f"{seconds(learned_s)} with what {label} has learned{way}")
    if of.law_s is not None:
        noise = "" if of.true_s is None else f", so noise costs {seconds(max(of.law_s - of.true_s, 0.0))}"
        parts.append(f"{seconds(of.law_s)} knowing all that can be learned{noise}")
    return "; ".join(parts) + "."
