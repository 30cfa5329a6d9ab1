"""What would have been best for one task: the same instant, as one sees it who knows every true second."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.decision import Hindsight, Prospects, starts, whole_s
from engine.device_state import DeviceState, Queued
from engine.placement import Shares
from engine.split import best_shares
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights

if TYPE_CHECKING:
    from engine.simulation import Simulation

TIE = 1e-9
"""Finishes closer than this share of the response are one: the same sum in another order differs in its last bits."""


def hindsight(
    simulation: Simulation, task: Task, shares: Shares, order: float | None, number: float = math.inf
) -> Hindsight:
    """Return what is best for a ready task now, before or after it was placed with these shares and order.

    Any device alone and any CPU+GPU pair compete (:mod:`engine.split`), and the choice itself; each takes the place in
    a queue that ``order`` and the ``number`` of its placement give it (inf: it is the latest one). Memory that others
    hold is not foreseen, nor are shares that wait for parents of their own in queues without order, nor changes of
    speed to come: with these it may be later than said.
    """
    truth = _as_it_is(simulation, task, order, number)
    choice_finish_s = _finish_s(task, shares, truth)
    best = best_shares(task, truth, Weights())
    best_finish_s = _finish_s(task, best, truth) if best else math.inf
    if choice_finish_s <= best_finish_s + TIE * (choice_finish_s - task.arrival_s):
        best, best_finish_s = shares, choice_finish_s
    seconds = truth.expected(task)
    return Hindsight(
        at_s=truth.now,
        true_s=tuple(seconds),
        prospects=Prospects(
            starts(task, truth, lambda device: truth.available_at(device, task.slots)), whole_s(task, truth, seconds)
        ),
        shares=best,
        finish_s=best_finish_s,
        choice_finish_s=choice_finish_s,
    )


def _finish_s(task: Task, shares: Shares, state: ClusterState) -> float:
    """Return when the last share ends."""
    return max(
        max(state.available_at(device, task.slots), state.data_ready(task, device)) + state.seconds(task, device, part)
        for device, part in shares
    )


def _as_it_is(simulation: Simulation, task: Task, order: float | None, number: float) -> ClusterState:
    """Return the cluster as it is, with the shares alone that go before one of this task."""
    ends_s = {part: end_s for end_s, number, part in simulation._events if number > 0}
    true_s = simulation._shared.table("true")
    state = ClusterState(
        simulation.cluster.without_drift(),
        [_device_as_it_is(simulation, device, task.index, (order, number), ends_s) for device in simulation.devices],
        simulation.columns,
        simulation._precedence,
        lambda asked: [model[asked.index] for model in true_s],
        Weights(),
    )
    state.now, state.arrivals = simulation.now_s, simulation.arrived
    return state


def _device_as_it_is(
    simulation: Simulation, device: DeviceState, task: int, turn: tuple[float | None, float], ends_s: dict[int, float]
) -> DeviceState:
    order, number = turn
    spec = device.spec
    it = DeviceState(replace(spec, speed=spec.speed * spec.speed_factor(simulation.now_s), speed_at=()), device.model)
    own = simulation.ledger.parts_of(task)
    it.running = {part: (ends_s[part], slots, gb) for part, (_, slots, gb) in device.running.items() if part not in own}
    it.free_slots = spec.slots - sum(slots for _, slots, _ in it.running.values())
    it._end_s = max((end_s for end_s, _, _ in it.running.values()), default=-math.inf)
    strict = device.strict or order is not None
    rank = math.inf if order is None else order
    line = sorted([*device.ready, *(device.waiting.values() if strict else ())])
    it.ready = deque(_truly(simulation, device, e) for e in line if e[:2] < (rank, number) and e[2] not in own)
    it.queued_s = math.fsum(entry[4] for entry in it.ready)
    return it


def _truly(simulation: Simulation, device: DeviceState, entry: Queued) -> Queued:
    """Return a queued share with its true seconds in place of the believed ones."""
    rank, number, part, task, _, slots, memory_gb = entry
    seconds = simulation._true_seconds(device, task, simulation.ledger.fraction[part])
    return rank, number, part, task, seconds, slots, memory_gb
