"""One task of a race that is over: what every policy did with it, found by racing once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.decision_replay import DecisionReplay
from engine.errors import Cancelled, InputError
from engine.shared import Shared
from engine.watchdog import Interruption, Watchdog

if TYPE_CHECKING:
    from engine.decision import Decision
    from engine.results import RaceResult
    from engine.workload import Workload
    from plugins.assemble import PreparedRace
    from plugins.lanes import PreparedLane

BLOCK = 100
"""Events between two looks at whether to go on: some milliseconds."""

LONGEST_NAME = 60
"""Characters of what was asked for that an error repeats."""

Progress = Callable[[str, float], None]
"""Told which policy is raced again, and which share (0..1) of all the work is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What a policy did with the task, or a sentence that says why nothing is known of that."""

    scheduler: str
    decision: Decision | None
    problem: str = ""


def relive(
    prepared: PreparedRace, result: RaceResult, task: int, progress: Progress, cancelled: Callable[[], bool]
) -> Iterator[Account]:
    """Race each policy again until the task in this row of the workload has finished; yield what it did with it.

    Raises :class:`Cancelled` soon after ``cancelled`` has become true.
    """
    shared = Shared(prepared.workload)
    disqualified = {row.name: row.reason for row in result.rows if row.status == "disqualified"}
    with Watchdog(cancelled=cancelled) as watchdog:
        for number, lane in enumerate(prepared.lanes):
            done, name = number / len(prepared.lanes), lane.label
            progress(name, done)
            if name in disqualified:
                yield Account(name, None, f"{name} was disqualified: {disqualified[name]}")
                continue

            def go_on(share: float, name: str = name, done: float = done) -> None:
                if cancelled():
                    raise Cancelled("Racing once more was stopped.")
                progress(name, done + share / len(prepared.lanes))

            yield _account(prepared, lane, shared, task, watchdog, go_on)


def _account(
    prepared: PreparedRace,
    lane: PreparedLane,
    shared: Shared,
    task: int,
    watchdog: Watchdog,
    go_on: Callable[[float], None],
) -> Account:
    try:
        fresh = lane.build()
    except InputError as error:
        return Account(lane.label, None, str(error))
    weights = prepared.spec.weights
    replay = DecisionReplay(prepared.workload, prepared.cluster, fresh, task, weights=weights, shared=shared)
    try:
        while not replay.over:
            go_on(replay.share)
            # a call without a frame of ours: the watchdog leaves the engine alone while no stranger's code runs
            done = watchdog.watch(partial(replay.advance, events=BLOCK), lambda: replay.progress)
            if isinstance(done, Interruption) and done.cause == "too slow":
                return Account(lane.label, None, f"{lane.label} did not answer within {watchdog.limit_s:g} s.")
        return Account(lane.label, replay.decision, replay.problem or "")
    finally:
        replay.close()


def find_task(text: str, workload: Workload) -> int:
    """Return the row of the task with this name or number. Raises :class:`InputError` when there is none."""
    asked = text.strip()
    names = workload.names or ()
    if asked in names:
        return names.index(asked)
    number, last = asked.replace(",", ""), len(workload) - 1
    if number.isdecimal() and len(number) <= len(str(last)) and int(number) <= last:
        return int(number)
    asked = asked if len(asked) <= LONGEST_NAME else f"{asked[:LONGEST_NAME]}…"
    such = f", or with a name, such as '{names[0]}'" if names else ""
    raise InputError(
        f"There is no task '{asked}' in this race. Ask for one by its number, from 0 to {last:,}{such}."
        if asked
        else f"Write which task: its number, from 0 to {last:,}{such}."
    )
