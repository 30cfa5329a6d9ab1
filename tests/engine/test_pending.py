"""The queue of pending tasks, read from its end."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import workload
from tests.engine.engine_worlds import devices


class _NewestFirst(Scheduler):
    """Places the newer half of what waits, and the rest when asked again."""

    name = "newest_first"

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        backwards = list(reversed(pending))
        assert backwards == list(pending)[::-1]
        for task in backwards[: len(backwards) // 2 + 1]:
            yield on(task, 0)
            assert task not in list(reversed(pending))


def test_pending_backwards_is_the_reverse_of_pending_also_while_tasks_leave() -> None:
    rng = np.random.default_rng(1)
    tasks = workload("any", ("cpu",), rng.integers(0, 40, 300), np.ones((300, 1)))
    simulation = Simulation(tasks, devices({"slots": 2}), _NewestFirst())
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback
