"""The sentence at the top of the window: what the race has found so far, and in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.palette import is_clairvoyant
from app.texts import in_words, plural, seconds

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.results import RaceResult

TOO_CLOSE = 0.02
"""Two means nearer than this share of the larger one are called a tie: noise moves them further than that."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the headline needs to know of one policy."""

    name: str
    status: str
    finished: int
    mean_response_s: float


def ready(policies: int, tasks: int | None) -> str:
    """Return the invitation before the first race."""
    if policies == 0:
        return "Tick at least one policy on the left, then press Start."
    same = "the same tasks" if tasks is None else f"the same {plural(tasks, 'task')}"
    if policies == 1:
        return f"Press Start: one policy runs on {same.replace('the same ', '')}."
    return f"Press Start: {in_words(policies).lower()} policies race on {same}."


def running(frame: Frame) -> str:
    """Return what a frame says while the race goes on."""
    standings = [Standing(x.scheduler, x.status, x.finished, x.mean_response_s) for x in frame.lanes]
    if not any(s.finished for s in standings):
        return f"{in_words(len(standings))} policies on {plural(frame.tasks, 'task')}: none has finished yet."
    return _finding(standings, "leads") + _losses(standings)


def finished(result: RaceResult) -> str:
    """Return what a finished (or stopped) race has found."""
    standings = [
        Standing(r.name, r.status, r.tasks, math.nan if r.mean_response_s is None else r.mean_response_s)
        for r in result.rows
    ]
    stopped = [s for s in standings if s.status == "stopped"]
    if stopped:
        least = min(s.finished for s in stopped)
        return f"Stopped after {least:,} of {plural(result.tasks, 'task')}. " + _finding(standings, "led")
    return _finding(standings, "wins") + _losses(standings)


def _finding(standings: Sequence[Standing], verb: str) -> str:
    placed = sorted((s for s in standings if _counts(s)), key=lambda s: s.mean_response_s)
    rivals = [s for s in placed if not is_clairvoyant(s.name)]
    references = [s for s in placed if is_clairvoyant(s.name)]
    if not placed:
        return "No policy has finished a task."
    if len(rivals) < 2:
        alone = (rivals or placed)[0]
        return f"{alone.name}: mean response {seconds(alone.mean_response_s)}." + _beyond(alone, references)
    best, second = rivals[0], rivals[1]
    if best.mean_response_s > (1 - TOO_CLOSE) * second.mean_response_s:
        return f"Too close to call: {best.name} and {second.name}, within {TOO_CLOSE:.0%} of each other." + _beyond(
            best, references
        )
    return f"{best.name} {verb}: {_faster(best, second)} than {second.name}." + _beyond(best, references)


def _counts(standing: Standing) -> bool:
    return standing.status != "disqualified" and standing.finished > 0 and math.isfinite(standing.mean_response_s)


def _faster(best: Standing, second: Standing) -> str:
    ratio = second.mean_response_s / best.mean_response_s
    return f"{ratio:.1f} times faster" if ratio >= 2.5 else f"{1 - 1 / ratio:.0%} faster"


def _beyond(best: Standing, references: Sequence[Standing]) -> str:
    if not references or references[0].name == best.name:
        return ""
    oracle = references[0]
    room = 1 - oracle.mean_response_s / best.mean_response_s
    if room > TOO_CLOSE:
        return f" Knowing every true time ({oracle.name}) would save another {room:.0%}."
    if room < -TOO_CLOSE:
        return f" It even beats {oracle.name}, which knows every true time but is selfish."
    return f" It is as good as {oracle.name}, which knows every true time."


def _losses(standings: Sequence[Standing]) -> str:
    out = [s.name for s in standings if s.status == "disqualified"]
    if not out:
        return ""
    return f" {' and '.join(out)} {'was' if len(out) == 1 else 'were'} disqualified."
