"""What things are called and what they mean: metrics, units, numbers, and the policies that have two names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.words import plural as plural

MOST_DECIMALS = 9


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits and thousands marks, never in powers of ten.

    It has 6 decimals at most, or as many as show one digit; what rounds to 0 at :data:`MOST_DECIMALS` is 0.
    """
    if not math.isfinite(value):
        return "–"
    if round(value, MOST_DECIMALS) == 0:
        return "0"
    first = -math.floor(math.log10(abs(value)))  # the decimal of the first digit
    return f"{value:,.{max(0, min(first + digits - 1, max(6, first)))}f}"


def seconds(value: float) -> str:
    """Return seconds as text: ``12.3 s``."""
    return f"{number(value)} s" if math.isfinite(value) else "–"


def percent(share: float) -> str:
    """Return a share of 1 as text: ``31 %``."""
    return f"{100 * share:.0f}\u00a0%"


def joules(value: float) -> str:
    """Return energy as text in the largest unit that keeps the number above 1: ``1.24 MJ``."""
    if not math.isfinite(value):
        return "–"
    for unit, size in (("TJ", 1e12), ("GJ", 1e9), ("MJ", 1e6), ("kJ", 1e3)):
        if abs(value) >= size:
            return f"{number(value / size)} {unit}"
    return f"{number(value)} J"


def in_words(count: int) -> str:
    """Return small counts as words, as a sentence starts with them: ``Four``."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    return words[count] if count < len(words) else str(count)


def joined(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def if_any(show: Callable[[float], str]) -> Callable[[float], str]:
    """Return how to show a sum of figures that a cluster need not state: 0 where it states none, which is not known."""
    return lambda value: show(value) if value else "–"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of the ranking: ``key`` is its field in a frame's lane; lower is better for all of them."""

    key: str
    title: str
    meant_as: str
    show: Callable[[float], str]
    meaning: str


METRICS = (
    Metric(
        "mean_response_s",
        "Mean response",
        "mean response time",
        seconds,
        "Mean response time: how long a task took from its arrival to its finish, waiting included, on average over "
        "the tasks finished so far. Lower is better.",
    ),
    Metric(
        "p95_response_s",
        "95th percentile",
        "95th percentile of the response time",
        seconds,
        "95th percentile of the response time: 95 of 100 tasks were finished within this time. It shows the bad "
        "luck that the mean hides. Lower is better.",
    ),
    Metric(
        "energy_j",
        "Energy",
        "energy",
        if_any(joules),
        "Energy of all devices: idle power for the whole race, plus active minus idle power while slots are busy.",
    ),
    Metric(
        "cost",
        "Cost",
        "cost",
        if_any(number),
        "What the busy time of the devices costs at the cluster's prices per hour, in the currency of its file.",
    ),
    Metric(
        "regret_s",
        "Regret",
        "regret",
        seconds,
        "Regret: mean response minus the oracle's on the same tasks. Below zero is possible: the oracle knows every "
        "true time, yet places each task selfishly. Needs the oracle in the race.",
    ),
)

ALIAS_TEXTS = {
    "oracle": (
        "Knows every true time, yet selfish.",
        "mct answered with the true times of every task (mct+true). No real scheduler can know them: it is drawn "
        "dashed, as a reference. It is still selfish, each task takes the place where it finishes first, so others "
        "may beat it.",
    ),
    "greedy": (
        "Takes each task's fastest device and ignores the queue.",
        "Another name for met (minimum execution time): the best device by expected time, however long its queue is.",
    ),
    "hybrid_ml": (
        "Learns the device times while it races, then splits by its predictions.",
        "congestion with a random forest (congestion+forest): it learns how long tasks really take on each device, is "
        "refitted every 50 completions on the last 1,000, splits tasks by its predictions and the current backlog, and "
        "charges each placement for the waiting that it causes. Until the first model is active it uses the nominal "
        "times.",
    ),
}
"""Aliases: one sentence for the list, and the tooltip."""

ESTIMATOR_TEXTS = {
    "nominal": "answered with the nominal times of the workload",
    "forest": "answered by a random forest that learns during the race",
    "true": "answered with the true times (clairvoyant)",
    "law": "answered with the true law of the times, without their noise (clairvoyant)",
}
