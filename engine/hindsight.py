"""What would have been best for one task at one instant, found by placing it there in one way after the other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from engine.decision import Hindsight, Prospects, starts
from engine.decision_fork import Fork
from engine.device_state import DeviceState, EqualDevices
from engine.event_loop import run_events
from engine.placement import Shares
from engine.queue_replay import Queued
from engine.simulation import Simulation
from engine.split import Side, best_split, pairs, score_of, sides
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights
from engine.workload import FloatArray

TIE = 1e-9
"""Finishes closer than this share of the response are one: the same sum in another order differs in its last bits."""
MOST_TRIED = 64
"""Placements that are tried: a cluster may offer millions, and each is a race of its own until the task is done."""
BLOCK = 100
"""Events between two looks at whether to go on; the making of a :class:`Fork` counts as so many."""
FINISH_ALONE = Weights()


class HindsightSearch:
    """The search for the placement that finishes a task first, from one instant on: each is tried in a :class:`Fork`.

    Make it when the task is about to be placed with these shares and order; or, for one that was placed before its
    parents had finished, when ``last_parent`` just has, and its children are not yet released. Then :meth:`advance` it
    until ``result`` is there; the simulation may go on meanwhile.

    Any device alone competes, any CPU+GPU pair (:mod:`engine.split`) and the choice itself, each in the place of the
    queue that ``order`` and the time of the placement give it. One whose bound is no earlier than the best finish found
    is not tried (branch and bound). The bounds leave out what can only delay: memory that others hold, parents and data
    that others wait for; and they take the best speed that is still to come. When a share may start hangs on its size
    only where memory lacks: there another division may be better than those that are tried, which ``tried_all`` tells.
    """

    def __init__(
        self, simulation: Simulation, task: Task, shares: Shares, order: float | None, last_parent: int | None = None
    ) -> None:
        self.result: Hindsight | None = None
        self._task = task
        self._choice = shares
        self._order = order
        self._last_parent = last_parent
        self._instant = Fork(simulation)
        self._number = None if last_parent is None else self._instant.withdraw(task)
        self._steps = self._search()

    def advance(self, events: float = math.inf) -> int:
        """Search on for about so many events; return for how many it was."""
        done = 0
        for ran in self._steps:
            done += ran
            if done >= events:
                break
        return done

    def _search(self) -> Iterator[int]:
        task, instant = self._task, self._instant
        state = _at_best(instant, task, self._order, self._number)
        start_s = starts(task, state, lambda device: state.available_at(device, task.slots))
        seconds = np.array(
            [
                instant._true_seconds(device, task.index, 1.0) if state.fits(task, device.index) else math.inf
                for device in instant.devices
            ]
        )
        choice = best = yield from self._try(self._choice)
        options: list[_Option] = []
        for option in _options(sides(task, state), task.divisible, self._choice):
            if self._sooner(option.finish_s, choice.finish_s):
                heappush(options, option)
        attempts, tried = [choice], 0
        held, divided_s = False, math.inf
        while True:
            tried += len(attempts)
            for attempt in attempts:
                held = held or attempt.held
                if self._sooner(attempt.finish_s, best.finish_s):
                    best = attempt
                if len(attempt.shares) == 1:
                    _note(attempt, start_s, seconds)
            hopeful = bool(options) and self._sooner(options[0].finish_s, best.finish_s)
            if not hopeful or tried >= MOST_TRIED:
                break
            option = heappop(options)
            if len(option.sides) > 1:
                divided_s = min(divided_s, option.finish_s)
            attempts = yield from self._try_option(option)
        self.result = Hindsight(
            at_s=state.now,
            true_s=tuple(state.expected(task)),
            prospects=Prospects(start_s, seconds),
            shares=best.shares,
            finish_s=best.finish_s,
            choice_finish_s=choice.finish_s,
            tried_all=not hopeful and not (held and self._sooner(divided_s, best.finish_s)),
        )

    def _sooner(self, finish_s: float, than_s: float) -> bool:
        return finish_s + TIE * (finish_s - self._task.arrival_s) < than_s

    def _try(self, shares: Shares) -> Generator[int, None, _Attempt]:
        """Place the task so and run on until it has finished, or nothing is left to happen."""
        fork, task = Fork(self._instant), self._task
        fork.put(task, shares, self._order, self._number)
        if self._last_parent is not None:
            fork.go_on_after(self._last_parent)
        yield BLOCK
        parts, ledger = fork.ledger.parts_of(task.index), fork.ledger
        while any(math.isnan(ledger.end_s[part]) for part in parts):
            ran = run_events(fork, math.inf, BLOCK)
            if not ran:
                break
            yield ran
        start_s = tuple(_or_never(ledger.start_s[part]) for part in parts)
        finish_s = max(_or_never(ledger.end_s[part]) for part in parts)
        return _Attempt(shares, start_s, finish_s, not fork.memory_refused.isdisjoint(parts))

    def _try_option(self, option: _Option) -> Generator[int, None, list[_Attempt]]:
        """Try a device alone; or two together: divided as their bounds say, then as their true starts say.

        When the shares start does not depend on how the task is divided, except where memory lacks; so the second
        division is the best one, and where memory lacks a third and fourth may be better.
        """
        if len(option.sides) == 1:
            return [(yield from self._try(((option.sides[0].device, 1.0),)))]
        cpu, gpu = option.sides
        attempts: list[_Attempt] = []
        # by its bound one of the two may do it alone sooner; in truth that one may be held up
        split = best_split(cpu, gpu, FINISH_ALONE) or best_split(cpu, gpu._replace(ready_s=cpu.ready_s), FINISH_ALONE)
        while split is not None and len(attempts) < 4:
            f = split.gpu_fraction
            if any(abs(f - attempt.shares[1][1]) <= TIE for attempt in attempts):
                break
            attempt = yield from self._try(((cpu.device, 1.0 - f), (gpu.device, f)))
            attempts.append(attempt)
            if attempt.finish_s == math.inf:
                break
            cpu, gpu = self._as_started(cpu, attempt.start_s[0]), self._as_started(gpu, attempt.start_s[1])
            split = best_split(cpu, gpu, FINISH_ALONE)
        return attempts

    def _as_started(self, side: Side, start_s: float) -> Side:
        """Return the side of a share that starts at this second."""
        device = self._instant.devices[side.device]
        speed = device.speed * device.spec.speed_factor(start_s)
        busy_s = self._instant._truly(self._task)[device.model] / speed
        return side._replace(
            ready_s=start_s + device.latency_s, seconds=busy_s + self._task.transfer_gb * device.per_gb_s
        )


class _Attempt(NamedTuple):
    """A placement that was tried, when its shares started, and when the task finished; inf: never.

    ``held``: a share had to wait for memory.
    """

    shares: Shares
    start_s: tuple[float, ...]
    finish_s: float
    held: bool


class _Option(NamedTuple):
    """A placement that might be tried: no earlier than ``finish_s`` the task would be done; ``place`` breaks ties."""

    finish_s: float
    place: int
    sides: tuple[Side, ...]


def _options(places: list[Side], divisible: bool, choice: Shares) -> Iterator[_Option]:
    """Yield each place alone and, of a divisible task, each pair, but those that cannot hold it and the choice; of
    equal devices no more than are tried, the soonest."""
    equal: dict[tuple[object, ...], list[Side]] = {}
    for side in sorted(places, key=lambda side: side.ready_s):
        group = equal.setdefault((side.kind, side.seconds, side.latency_s, side.max_fraction), [])
        if len(group) < MOST_TRIED:
            group.append(side)
    kept = sorted((side for group in equal.values() for side in group), key=lambda side: side.device)
    for place, side in enumerate(kept):
        finish_s = score_of(side, FINISH_ALONE)
        if finish_s < math.inf and choice != ((side.device, 1.0),):
            yield _Option(finish_s, place, (side,))
    for place, (cpu, gpu) in enumerate(pairs(kept) if divisible else (), len(kept)):
        f = min(max((cpu.ready_s + cpu.seconds - gpu.ready_s) / (cpu.seconds + gpu.seconds), 0.0), 1.0)
        yield _Option(max(cpu.ready_s + (1.0 - f) * cpu.seconds, gpu.ready_s + f * gpu.seconds), place, (cpu, gpu))


def _note(attempt: _Attempt, start_s: FloatArray, seconds: FloatArray) -> None:
    """Put what a device alone truly did in the place of its bound."""
    ((device, _),) = attempt.shares
    start_s[device] = attempt.start_s[0]
    if attempt.finish_s < math.inf:
        seconds[device] = attempt.finish_s - attempt.start_s[0]


def _or_never(second: float) -> float:
    return math.inf if math.isnan(second) else second


# --- bounds -----------------------------------------------------------------------------------------------------------


def _at_best(instant: Fork, task: Task, order: float | None, number: int | None) -> ClusterState:
    """Return the cluster as it is, with those shares alone that go before the task and with nothing that delays them
    but one another: nowhere does the task start later there than in truth."""
    fork = Fork(instant)
    if not fork._precedence.is_ready(task.index):
        fork._precedence._missing_parents[task.index] = 0
    turn = (math.inf if order is None else order, math.inf if number is None else number)
    ends_s = {part: end_s for end_s, number, part in fork._events if number > 0}
    devices = [
        _device_at_best(fork, device, turn, device.strict or order is not None, ends_s) for device in fork.devices
    ]
    cluster = fork.cluster.without_drift()
    state = ClusterState(cluster, devices, fork.columns, fork._precedence, fork._truly, FINISH_ALONE)
    state._groups = [EqualDevices([device]) for device in devices]  # any of them may be the best
    state.now, state.arrivals = fork.now_s, fork.arrived
    return state


def _device_at_best(
    fork: Fork, device: DeviceState, turn: tuple[float, float], strict: bool, ends_s: dict[int, float]
) -> DeviceState:
    spec = device.spec
    factors = [spec.speed_factor(fork.now_s), *(factor for at_s, factor in spec.speed_at if at_s > fork.now_s)]
    it = DeviceState(replace(spec, speed=spec.speed * max(factors), speed_at=()), device.model)
    it.running = {part: (ends_s[part], slots, gb) for part, (_, slots, gb) in device.running.items()}
    it.free_slots = device.free_slots
    it._end_s = max((end_s for end_s, _, _ in it.running.values()), default=-math.inf)
    line = sorted([*device.ready, *(device.waiting.values() if strict else ())])
    it.ready = deque(_truly(fork, it, entry) for entry in line if entry[:2] < turn)
    it.queued_s = math.fsum(entry[4] for entry in it.ready)
    return it


def _truly(fork: Fork, device: DeviceState, entry: Queued) -> Queued:
    """Return a queued share with its true seconds in place of the believed ones."""
    rank, number, part, task, _, slots, memory_gb, fraction = entry
    true_s = fork._truly(fork.columns.tasks[task])
    seconds = device.seconds(true_s, fork.columns.transfer_gb[task], fraction)
    return rank, number, part, task, seconds, slots, memory_gb, fraction
