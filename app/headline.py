"""The sentence at the top of the window: what the race has found so far, and in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.palette import is_clairvoyant
from app.texts import in_words, joined, percent, plural, seconds

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.results import RaceResult

TOO_CLOSE = 0.02
"""Two means nearer than this share of the larger one are called a tie: noise moves them further than that."""
MOST_NAMED = 3
A_MULTIPLE = 1.5
"""Ratio of two means from which it is told as a multiple; below, as a percentage."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the headline needs to know of one policy."""

    name: str
    status: str
    finished: int
    mean_response_s: float


@dataclass(frozen=True, slots=True)
class Headline:
    """The finding, and what else is worth a (smaller) sentence."""

    finding: str
    beyond: str = ""


def leading(means: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """Return who is best of these policies and their means (or other figures from 0 on), and who cannot be told apart
    from it; references, which know true times, are never the best."""
    rivals = sorted((mean, name) for name, mean in means if not is_clairvoyant(name))
    return tuple(name for mean, name in rivals if rivals[0][0] >= (1 - TOO_CLOSE) * mean)


def named(tied: Sequence[str]) -> str:
    """Return the names of those that tie: ``a and b``, or where they are many ``a and 4 others``."""
    return joined(tied) if len(tied) <= MOST_NAMED else f"{tied[0]} and {len(tied) - 1} others"


def ready(policies: int, tasks: int | None) -> Headline:
    """Return the invitation before the first race."""
    if policies == 0:
        return Headline("Tick at least one policy.", "The list of policies is on the left; then press Start.")
    how_many = "the tasks of the workload" if tasks is None else plural(tasks, "task")
    if policies == 1:
        return Headline(f"Press Start: one policy runs {how_many}.", "Tick another one, and they race.")
    same = "the same tasks" if tasks is None else f"the same {how_many}"
    return Headline(
        f"Press Start: {in_words(policies).lower()} policies race on {same}.",
        "Each has the cluster to itself; who answers faster wins. Rest the mouse on anything to learn what it means.",
    )


def running(frame: Frame) -> Headline:
    """Return what a frame says while the race goes on."""
    standings = [Standing(x.scheduler, x.status, x.finished, x.mean_response_s) for x in frame.lanes]
    if not any(s.finished for s in standings):
        many = f"{in_words(len(standings))} policies on {plural(frame.tasks, 'task')}"
        return Headline(many if len(standings) > 1 else f"{standings[0].name} on {plural(frame.tasks, 'task')}")
    return _headline(standings, "leads")


def finished(result: RaceResult) -> Headline:
    """Return what a finished (or stopped) race has found."""
    standings = [
        Standing(r.name, r.status, r.tasks, math.nan if r.mean_response_s is None else r.mean_response_s)
        for r in result.rows
    ]
    stopped = [s for s in standings if s.status == "stopped"]
    if not stopped:
        return _headline(standings, "wins")
    so_far = _headline(standings, "led")
    least = min(s.finished for s in stopped)
    return Headline(so_far.finding, f"Stopped after {least:,} of {plural(result.tasks, 'task')}. {so_far.beyond}")


def _headline(standings: Sequence[Standing], verb: str) -> Headline:
    placed = sorted((s for s in standings if _counts(s)), key=lambda s: s.mean_response_s)
    rivals = [s for s in placed if not is_clairvoyant(s.name)]
    references = [s for s in placed if is_clairvoyant(s.name)]
    out = _losses(standings)
    if not placed:
        return Headline("No policy has finished a task.", out)
    if len(rivals) < 2:
        best = (rivals or placed)[0]
        finding = f"{best.name}: mean response {seconds(best.mean_response_s)}{_gap(best, references)}"
    else:
        best, second = rivals[0], rivals[1]
        tied = leading([(s.name, s.mean_response_s) for s in rivals])
        if len(tied) > 1:
            finding = f"Too close to call: {named(tied)}"
        else:
            finding = f"{best.name} {verb}: {_faster(best, second, second.name)}"
    return Headline(finding, " ".join(part for part in (_beyond(best, references), out) if part))


def _counts(standing: Standing) -> bool:
    return standing.status != "disqualified" and standing.finished > 0 and math.isfinite(standing.mean_response_s)


def _faster(best: Standing, second: Standing, than: str = "") -> str:
    """Return by how much one is faster (the ratio of the means), than whom at the end if that shall be said."""
    ratio = second.mean_response_s / best.mean_response_s
    if ratio >= A_MULTIPLE:
        return f"{ratio:.1f} times as fast{than and f' as {than}'}"
    return f"{percent(ratio - 1)} faster{than and f' than {than}'}"


def _gap(alone: Standing, references: Sequence[Standing]) -> str:
    """Return how far the only rival is from the best reference, as the end of its sentence."""
    if not references or references[0].name == alone.name:
        return ""
    oracle = references[0]
    room = _room(alone, oracle)
    if room > TOO_CLOSE:
        return f"; {oracle.name} is {_faster(oracle, alone)}"
    return f", {'better than' if room < -TOO_CLOSE else 'as good as'} {oracle.name}"


def _room(best: Standing, oracle: Standing) -> float:
    return 1 - oracle.mean_response_s / best.mean_response_s


def _beyond(best: Standing, references: Sequence[Standing]) -> str:
    if not references:
        return "Add oracle to the race to see how much knowing every true time could save."
    if references[0].name == best.name:
        return ""
    oracle = references[0]
    room = _room(best, oracle)
    if room > TOO_CLOSE:
        return f"Knowing every true time ({oracle.name}) would be {_faster(oracle, best)} still."
    if room < -TOO_CLOSE:
        return f"It even beats {oracle.name}, which knows every true time but is selfish."
    return f"It is as good as {oracle.name}, which knows every true time."


def _losses(standings: Sequence[Standing]) -> str:
    out = [s.name for s in standings if s.status == "disqualified"]
    if not out:
        return ""
    return f"{' and '.join(out)} {'was' if len(out) == 1 else 'were'} disqualified."
