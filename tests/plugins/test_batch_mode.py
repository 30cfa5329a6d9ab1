"""olb, min_min, max_min and sufferage, each against its definition written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Link
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.workload import Workload, workload
from plugins.clusters import machines
from plugins.schedulers.max_min import MaxMin
from plugins.schedulers.mct import Mct
from plugins.schedulers.min_min import MinMin
from plugins.schedulers.olb import Olb
from plugins.schedulers.sufferage import Sufferage
from tests.engine.engine_worlds import devices, laws, shares_of

RULES: tuple[type[Scheduler], ...] = (Olb, MinMin, MaxMin, Sufferage)


def batch(etc_s: object, **more: object) -> Workload:
    rows = np.array(etc_s, dtype=float)
    return workload("batch", [f"m{i}" for i in range(rows.shape[1])], np.zeros(len(rows)), rows, **more)  # type: ignore[arg-type]


def run(tasks: Workload, rule: type[Scheduler], cluster: object = None) -> Simulation:
    simulation = Simulation(tasks, cluster or machines(len(tasks.models)), rule())  # type: ignore[arg-type]
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return simulation


def textbook(etc_s: list[list[float]], rule: type[Scheduler]) -> dict[int, tuple[int, float]]:
    """Return (device, finish) of each task: the definitions, with every figure taken anew for every placement."""
    free_s, left, placed = [0.0] * len(etc_s[0]), list(range(len(etc_s))), {}
    while left:
        finish_s = {t: [f + s for f, s in zip(free_s, etc_s[t], strict=True)] for t in left}
        best_s = {t: min(finish_s[t]) for t in left}
        second_s = {t: sorted([*finish_s[t], math.inf])[1] for t in left}
        if rule is Olb:
            task = left[0]
            device = free_s.index(min(free_s))
        else:
            urgency = {
                t: {MinMin: -best_s[t], MaxMin: best_s[t], Sufferage: second_s[t] - best_s[t]}[rule] for t in left
            }
            task = max(left, key=urgency.__getitem__)
            device = finish_s[task].index(best_s[task])
        free_s[device] = finish_s[task][device]
        placed[task] = (device, free_s[device])
        left.remove(task)
    return placed


# whole seconds, few of them: sums are exact and many tasks tie
etc_matrices = st.integers(1, 5).flatmap(
    lambda m: st.lists(
        st.lists(st.integers(1, 9).map(float) | st.just(math.inf), min_size=m, max_size=m).filter(
            lambda row: not all(map(math.isinf, row))
        ),
        min_size=1,
        max_size=14,
    )
)


@pytest.mark.parametrize("rule", [MinMin, MaxMin, Sufferage])
@laws(80)
@given(etc_matrices, st.data())
def test_every_batch_rule_is_its_definition_ties_to_the_earlier_task_and_the_lower_device(
    rule: type[Scheduler], etc_s: list[list[float]], data: st.DataObject
) -> None:
    # every machine once, and some twice or thrice: those are equal, and a rule may take them together
    models = range(len(etc_s[0]))
    machine_of = data.draw(st.permutations([*models, *data.draw(st.lists(st.sampled_from(models), max_size=5))]))
    cluster = devices(*({"model": f"m{model}"} for model in machine_of))
    got = {task: (device, end_s) for task, device, _, _, end_s in shares_of(run(batch(etc_s), rule, cluster))}
    assert got == textbook([[row[model] for model in machine_of] for row in etc_s], rule)


@laws(40)
@given(etc_matrices)
def test_olb_takes_the_device_that_is_free_first_whatever_it_takes(etc_s: list[list[float]]) -> None:
    finite = [[s if math.isfinite(s) else 30.0 for s in row] for row in etc_s]
    got = {task: (device, end_s) for task, device, _, _, end_s in shares_of(run(batch(finite), Olb))}
    assert got == textbook(finite, Olb)


def test_olb_passes_over_a_device_that_cannot_run_the_task() -> None:
    tasks = batch([[1.0, 5.0], [math.inf, 5.0], [9.0, 1.0]])
    assert [device for _, device, *_ in shares_of(run(tasks, Olb))] == [0, 1, 0]


@pytest.mark.parametrize("rule", [MinMin, MaxMin, Sufferage])
def test_where_tasks_arrive_one_by_one_a_batch_rule_is_mct(rule: type[Scheduler]) -> None:
    rng = np.random.default_rng(4)
    arrival_s = np.cumsum(rng.exponential(1.0, 200))
    tasks = workload("stream", ("m0", "m1", "m2"), arrival_s, rng.lognormal(0.7, 0.5, (200, 3)))
    assert run(tasks, rule).ledger.digest() == run(tasks, Mct).ledger.digest()


@pytest.mark.parametrize("rule", [MinMin, MaxMin, Sufferage])
def test_a_batch_rule_knows_that_the_data_of_a_parent_must_come_first(rule: type[Scheduler]) -> None:
    """The child is a second faster on m1, but its 4 GB take four to get there."""
    tasks = batch([[1.0, 9.0], [3.0, 2.0]], parents=[[], [0]], parents_gb=[[], [4.0]])
    cluster = devices({"model": "m0"}, {"model": "m1"}, link=Link(gb_s=1.0))
    assert [(d, end_s) for _, d, _, _, end_s in shares_of(run(tasks, rule, cluster))] == [(0, 1.0), (0, 4.0)]


@pytest.mark.parametrize("rule", [MinMin, MaxMin, Sufferage])
def test_a_batch_rule_weighs_tasks_of_several_slots_by_when_so_many_are_free(rule: type[Scheduler]) -> None:
    tasks = batch([[4.0, 8.0], [4.0, 8.0], [4.0, 5.0]], slots=[2, 1, 2])
    cluster = devices({"model": "m0", "slots": 2}, {"model": "m1", "slots": 2})
    simulation = run(tasks, rule, cluster)
    assert max(end_s for *_, end_s in shares_of(simulation)) <= 9.0


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_does_not_split_declines_a_task_that_fits_nowhere_whole(rule: type[Scheduler]) -> None:
    reason = rule.declines(TaskColumns(batch([[1.0]], memory_gb=3.0)), devices({"model": "m0", "memory_gb": 2.0}))
    assert reason is not None and rule.name in reason and "task 0" in reason
