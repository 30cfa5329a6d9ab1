"""A decision that is lived through again is the one of the race; what would have been best is worked by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from engine_worlds import Scripted, Step, World, devices, laws, shares_of, worlds
from hypothesis import given

import engine.hindsight
from engine.cluster import Cluster, Link
from engine.decision import Decision
from engine.decision_replay import DecisionReplay
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.race import LaneSpec, Race
from engine.scheduler import Scheduler
from engine.shared import Shared
from engine.simulation import Simulation
from engine.spec import RaceSpec, SchedulerSpec
from engine.state import ClusterState
from engine.task import Task
from engine.workload import Workload, workload
from plugins.assemble import PreparedRace, prepare
from plugins.registry import Registry, load_registry
from plugins.schedulers.mct import Mct

CLUSTER = devices({}, {"kind": "gpu", "link_gb_s": 1.0})


def replayed(tasks: Workload, cluster: Cluster, lane: LaneSpec, task: int) -> DecisionReplay:
    replay = DecisionReplay(tasks, cluster, lane, task)
    while not replay.over:
        replay.advance(events=3)
    replay.close()
    return replay


def decided(tasks: Workload, cluster: Cluster, scheduler: Scheduler, task: int) -> Decision:
    replay = replayed(tasks, cluster, LaneSpec("policy", scheduler), task)
    assert replay.decision is not None, replay.problem
    return replay.decision


@cache
def registry() -> Registry:
    return load_registry(plugins=[])


def raced(spec: RaceSpec) -> tuple[PreparedRace, Race]:
    prepared = prepare(spec, registry())
    race = prepared.race()
    while race.advance():
        pass
    race.close()
    return prepared, race


class Until(Scripted):
    """Follows a world's script up to one task, which it places otherwise, and places nothing more after that."""

    def __init__(self, world: World, task: int, shares: Shares) -> None:
        step = replace(world.script[task], shares=shares)
        super().__init__((*world.script[:task], step, *world.script[task + 1 :]), [])
        self.task = task
        self.placed = False

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for placement in super().place(pending, state):
            if self.placed:
                break
            self.placed = placement.task.index == self.task
            yield placement


def finish_s(world: World, policy: Scheduler, task: int) -> float:
    """When a task finishes under a policy; inf: never."""
    simulation = Simulation(world.tasks, world.cluster, policy)
    simulation.advance()
    ends_s = [simulation.ledger.end_s[part] for part in simulation.ledger.parts_of(task)]
    return math.inf if any(map(math.isnan, ends_s)) else max(ends_s)


def alternatives(world: World, task: int) -> Iterator[Shares]:
    """Any device alone; any CPU and GPU together, by quarters."""
    tasks, cluster = world.tasks, world.cluster
    models = cluster.columns_in(tasks.models)
    room = [
        device.memory_gb
        if tasks.slots[task] <= device.slots and math.isfinite(tasks.etc_s[task, models[device.index]])
        else -1.0
        for device in cluster.devices
    ]
    gb = tasks.memory_gb[task]
    yield from (((device, 1.0),) for device, most_gb in enumerate(room) if gb <= most_gb)
    if tasks.divisible[task]:
        for cpu, gpu, f in product(cluster.of_kind("cpu"), cluster.of_kind("gpu"), (0.25, 0.5, 0.75)):
            if (1.0 - f) * gb <= room[cpu.index] and f * gb <= room[gpu.index]:
                yield (cpu.index, 1.0 - f), (gpu.index, f)


STREAM = RaceSpec(schedulers=tuple(map(SchedulerSpec, ("mct", "hybrid_ml", "min_min"))), tasks=300, load=0.8)
JOBS = RaceSpec(schedulers=(SchedulerSpec("easy"),), workload="lublin", cluster="processors:64", tasks=120)


@pytest.mark.parametrize(("spec", "task"), [(STREAM, 270), (JOBS, 90)])
def test_what_is_lived_through_again_is_what_happened_in_the_race(spec: RaceSpec, task: int) -> None:
    prepared, race = raced(spec)
    shared = Shared(prepared.workload)
    for lane, before in zip(prepared.lanes, race.lanes, strict=True):
        replay = DecisionReplay(prepared.workload, prepared.cluster, lane.build(), task, shared=shared)
        while not replay.over:
            replay.advance(events=500)
        replay.close()
        decision, ledger = replay.decision, before.simulation.ledger
        assert decision is not None
        parts = ledger.parts_of(task)
        assert decision.scheduler == lane.label
        assert decision.shares == tuple((ledger.device[part], ledger.fraction(part)) for part in parts)
        assert decision.knowledge.at_s == ledger.placed_s[task]
        assert decision.start_s == min(ledger.start_s[part] for part in parts)
        assert decision.finish_s == max(ledger.end_s[part] for part in parts)
        # it has learned, and the replay with it
        assert any(decision.knowledge.learned) == (lane.label == "hybrid_ml")


@laws(25)
@given(worlds(graph=True, data=True))
def test_whatever_the_world_it_is_the_same_and_the_best_is_what_the_engine_itself_makes_of_all_placements(
    world: World,
) -> None:
    simulation = world.simulation()
    simulation.advance()
    for task in range(len(world.tasks)):
        decision = replayed(world.tasks, world.cluster, LaneSpec("scripted", Scripted(world.script, [])), task).decision
        if decision is None:  # a strict order that contradicts the parents starves
            assert simulation.status == "disqualified"
            assert task not in simulation.ledger.finished
            continue
        hindsight = decision.hindsight
        assert decision.finish_s == simulation.ledger.finish_s(task)
        assert decision.start_s == min(simulation.ledger.start_s[part] for part in simulation.ledger.parts_of(task))
        assert hindsight.finish_s <= hindsight.choice_finish_s
        assert hindsight.tried_all or (world.tasks.divisible[task] and world.tasks.memory_gb[task])
        if math.isinf(decision.believed_finish_s):
            continue  # judged when its parents had finished: the next test
        assert hindsight.choice_finish_s == finish_s(world, Until(world, task, decision.shares), task)
        assert hindsight.finish_s == finish_s(world, Until(world, task, hindsight.shares), task)
        for shares in alternatives(world, task):
            if len(shares) == 1 or hindsight.tried_all:
                assert finish_s(world, Until(world, task, shares), task) >= hindsight.finish_s - 1e-9


@laws(25)
@given(worlds(graph=True, data=True, patience=False))
def test_where_nothing_is_placed_later_the_choice_would_do_what_it_did_and_nothing_does_better(world: World) -> None:
    world = replace(world, tasks=replace(world.tasks, arrival_s=np.zeros(len(world.tasks))))
    last = len(world.tasks) - 1
    for task, step in enumerate(world.script):
        decision = replayed(world.tasks, world.cluster, LaneSpec("scripted", Scripted(world.script, [])), task).decision
        if decision is None or (task < last and math.isfinite(decision.believed_finish_s)):
            continue
        assert decision.hindsight.choice_finish_s == decision.finish_s
        # in a strict queue it would have been in the way of others before it was judged
        if all(other.order is None for other in world.script):
            for shares in alternatives(world, task):
                if len(shares) > 1 and not decision.hindsight.tried_all:
                    continue
                script = (*world.script[:task], replace(step, shares=shares), *world.script[task + 1 :])
                assert finish_s(world, Scripted(script, []), task) >= decision.hindsight.finish_s - 1e-9


def test_who_knows_every_true_second_and_is_selfish_chooses_the_best() -> None:
    prepared, _ = raced(RaceSpec(schedulers=(SchedulerSpec("oracle"),), tasks=60, load=0.9))
    for task in range(0, 60, 6):
        replay = replayed(prepared.workload, prepared.cluster, prepared.lanes[0].build(), task)
        assert replay.decision is not None
        assert replay.decision.chose_best
        assert abs(replay.decision.lost_s) < 1e-9


def two_tasks(divisible: bool = False) -> Workload:
    """Task 0 keeps the CPU for 6 s, not for the 4 s that are known; task 1 comes at second 1."""
    return workload(
        "two", ("cpu", "gpu"), (0.0, 1.0), [(6.0, 9.0), (3.0, 4.0)],
        etc_s=[(4.0, 9.0), (3.0, 7.0)], transfer_gb=(0.0, 0.5), divisible=(False, divisible),
    )  # fmt: skip


def test_a_wrong_belief_is_seen_beside_what_would_have_been_best() -> None:
    # The CPU is believed free at 4, so that task 1 finishes at 7 there; on the GPU at 1 + 7 + 0.5 of transfer.
    # In truth the CPU is free at 6 and ends it at 9; the GPU would have at 1 + 4 + 0.5.
    decision = decided(two_tasks(), CLUSTER, Mct(), 1)
    knowledge, hindsight = decision.knowledge, decision.hindsight
    assert (knowledge.at_s, knowledge.estimator, knowledge.learned) == (1.0, "nominal", ())
    assert (knowledge.nominal_s, knowledge.expected_s, hindsight.true_s) == ((3.0, 7.0), (3.0, 7.0), (3.0, 4.0))
    assert (knowledge.queue.tolist(), knowledge.free_slots.tolist()) == ([0, 0], [0, 1])
    assert knowledge.prospects.finish_s.tolist() == [7.0, 8.5]
    assert hindsight.prospects.finish_s.tolist() == [9.0, 5.5]
    assert (decision.shares, decision.believed_start_s, decision.believed_finish_s) == (((0, 1.0),), 4.0, 7.0)
    assert (hindsight.shares, hindsight.finish_s, hindsight.choice_finish_s) == (((1, 1.0),), 5.5, 9.0)
    assert (decision.start_s, decision.finish_s, decision.response_s, decision.lost_s) == (6.0, 9.0, 8.0, 3.5)
    assert not decision.chose_best


def test_a_task_in_a_queue_by_rank_is_judged_at_its_own_place_in_the_queue() -> None:
    # Three tasks at second 0, of 4 s on the CPU and 9 s on the GPU: the first runs, the second waits with rank 5, and
    # the third goes before it with rank 1: it starts at 4, and nothing better was to be had.
    tasks = workload("three", ("cpu", "gpu"), (0.0, 0.0, 0.0), [(4.0, 9.0)] * 3)
    script = (Step(((0, 1.0),), 0.0), Step(((0, 1.0),), 5.0), Step(((0, 1.0),), 1.0))
    decision = decided(tasks, CLUSTER, Scripted(script, []), 2)
    assert (decision.order, decision.start_s, decision.hindsight.finish_s) == (1.0, 4.0, 8.0)
    assert decision.chose_best
    assert decided(tasks, CLUSTER, Scripted(script, []), 1).lost_s == 12.0 - 8.0  # the third was placed later


def test_a_child_that_is_placed_before_its_parent_has_finished_is_judged_once_it_has() -> None:
    # The parent ends on the CPU at 2, its 1 GB is on the GPU at 3: there the child would finish at 5, on the CPU at 7.
    tasks = workload(
        "chain", ("cpu", "gpu"), (0.0, 0.0), [(2.0, 9.0), (5.0, 2.0)], parents=[[], [0]], parents_gb=[[], [1.0]]
    )
    cluster = devices({}, {"kind": "gpu"}, link=Link(gb_s=1.0))
    script = (Step(((0, 1.0),), 0.0), Step(((0, 1.0),), 1.0))
    decision = decided(tasks, cluster, Scripted(script, []), 1)
    assert (decision.knowledge.at_s, decision.hindsight.at_s) == (0.0, 2.0)
    assert math.isinf(decision.believed_finish_s)
    assert decision.hindsight.prospects.finish_s.tolist() == [7.0, 5.0]
    assert (decision.hindsight.shares, decision.finish_s, decision.lost_s) == (((1, 1.0),), 7.0, 2.0)


def test_a_strict_queue_whose_head_waits_for_a_parent_elsewhere_is_not_believed_to_move() -> None:
    # The parent runs 10 s on gpu-1; its child (1 s) heads the strict queue of cpu-0, and our task (1 s) is behind it:
    # done at 12, where the idle gpu-2 would have taken 5 s.
    tasks = workload(
        "head", ("cpu", "gpu"), (0.0, 0.0, 0.0), [(99.0, 10.0), (1.0, 99.0), (1.0, 5.0)], parents=[[], [0], []],
        parents_gb=[[], [0.0], []],
    )  # fmt: skip
    cluster = devices({}, {"kind": "gpu"}, {"kind": "gpu"})
    decision = decided(tasks, cluster, Scripted([Step(((d, 1.0),), float(d)) for d in (1, 0, 0)], []), 2)
    hindsight = decision.hindsight
    assert (decision.finish_s, hindsight.choice_finish_s) == (12.0, 12.0)
    assert (hindsight.shares, hindsight.finish_s, decision.lost_s) == (((2, 1.0),), 5.0, 7.0)
    assert hindsight.prospects.start_s[0] == 11.0


def held_memory(pools: int) -> tuple[Workload, Cluster]:
    """Pools of 4 slots and 10 GB, 8 GB of each held for 10 s; and a task of 4 GB: 2 s there, 5 s on an idle GPU."""
    seconds = [*[(10.0, 99.0)] * pools, (2.0, 5.0)]
    tasks = workload("held", ("cpu", "gpu"), [0.0] * (pools + 1), seconds, memory_gb=[8.0] * pools + [4.0])
    return tasks, devices(*[{"slots": 4, "memory_gb": 10.0}] * pools, {"kind": "gpu"})


def test_a_pool_whose_memory_is_held_is_not_believed_to_be_free() -> None:
    tasks, cluster = held_memory(1)
    decision = decided(tasks, cluster, Scripted([Step(((0, 1.0),))] * 2, []), 1)
    hindsight = decision.hindsight
    assert (decision.finish_s, hindsight.choice_finish_s) == (12.0, 12.0)
    assert (hindsight.shares, hindsight.finish_s) == (((1, 1.0),), 5.0)


def test_it_says_so_when_there_were_too_many_placements_to_try_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, cluster = held_memory(3)
    script = Scripted([Step(((d, 1.0),)) for d in (0, 1, 2, 0)], [])
    assert decided(tasks, cluster, script, 3).hindsight.shares == ((3, 1.0),)
    monkeypatch.setattr(engine.hindsight, "MOST_TRIED", 2)  # the choice, and one pool that seems to be free
    hindsight = decided(tasks, cluster, Scripted(script.script, []), 3).hindsight
    assert (hindsight.shares, hindsight.finish_s, hindsight.tried_all) == (((0, 1.0),), 12.0, False)


def test_a_child_is_judged_before_a_sibling_starts_that_goes_behind_it() -> None:
    # The parent ends at 2. The child was placed on the CPU (5 s) and its sibling (4 s), later, on the GPU, where the
    # child would have gone first and been done at 4.
    tasks = workload(
        "siblings", ("cpu", "gpu"), (0.0,) * 3, [(2.0, 9.0), (5.0, 2.0), (9.0, 4.0)], parents=[[], [0], [0]],
        parents_gb=[[], [0.0], [0.0]],
    )  # fmt: skip
    script = [Step(((0, 1.0),)), Step(((0, 1.0),)), Step(((1, 1.0),))]
    hindsight = decided(tasks, devices({}, {"kind": "gpu"}), Scripted(script, []), 1).hindsight
    assert (hindsight.at_s, hindsight.shares, hindsight.finish_s) == (2.0, ((1, 1.0),), 4.0)
    assert hindsight.choice_finish_s == 7.0


def test_the_device_that_has_just_finished_the_last_parent_goes_on_with_its_queue() -> None:
    # The parent ends on the CPU at 2, what is queued there at 5. On the GPU the child of that (1 s) goes first, by its
    # order, and ours (2 s) from 6 to 8; on the CPU it would go first, and take 9 s.
    tasks = workload(
        "queue", ("cpu", "gpu"), (0.0,) * 4, [(2.0, 9.0), (3.0, 9.0), (9.0, 1.0), (9.0, 2.0)],
        parents=[[], [], [1], [0]], parents_gb=[[], [], [0.0], [0.0]],
    )  # fmt: skip
    script = [Step(((0, 1.0),)), Step(((0, 1.0),)), Step(((1, 1.0),), 0.0), Step(((1, 1.0),), 1.0)]
    decision = decided(tasks, devices({}, {"kind": "gpu"}), Scripted(script, []), 3)
    assert (decision.hindsight.at_s, decision.hindsight.choice_finish_s, decision.finish_s) == (2.0, 8.0, 8.0)
    assert decision.chose_best


def test_a_device_that_is_about_to_become_faster_is_known_to_be() -> None:
    # The CPU is busy until 4 and twice as fast from 3 on: the second task ends there at 4 + 4 / 2, on the GPU at 7.
    tasks = workload("faster", ("cpu", "gpu"), (0.0, 0.0), [(4.0, 9.0), (4.0, 7.0)])
    cluster = devices({"speed_at": ((3.0, 2.0),)}, {"kind": "gpu"})
    decision = decided(tasks, cluster, Scripted([Step(((0, 1.0),)), Step(((1, 1.0),))], []), 1)
    assert (decision.hindsight.shares, decision.hindsight.finish_s, decision.finish_s) == (((0, 1.0),), 6.0, 7.0)


def test_a_division_is_found_where_the_first_of_both_is_held_up() -> None:
    # A divisible task of 4 s on either. The CPU seems free, so that it would do it alone before the GPU is free at 5;
    # but the head of its strict queue waits for what the GPU runs: it is free at 6. Both together are done at 7.5.
    tasks = workload(
        "held up", ("cpu", "gpu"), (0.0,) * 3, [(99.0, 5.0), (1.0, 99.0), (4.0, 4.0)], parents=[[], [0], []],
        parents_gb=[[], [0.0], []], divisible=(False, False, True),
    )  # fmt: skip
    script = [Step(((1, 1.0),), 0.0), Step(((0, 1.0),), 1.0), Step(((0, 1.0),), 2.0)]
    hindsight = decided(tasks, devices({}, {"kind": "gpu"}), Scripted(script, []), 2).hindsight
    assert (hindsight.choice_finish_s, hindsight.finish_s) == (10.0, 7.5)
    assert hindsight.shares == ((0, 0.375), (1, 0.625))


def test_a_rigid_task_is_not_believed_to_fit_where_it_has_too_few_slots_or_gigabytes() -> None:
    tasks = workload("wide", ("cpu", "gpu"), (0.0,), [(4.0, 1.0)], slots=(2,), memory_gb=(3.0,))
    cluster = devices({"slots": 2, "memory_gb": 4.0}, {"kind": "gpu"}, {"slots": 2, "memory_gb": 2.0})
    decision = decided(tasks, cluster, Scripted((Step(((0, 1.0),)),), []), 0)
    assert decision.hindsight.prospects.finish_s.tolist() == [4.0, math.inf, math.inf]
    assert decision.chose_best


class Forgetful(Scheduler):
    """Never places task 1; raises when task 2 is there."""

    name = "forgetful"

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            if task.index == 2:
                raise RuntimeError("no idea")
            if task.index == 0:
                yield Placement(task, ((0, 1.0),))


@pytest.mark.parametrize(("arrivals", "asked", "words"), [
    ((0.0, 1.0), 1, "policy was disqualified before it had placed the task: starved"),
    ((0.0, 1.0, 2.0), 0, "policy was disqualified before the task had finished: it raised RuntimeError: no idea"),
])  # fmt: skip
def test_where_there_is_no_decision_a_sentence_says_why(arrivals: Sequence[float], asked: int, words: str) -> None:
    tasks = workload("few", ("cpu", "gpu"), arrivals, [(9.0, 9.0)] * len(arrivals))
    replay = replayed(tasks, CLUSTER, LaneSpec("policy", Forgetful()), asked)
    assert replay.decision is None
    assert replay.problem is not None
    assert replay.problem.startswith(words)


class Moody(Estimator):
    """Answers otherwise each time that it is asked."""

    name = "moody"

    def __init__(self, context: EstimatorContext) -> None:
        super().__init__(context)
        self.asked = 0

    def seconds(self, task: Task) -> Seconds:
        self.asked += 1
        return [1.0 + self.asked * 7 % 5, 1.0 + self.asked * 3 % 4]


def test_an_estimator_is_asked_no_more_often_than_in_the_race() -> None:
    tasks = workload("many", ("cpu", "gpu"), [k / 2 for k in range(30)], [(2.0, 1.5)] * 30)
    simulation = Simulation(tasks, CLUSTER, Mct(), Moody)
    simulation.advance()
    replay = DecisionReplay(tasks, CLUSTER, LaneSpec("mct", Mct(), Moody), 9)
    replay.advance()
    assert shares_of(replay) == shares_of(simulation)
    assert replay.decision is not None
