"""A pool's queue is played anew only when something happened otherwise than believed, and no answer shows it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pending import Pending
from engine.placement import Placement, on
from engine.queue_replay import Queued, QueueReplay, Slots
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import workload
from tests.engine.engine_worlds import devices, laws


class Job(NamedTuple):
    """One task of a random queue, and whether the policy asks before it places it."""

    gap_s: float
    seconds: float
    truth: float
    slots: int
    memory_gb: float
    order: float | None
    asks: bool
    parent: int


class Asking(Scheduler):
    """Places everything in one pool, and holds what it is told against what a replay of the whole queue says."""

    name = "asking"

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__()
        self.jobs = jobs

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            job = self.jobs[task.index]
            if job.asks:
                device = state._states[0]
                forgetful = copy(device)
                forgetful._replay = None
                for slots in range(1, device.spec.slots + 1):
                    assert state.available_at(0, slots) == forgetful.available_at(state.now, slots)
            yield on(task, 0, job.order)


def jobs(*, ordered: bool, graph: bool) -> st.SearchStrategy[list[Job]]:
    """Return queues in which most tasks take as long as believed, and some want memory, an order or a parent."""
    job = st.builds(
        Job,
        gap_s=st.sampled_from([0.0, 0.5, 1.0]),
        seconds=st.sampled_from([0.0, 0.7, 1.0, 2.5, 6.0]),
        truth=st.sampled_from([1.0, 1.0, 1.0, 0.5, 1.5]),
        slots=st.integers(1, 3),
        memory_gb=st.sampled_from([0.0, 0.0, 0.4, 0.6]),
        order=st.sampled_from([1.0, 1.0, 2.0, None]) if ordered else st.none(),
        asks=st.booleans(),
        parent=st.sampled_from([0, 0, 1, 2]) if graph else st.just(0),
    )
    return st.lists(job, min_size=12, max_size=30)


@laws(250)
@given(jobs(ordered=False, graph=False) | jobs(ordered=True, graph=False) | jobs(ordered=False, graph=True))
def test_what_is_kept_of_earlier_answers_says_the_same_to_the_bit_as_a_replay_of_all(jobs: list[Job]) -> None:
    gap_s, seconds, truth, slots, memory_gb, *_ = (np.array(column) for column in zip(*jobs, strict=True))
    seconds = (seconds + 0.1)[:, None]
    tasks = workload(
        "queue",
        ("cpu",),
        np.cumsum(gap_s),
        seconds * truth[:, None],
        etc_s=seconds,
        slots=slots,
        memory_gb=memory_gb,
        parents=[[i - job.parent] if 0 < job.parent <= i else [] for i, job in enumerate(jobs)],
    )
    simulation = Simulation(tasks, devices({"slots": 4, "memory_gb": 1.0}), Asking(jobs))
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback


def test_a_queue_is_played_once_while_all_happens_as_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    played_at: list[float] = []

    class Noted(QueueReplay):
        def __init__(self, now_s: float, free_slots: int, ends: Iterable[Slots], queue: Iterable[Queued]) -> None:
            played_at.append(now_s)
            super().__init__(now_s, free_slots, ends, queue)

    class Curious(Scheduler):
        name = "curious"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            for task in pending:
                state.available_at(0)
                yield on(task, 0)

    monkeypatch.setattr("engine.device_state.QueueReplay", Noted)
    tasks = workload("busy", ("cpu",), np.arange(60.0), np.full((60, 1), 6.0))
    Simulation(tasks, devices({"slots": 4}), Curious()).advance()
    assert played_at == [4.0]
