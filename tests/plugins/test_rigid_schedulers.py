"""The rules for rigid jobs: schedules worked out by hand, and plain references that work everything out anew."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Cluster
from engine.completion import Completion
from engine.estimating import EstimatorFactory
from engine.estimator import Estimator, Seconds
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.task import Task, TaskColumns
from engine.workload import Workload, workload
from plugins.clusters import processors
from plugins.schedulers.conservative import Conservative
from plugins.schedulers.easy import Easy
from plugins.schedulers.f1 import F1
from plugins.schedulers.fcfs import Fcfs
from plugins.schedulers.head_first import BackfillParams, ScoreParams
from plugins.schedulers.ljf import Ljf
from plugins.schedulers.profile import Profile
from plugins.schedulers.sjf import Sjf
from plugins.schedulers.unicep import Unicep
from plugins.schedulers.wfp3 import Wfp3
from tests.engine.engine_worlds import clusters, devices, laws

RULES: tuple[type[Scheduler], ...] = (Fcfs, Sjf, Ljf, Easy, Conservative, Wfp3, Unicep, F1)


def starts(
    tasks: Workload, cluster: Cluster, scheduler: Scheduler, estimator: str | EstimatorFactory = "nominal"
) -> list[float]:
    """Return when each task starts; none waits on a device."""
    simulation = Simulation(tasks, cluster, scheduler, estimator)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    parts = simulation.ledger.parts()
    assert (parts.start_s == parts.placed_s).all()
    return parts.start_s.tolist()


def jobs(*rows: tuple[float, ...]) -> Workload:
    """Return jobs from rows (arrival, asked seconds, slots) or (arrival, asked seconds, slots, true seconds)."""
    asked = [[row[1]] for row in rows]
    true = [[row[3] if len(row) > 3 else row[1]] for row in rows]
    return workload("jobs", ("cpu",), [row[0] for row in rows], true, etc_s=asked, slots=[int(row[2]) for row in rows])


# --- schedules worked out by hand, on ten processors

EASY_EXAMPLE = jobs(
    (0, 10, 6),  # A starts at 0 and holds 6 until 10
    (1, 10, 8),  # B does not fit (4 free): shadow time 10, where all 10 are free, 2 of them extra
    (2, 20, 2),  # C ends after 10, but takes no more than the 2 extra ones: starts at 2; none is extra from now on
    (3, 7, 2),  # D ends at 10, not after the shadow time: starts at 3
    (4, 1, 1),  # E finds none free; at 10 only the 8 that B takes are free beside C, so it starts when B ends, at 20
)


def test_easy_lets_pass_who_ends_by_the_shadow_time_or_takes_extra_nodes_only() -> None:
    assert starts(EASY_EXAMPLE, processors(10), Easy()) == [0, 10, 2, 3, 20]


class Doubling(Estimator):
    """Believes in twice the nominal seconds as soon as anything has finished."""

    name = "doubling"
    factor = 1.0

    def seconds(self, task: Task) -> Seconds:
        return tuple(self.factor * self.context.nominal_s[task.index])

    def observe(self, completion: Completion) -> None:
        self.factor = 2.0


def test_easy_lets_nobody_pass_who_is_no_longer_believed_to_end_by_the_shadow_time() -> None:
    # A holds 6 until 10, X 4 until 3; B is promised 10. C came believed to take 5, which would do at 3: now it is 10
    tasks = jobs((0, 10, 6), (0, 3, 4), (1, 10, 8), (2, 5, 4))
    assert starts(tasks, processors(10), Easy()) == [0, 0, 10, 3]
    assert starts(tasks, processors(10), Easy(), Doubling) == [0, 0, 10, 20]


def test_the_backfilling_of_the_published_table_has_no_extra_nodes_and_wants_an_end_before_the_shadow_time() -> None:
    # C and D wait: 22 and 10 are not before 10. E ends at 5. B starts at 10 and leaves 2, which C takes; D at 20.
    assert starts(EASY_EXAMPLE, processors(10), Fcfs(BackfillParams("sc20"))) == [0, 10, 10, 20, 4]


def test_fcfs_holds_up_all_behind_a_job_without_room() -> None:
    # B at 10 leaves 2 for C; D and E wait for B's end
    assert starts(EASY_EXAMPLE, processors(10), Fcfs()) == [0, 10, 10, 20, 20]


PROMISES = (
    (0, 10, 6),  # A starts at 0
    (1, 10, 8),  # B is promised 10
    (2, 10, 9),  # C is promised 20, when B ends
    (3, 20, 2),  # D from 3 on would leave C only 8 at 20, and beside C there is 1: it is promised 30
    (4, 6, 2),  # E fits beside A until 10: starts at 4
)


def test_conservative_lets_nobody_pass_who_would_delay_any_promise() -> None:
    assert starts(jobs(*PROMISES), processors(10), Conservative()) == [0, 10, 20, 30, 4]


def test_easy_keeps_the_promise_to_the_first_alone() -> None:
    # D takes the 2 that B leaves free: C, which was not first, waits for D's end at 23
    assert starts(jobs(*PROMISES), processors(10), Easy()) == [0, 10, 23, 3, 4]


def test_conservative_compresses_in_arrival_order_when_a_job_ends_early() -> None:
    # A ends at 5. B fits at once beside E (8 + 2), until 15. C needs B's end: 15 to 25. D would fit at 10 beside B,
    # but not beside C: 25.
    early = ((0, 10, 6, 5), *PROMISES[1:])
    assert starts(jobs(*early), processors(10), Conservative()) == [0, 5, 15, 25, 4]


@pytest.mark.parametrize("rule", [Easy, Conservative])
def test_a_job_that_overruns_counts_as_ending_now(rule: type[Scheduler]) -> None:
    # A asked for 2 and runs for 9. At 3 B is first, believed to start at once; C (4 free) would end after that and
    # there are no extra ones: it waits for A with B.
    assert starts(jobs((0, 2, 6, 9), (1, 5, 10), (3, 4, 4)), processors(10), rule()) == [0, 9, 14]


# one after the other: no two of the last three fit beside each other on four processors
FOUR_JOBS = ((0, 9, 4), (1, 5, 4), (5, 3, 3), (8, 4, 3))


@pytest.mark.parametrize(
    ("rule", "expected_s"),
    [
        (Sjf, [0, 16, 9, 12]),
        (Ljf, [0, 9, 18, 14]),
        # at 9: (8/5)^3 4 = 16.4, (4/3)^3 3 = 7.1, (1/4)^3 3 = 0.05; at 14: (9/3)^3 3 = 81, (6/4)^3 3 = 10.1
        (Wfp3, [0, 9, 14, 17]),
        # at 9: 8/(2 x 5) = 0.8, 4/(1.58 x 3) = 0.84, 1/(1.58 x 4) = 0.16; at 12: 11/(2 x 5) = 1.1, 4/(1.58 x 4) = 0.63
        (Unicep, [0, 12, 9, 17]),
        # 0.70 x 4 + 870 log10(1) = 2.8, 0.48 x 3 + 870 log10(5) = 609.5, 0.60 x 3 + 870 log10(8) = 787.5
        (F1, [0, 9, 14, 17]),
    ],
)
def test_a_scored_queue_by_hand(rule: type[Scheduler], expected_s: list[float]) -> None:
    assert starts(jobs(*FOUR_JOBS), processors(4), rule()) == expected_s


def test_f1_reads_absolute_arrivals() -> None:
    # a million seconds later 870 log10(arrival) differs by less than 0.01 and log10(run) x slots decides: 2.8, 1.4, 1.8
    later = jobs(*((arrival + 1e6, *rest) for arrival, *rest in FOUR_JOBS))
    assert starts(later, processors(4), F1()) == [1e6 + s for s in (0, 16, 9, 12)]


def test_a_committed_choice_holds_up_a_better_one_that_comes_later() -> None:
    tasks = jobs((0, 10, 6), (1, 5, 8), (2, 1, 2))
    assert starts(tasks, processors(10), Sjf(ScoreParams(commit=True))) == [0, 10, 10]
    assert starts(tasks, processors(10), Sjf()) == [0, 10, 2]


def test_a_job_starts_on_the_fastest_device_with_room_and_easy_reserves_the_first_to_be_free() -> None:
    cluster = devices({"slots": 4}, {"slots": 4, "speed": 2.0}, {"slots": 2})
    # job 0 takes the fast device until 6, job 1 the slow one until 10; job 2 is promised the fast one at 6. Job 3 would
    # end there after 6 and there are no extra slots, but the third device has nothing to do with it.
    tasks = jobs((0, 12, 3), (1, 9, 4), (2, 4, 4), (3, 20, 1))
    assert starts(tasks, cluster, Easy()) == [0, 1, 6, 3]
    simulation = Simulation(tasks, cluster, Easy())
    simulation.advance()
    assert simulation.ledger.parts().device.tolist() == [1, 0, 1, 2]


# --- plain references, on whole seconds


@dataclass
class Machine:
    """An event loop: all arrivals of an instant, then its finishes one by one in start order, the rule after each."""

    arrival_s: list[int]
    true_s: list[int]
    asked_s: list[int]
    slots: list[int]
    free: int
    queue: list[int] = field(default_factory=list)
    running: list[tuple[int, int]] = field(default_factory=list)  # (start, job) in start order
    start_s: dict[int, int] = field(default_factory=dict)

    def start(self, job: int, now_s: int) -> None:
        self.queue.remove(job)
        self.free -= self.slots[job]
        self.start_s[job] = now_s
        self.running.append((now_s, job))

    def ends(self, now_s: int) -> list[tuple[int, int]]:
        """Return (believed end, slots) of what runs; an overrun ends now."""
        return [(max(now_s, start_s + self.asked_s[job]), self.slots[job]) for start_s, job in self.running]

    def run(self, rule: Callable[[Machine, int], None]) -> list[int]:
        now_s, waiting = 0, sorted(range(len(self.slots)), key=lambda job: self.arrival_s[job])
        while waiting or self.running:
            if waiting and self.arrival_s[waiting[0]] == now_s:
                while waiting and self.arrival_s[waiting[0]] == now_s:
                    self.queue.append(waiting.pop(0))
                rule(self, now_s)
            for entry in list(self.running):
                if entry[0] + self.true_s[entry[1]] == now_s:
                    self.running.remove(entry)
                    self.free += self.slots[entry[1]]
                    rule(self, now_s)
            now_s += 1
        return [self.start_s[job] for job in range(len(self.slots))]


def plain_fcfs(machine: Machine, now_s: int) -> None:
    while machine.queue and machine.slots[machine.queue[0]] <= machine.free:
        machine.start(machine.queue[0], now_s)


def plain_easy(machine: Machine, now_s: int) -> None:
    """Mu'alem & Feitelson 2001, section 2.2, from nothing at each call."""
    plain_fcfs(machine, now_s)
    if not machine.queue:
        return
    head, *others = machine.queue
    ends = machine.ends(now_s)

    def free_at(second: int) -> int:
        return machine.free + sum(slots for end_s, slots in ends if end_s <= second)

    shadow_s = min(end_s for end_s, _ in ends if free_at(end_s) >= machine.slots[head])
    extra = free_at(shadow_s) - machine.slots[head]
    for job in others:
        if machine.slots[job] > machine.free:
            continue
        if now_s + machine.asked_s[job] <= shadow_s:
            machine.start(job, now_s)
        elif machine.slots[job] <= extra:
            extra -= machine.slots[job]
            machine.start(job, now_s)


def plain_by(score: Callable[[Machine, int, int], float]) -> Callable[[Machine, int], None]:
    """Return the rule that starts the job of the lowest score, again and again, until it does not fit."""

    def rule(machine: Machine, now_s: int) -> None:
        while machine.queue:
            job = min(machine.queue, key=lambda j: (score(machine, j, now_s), machine.queue.index(j)))
            if machine.slots[job] > machine.free:
                return
            machine.start(job, now_s)

    return rule


def plain_wfp3(machine: Machine, job: int, now_s: int) -> float:
    return -(((now_s - machine.arrival_s[job]) / machine.asked_s[job]) ** 3) * machine.slots[job]


def plain_f1(machine: Machine, job: int, now_s: int) -> float:
    arrival_s = machine.arrival_s[job] or 0.1
    return math.log10(machine.asked_s[job]) * machine.slots[job] + 870 * math.log10(arrival_s)


PLAIN: dict[type[Scheduler], Callable[[Machine, int], None]] = {
    Fcfs: plain_fcfs,
    Easy: plain_easy,
    Sjf: plain_by(lambda machine, job, now_s: machine.asked_s[job]),
    Ljf: plain_by(lambda machine, job, now_s: -machine.asked_s[job]),
    Wfp3: plain_by(plain_wfp3),
    F1: plain_by(plain_f1),
}

ROWS = st.lists(
    st.tuples(st.integers(0, 25), st.integers(1, 12), st.integers(1, 8), st.integers(-3, 6)), min_size=1, max_size=25
)


def machine_and_tasks(rows: list[tuple[int, int, int, int]], overrun: bool) -> tuple[Machine, Workload]:
    """Return the same jobs for both; the last number of a row is how much sooner than asked the job ends."""
    rows = [(at, ask, slots, max(1, ask - (early if overrun else abs(early)))) for at, ask, slots, early in rows]
    arrival_s, asked_s, slots, true_s = ([row[i] for row in rows] for i in range(4))
    return Machine(arrival_s, true_s, asked_s, slots, free=8), jobs(*rows)


@pytest.mark.parametrize("rule", PLAIN)
@laws(150)
@given(ROWS, st.booleans())
def test_every_start_is_that_of_the_plain_rule(
    rule: type[Scheduler], rows: list[tuple[int, int, int, int]], overrun: bool
) -> None:
    machine, tasks = machine_and_tasks(rows, overrun)
    assert starts(tasks, processors(8), rule()) == machine.run(PLAIN[rule])


class PlainConservative:
    """Mu'alem & Feitelson 2001 with a table of the free processors in each second."""

    def __init__(self) -> None:
        self.promised: dict[int, int] = {}
        self.at_arrival: dict[int, int] = {}
        self.last_ends: list[tuple[int, int]] = []

    def __call__(self, machine: Machine, now_s: int) -> None:
        ends = [end for end in machine.ends(now_s) if end[0] > now_s]
        late = any(second < now_s for second in self.promised.values())
        if late or sorted(ends) != sorted(end for end in self.last_ends if end[0] > now_s):
            before = None
            if late:
                self.promised.clear()
            while before != self.promised:
                before = dict(self.promised)
                for job in [job for job in machine.queue if late or job in before]:
                    self.promised.pop(job, None)
                    self.promise(machine, job, now_s)
        for job in machine.queue:
            if job not in self.promised:
                self.at_arrival[job] = self.promise(machine, job, now_s)
        for job, second in list(self.promised.items()):
            if second == now_s and machine.slots[job] <= machine.free:
                machine.start(job, now_s)
                del self.promised[job]
        self.last_ends = machine.ends(now_s)

    def promise(self, machine: Machine, job: int, now_s: int) -> int:
        free = np.full(1000, 8)
        for end_s, slots in machine.ends(now_s):
            free[now_s:end_s] -= slots
        for other, second in self.promised.items():
            free[second : second + machine.asked_s[other]] -= machine.slots[other]
        second = next(s for s in range(now_s, 900) if (free[s : s + machine.asked_s[job]] >= machine.slots[job]).all())
        self.promised[job] = second
        return second


@laws(200)
@given(ROWS, st.booleans())
def test_conservative_keeps_every_promise_and_starts_as_the_plain_table_says(
    rows: list[tuple[int, int, int, int]], overrun: bool
) -> None:
    machine, tasks = machine_and_tasks(rows, overrun)
    plain = PlainConservative()
    expected_s = machine.run(plain)
    assert starts(tasks, processors(8), Conservative()) == expected_s
    if not overrun:
        assert all(expected_s[job] <= promised_s for job, promised_s in plain.at_arrival.items())


class AllAnew(Conservative):
    """Makes every profile anew and puts back every job, whenever something ends early."""

    @property
    def _misjudged(self) -> bool:
        return True

    @_misjudged.setter
    def _misjudged(self, value: bool) -> None:
        pass


@laws(150)
@given(ROWS, st.booleans())
def test_conservative_leaves_no_job_where_it_is_that_would_move_on_any_of_several_devices(
    rows: list[tuple[int, int, int, int]], overrun: bool
) -> None:
    rows = [(at // 8, asked, slots, early) for at, asked, slots, early in rows]  # so that many wait
    cluster = devices({"slots": 4}, {"slots": 8, "speed": 0.5}, {"slots": 4})
    digests = []
    for rule in (Conservative, AllAnew):
        simulation = Simulation(machine_and_tasks(rows, overrun)[1], cluster, rule())
        simulation.advance()
        digests.append(simulation.ledger.digest())
    assert digests[0] == digests[1]


@laws(200)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.integers(1, 4)), max_size=12))
def test_a_profile_finds_the_first_second_at_which_a_job_fits(wanted: list[tuple[int, int, int]]) -> None:
    profile, free = Profile(0.0, 5, [(7.0, 3)]), np.full(400, 8)
    free[:7] -= 3
    for from_s, seconds, slots in wanted:
        first_s = next(s for s in range(from_s, 400) if (free[s : s + seconds] >= slots).all())
        assert profile.first_fit(from_s, seconds, slots) == first_s
        profile.take(first_s, first_s + seconds, slots)
        free[first_s : first_s + seconds] -= slots


# --- what they serve


@st.composite
def rigid_worlds(draw: st.DrawFn) -> tuple[Workload, Cluster]:
    """Return jobs that each fit some device of one to four, with links, speeds, memories and times on every kind."""
    cluster = draw(clusters())
    n = draw(st.integers(1, 15))
    homes = [draw(st.sampled_from(cluster.devices)) for _ in range(n)]
    slots = [draw(st.integers(1, home.slots)) for home in homes]
    memory_gb = [draw(st.sampled_from([0.0, 0.25, 1.0])) for _ in homes]
    seconds = st.floats(0.01, 30.0)
    tasks = workload(
        "rigid world",
        ("cpu", "gpu"),
        [draw(st.integers(0, 8)) / 2 for _ in range(n)],
        [[draw(seconds), draw(seconds)] for _ in range(n)],
        etc_s=[[draw(seconds), draw(seconds)] for _ in range(n)],
        slots=slots,
        memory_gb=[min(gb, home.memory_gb) for gb, home in zip(memory_gb, homes, strict=True)],
        transfer_gb=[draw(st.sampled_from([0.0, 0.5])) for _ in range(n)],
    )
    return tasks, cluster


@pytest.mark.parametrize("rule", RULES)
@laws(80)
@given(rigid_worlds())
def test_every_rule_finishes_rigid_jobs_on_any_cluster_and_never_queues_on_a_device(
    rule: type[Scheduler], world: tuple[Workload, Cluster]
) -> None:
    tasks, cluster = world
    reason = rule.declines(TaskColumns(tasks), cluster)
    if reason is None:
        starts(tasks, cluster, rule())
    else:
        assert "memory" in reason and rule in (Easy, Conservative)


@pytest.mark.parametrize("rule", [Fcfs, Sjf, F1, Wfp3])
@laws(40)
@given(rigid_worlds(), st.booleans())
def test_the_backfilling_of_the_published_table_starts_every_job_too(
    rule: type[Scheduler], world: tuple[Workload, Cluster], commit: bool
) -> None:
    options = {"backfill": "sc20"} if rule is Fcfs else {"backfill": "sc20", "commit": commit}
    starts(*world, rule(rule.Params(**options)))


def test_a_task_graph_is_declined_by_all_and_divisible_tasks_by_all_that_weigh_slots() -> None:
    graph = workload("graph", ("cpu",), [0, 0], [[1], [1]], parents=[[], [0]])
    divisible = workload("divisible", ("cpu",), [0.0], [[1]], divisible=True)
    wide = workload("wide", ("cpu",), [0.0], [[1]], slots=9)
    for rule in RULES:
        assert "wait for one another" in str(rule.declines(TaskColumns(graph), processors(8)))
        assert "task 0" in str(rule.declines(TaskColumns(wide), processors(8)))
        reason = rule.declines(TaskColumns(divisible), processors(8))
        assert reason is None if rule in (Fcfs, Sjf, Ljf) else "divisible" in str(reason)


def test_a_reservation_is_declined_where_memory_could_run_out_before_slots() -> None:
    cluster = devices({"slots": 4, "memory_gb": 8.0})
    for memory_gb, declined in ((4.0, False), (4.1, True)):
        tasks = workload("memory", ("cpu",), [0.0], [[1]], slots=2, memory_gb=memory_gb)
        for rule in (Easy, Conservative):
            assert (rule.declines(TaskColumns(tasks), cluster) is not None) is declined
