"""What the charts draw, against integrals taken share by share from the schedule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_worlds import World, devices, laws, shares_of, worlds
from hypothesis import given
from hypothesis import strategies as st

from engine import strip
from engine.cluster import Device, Kind
from engine.frame import Frame, LaneFrame
from engine.frames import FrameMaker
from engine.race import LaneSpec, Race
from engine.simulation import Simulation
from engine.strip import MOST_ROWS, StripTimeline, rows_of
from engine.timeline import BUCKETS, Buckets, lane_series
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met
from plugins.schedulers.round_robin import RoundRobin

CLUSTER = devices(
    {"slots": 2, "idle_w": 50.0, "active_w": 150.0, "price_per_hour": 1.0},
    {"idle_w": 20.0, "active_w": 90.0},
    {"kind": "gpu", "idle_w": 30.0, "active_w": 330.0, "price_per_hour": 4.0, "link_gb_s": 8.0},
)


def busy_tasks(n: int = 300) -> Workload:
    rng = np.random.default_rng(4)
    size_s = rng.lognormal(0.0, 1.0, n)
    return workload(
        "busy", ("cpu", "gpu"), np.cumsum(rng.exponential(0.4, n)), np.column_stack([size_s, size_s / 4]),
        divisible=np.arange(n) % 3 == 0, transfer_gb=0.2,
    )  # fmt: skip


def overlap_s(a: float, b: float, low: float, high: float) -> float:
    return max(0.0, min(b, high) - max(a, low))


def lanes() -> list[LaneSpec]:
    return [LaneSpec("round_robin", RoundRobin()), LaneSpec("oracle", Mct(), "true"), LaneSpec("met", Met())]


def until(end_s: float, sim: Simulation) -> list[tuple[int, int, float, float, float]]:
    """Return the shares with what has not happened by then cut off: (task, device, slots, start, end)."""
    w = sim.columns.slots
    cut = [(t, d, float(w[t]), s, math.inf if math.isnan(e) else e) for t, d, _, s, e in shares_of(sim)]
    return [(t, d, k, s, min(e, end_s)) for t, d, k, s, e in cut if s < end_s]


def check_lane(frame: Frame, lane: LaneFrame, race: Race, sim: Simulation) -> None:
    """Everything in the frame of one lane that runs up to the clock."""
    near = pytest.approx
    shares = until(frame.clock_s, sim)
    width_s = lane.util_t_s[1] - lane.util_t_s[0] if len(lane.util_t_s) > 1 else 0.0
    for kind, util in (("cpu", lane.util_cpu), ("gpu", lane.util_gpu)):
        of_kind = {d.index for d in CLUSTER.devices if d.kind == kind}
        slots = sum(d.slots for d in CLUSTER.devices if d.kind == kind)
        if width_s:
            low, high = lane.util_t_s[0] - width_s / 2, lane.util_t_s[-1] + width_s / 2
            whole = sum(k * overlap_s(s, e, low, high) for _, d, k, s, e in shares if d in of_kind)
            assert float(util.sum()) * width_s * slots == near(whole, rel=1e-9, abs=1e-9)
        for middle_s, share in list(zip(lane.util_t_s, util, strict=True))[:: max(1, len(util) // 7)]:
            low, high = middle_s - width_s / 2, middle_s + width_s / 2
            busy = sum(k * overlap_s(s, e, low, high) for _, d, k, s, e in shares if d in of_kind)
            if width_s:
                assert share == near(busy / slots / width_s, rel=1e-6, abs=1e-9)
    first_s = race.first_arrival_s
    energy_j = sum(d.idle_w for d in CLUSTER.devices) * (frame.clock_s - first_s)
    money = 0.0
    for _, d, k, s, e in shares:
        spec = CLUSTER.devices[d]
        energy_j += (e - s) * k / spec.slots * (spec.active_w - spec.idle_w)
        money += (e - s) * k / spec.slots * spec.price_per_hour / 3600
    assert lane.energy_j == near(energy_j, rel=1e-9)
    assert lane.cost == near(money, rel=1e-9, abs=1e-12)


def finished_responses(sim: Simulation) -> dict[int, tuple[float, float]]:
    """Return task -> (finish, response) of what has finished."""
    finish: dict[int, float] = {}
    for t, _, _, _, e in shares_of(sim):
        finish[t] = max(finish.get(t, -math.inf), math.inf if math.isnan(e) else e)
    return {t: (e, e - sim.columns.arrival_s[t]) for t, e in finish.items() if e < math.inf}


def test_every_frame_of_a_race_equals_the_integrals_of_its_schedule() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    for second in np.linspace(3.0, 105.0, 9):
        while race.advance(float(second), events=37):
            pass
        frame = maker.frame("met")
        assert frame.clock_s == second
        for lane, shown in zip(race.lanes, frame.lanes, strict=True):
            assert shown.status == "running"
            check_lane(frame, shown, race, lane.simulation)
            done = finished_responses(lane.simulation)
            assert shown.finished == len(done)
            assert shown.backlog == sum(a <= frame.clock_s for a in race.workload.arrival_s) - len(done)
            if done:
                assert shown.mean_response_s == pytest.approx(np.mean([r for _, r in done.values()]))


def test_the_last_frame_shows_the_figures_of_the_result() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    while race.advance(events=200):
        maker.frame("met")
    frame, result = maker.frame("met"), race.result()
    assert frame.done
    assert frame.completions == 3 * 300
    for shown, row in zip(frame.lanes, result.rows, strict=True):
        assert shown.mean_response_s == pytest.approx(row.mean_response_s)
        assert shown.p95_response_s == pytest.approx(row.p95_response_s)
        assert shown.energy_j == pytest.approx(row.energy_j)
        assert shown.cost == pytest.approx(row.cost)
        assert shown.regret_s == pytest.approx(row.regret)
        assert shown.gap == pytest.approx(row.gap["mean_response"])
        assert shown.on_cpu + shown.on_gpu + shown.on_both == 300
    split_tasks = [t for t in range(300) if len(race.lanes[1].simulation.ledger.parts_of(t)) == 2]
    assert frame.lanes[1].on_both == len(split_tasks) > 0
    assert result.bound
    assert frame.bound_response_s == result.bound.mean_response_s


def test_the_response_curve_is_the_mean_response_of_the_tasks_that_finished_in_each_bucket() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    while race.advance(events=100):
        maker.frame(None)
    for lane, shown in zip(race.lanes, maker.frame(None).lanes, strict=True):
        done = finished_responses(lane.simulation)
        assert 20 < len(shown.curve_t_s) <= 1000
        half_s = float(np.diff(shown.curve_t_s).min()) / 2
        counted = 0
        for middle_s, mean_s in zip(shown.curve_t_s, shown.curve_response_s, strict=True):
            inside = [r for e, r in done.values() if middle_s - half_s <= e < middle_s + half_s]
            counted += len(inside)
            assert mean_s == pytest.approx(np.mean(inside))
        assert counted == 300


def test_the_strip_shows_the_busy_slots_and_the_waiting_shares_of_every_device() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    for second in (5.0, 40.0, 41.0, 110.0):
        while race.advance(second, events=50):
            pass
        shown = maker.frame("round_robin").strip
        assert shown is not None
        sim = race.lanes[0].simulation
        parts = sim.ledger.parts()
        width_s = shown.edges_s[1] - shown.edges_s[0]
        assert shown.edges_s[-2] < second <= shown.edges_s[-1]
        rows = list(zip(*(column.tolist() for column in parts), strict=True))
        for device in CLUSTER.devices:
            busy = queued = 0.0
            here = [row for row in rows if row[1] == device.index]
            for _, _, _, placed_s, start_s, end_s in here:
                start_s = math.inf if math.isnan(start_s) else start_s
                end_s = math.inf if math.isnan(end_s) else end_s
                busy += overlap_s(start_s, end_s, 0.0, second)
                queued += overlap_s(placed_s, start_s, 0.0, second)
            assert float(shown.busy[device.index].sum()) * width_s * device.slots == pytest.approx(busy)
            assert float(shown.queued[device.index].sum()) * width_s == pytest.approx(queued, abs=1e-9)
            running = sum(1 for row in here if not math.isnan(row[4]) and math.isnan(row[5]))
            assert shown.busy_now[device.index] == running
            assert shown.queued_now[device.index] == sum(math.isnan(row[4]) for row in here)


def test_a_large_cluster_has_few_rows_each_of_one_kind_and_none_empty() -> None:
    kinds: tuple[Kind, ...] = ("gpu", "cpu", "gpu")
    devices = [Device(i, f"d{i}", kinds[i % 3], "x") for i in range(3000)]
    row_of = rows_of(devices)
    rows = [{devices[i].kind for i in np.flatnonzero(row_of == row)} for row in range(row_of.max() + 1)]
    assert len(rows) <= MOST_ROWS + 1
    assert [len(kinds) for kinds in rows] == [1] * len(rows)
    assert rows == sorted(rows, key=lambda kinds: kinds != {"gpu"})


def test_rows_of_several_devices_show_their_slots_together(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    while race.advance(40.0):
        pass
    apart = StripTimeline("round_robin", race.lanes[0].simulation).at(40.0)
    monkeypatch.setattr(strip, "MOST_ROWS", 1)
    together = StripTimeline("round_robin", race.lanes[0].simulation).at(40.0)
    for kind in {device.kind for device in CLUSTER.devices}:
        devices = [device.index for device in CLUSTER.devices if device.kind == kind]
        slots = np.array([CLUSTER.devices[i].slots for i in devices])
        (row,) = set(together.row_of[devices].tolist())
        assert together.busy[row] == pytest.approx(slots @ apart.busy[apart.row_of[devices]] / slots.sum())
        assert together.queued[row] == pytest.approx(apart.queued[apart.row_of[devices]].mean(axis=0))


def test_the_bound_of_the_response_waits_for_the_first_line_to_move() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    known = []
    while not any(known):
        frame = maker.frame(None)
        known.append(not math.isnan(frame.bound_response_s))
        moved = frame.completions > 0
        race.step()
    assert moved
    assert not race.done
    assert all(math.isnan(lane.gap) for lane in frame.lanes)


def test_the_strip_follows_the_selected_scheduler() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    race.advance(20.0, events=10**5)
    names = [strip.scheduler if (strip := maker.frame(name).strip) else None for name in ("met", "oracle", None, "no")]
    assert names == ["met", "oracle", None, None]


def test_frames_change_no_bit_and_later_frames_change_no_earlier_one() -> None:
    watched, alone = Race(busy_tasks(), CLUSTER, lanes()), Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(watched)
    watched.advance(30.0, events=10**5)
    early = maker.frame("met")
    copies = [lane.curve_response_s.copy() for lane in early.lanes]
    while watched.advance(events=41):
        maker.frame("met")
    while alone.advance():
        pass
    assert watched.result() == alone.result()
    for lane, copy in zip(early.lanes, copies, strict=True):
        assert np.array_equal(lane.curve_response_s, copy)


def test_the_regret_of_a_frame_is_the_mean_difference_to_the_oracle_on_what_both_have_finished() -> None:
    race = Race(busy_tasks(), CLUSTER, lanes())
    maker = FrameMaker(race)
    race.advance(60.0, events=10**5)
    shown = maker.frame(None).lanes[2]
    mine, theirs = (finished_responses(race.lanes[i].simulation) for i in (2, 1))
    both = mine.keys() & theirs.keys()
    assert shown.regret_s == pytest.approx(np.mean([mine[t][1] - theirs[t][1] for t in both]))


def test_the_stored_series_hold_every_response_and_every_busy_second() -> None:
    simulation = Simulation(busy_tasks(), CLUSTER, Met())
    simulation.advance()
    series = {s.name: s for s in lane_series("met", simulation)}
    assert set(series) == {"mean_response_s", "utilisation_cpu", "utilisation_gpu"}
    gpu = series["utilisation_gpu"]
    width_s = gpu.at_s[1] - gpu.at_s[0]
    low, high = gpu.at_s[0] - width_s / 2, gpu.at_s[-1] + width_s / 2
    busy = sum(overlap_s(s, e, low, high) for _, d, _, s, e in shares_of(simulation) if d == 2)
    assert float(gpu.value.sum()) * width_s == pytest.approx(busy)


@laws(100)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 5000), st.floats(0, 900), st.sampled_from([1.0, 2.5])), max_size=30
    ),
    st.floats(0, 1e6),
    st.sampled_from([1e-6, 0.1, 1.0, 3.0]),
)
def test_the_sums_of_all_buckets_are_the_exact_integrals_however_often_they_widen(
    spans: list[tuple[int, float, float, float]], origin_s: float, width_s: float
) -> None:
    buckets = Buckets(3, origin_s, width_s)
    for row, after_s, length_s, weight in spans:
        start_s = origin_s + after_s
        buckets.add_spans(np.array([row]), np.array([start_s]), np.array([start_s + length_s]), np.array([weight]))
    for row in range(3):
        exact = sum(((origin_s + a + b) - (origin_s + a)) * w for r, a, b, w in spans if r == row)
        assert float(buckets.sums[row].sum()) == pytest.approx(exact, rel=1e-6, abs=1e-6)
    edges = buckets.edges_s
    for index in range(0, BUCKETS, 37):
        low, high = edges[index], edges[index + 1]
        exact = sum(w * overlap_s(origin_s + a, origin_s + a + b, low, high) for r, a, b, w in spans if r == 0)
        assert buckets.sums[0, index] == pytest.approx(exact, rel=1e-6, abs=1e-5)


@laws(40)
@given(worlds(exact=False))
def test_frames_can_be_made_at_any_instant_of_any_race(world: World) -> None:
    race = Race(world.tasks, world.cluster, [LaneSpec("scripted", world.simulation()._place.__self__), *lanes()])
    maker = FrameMaker(race)
    while race.advance(events=3):
        frame = maker.frame("scripted")
        assert frame.strip is not None
        for lane in frame.lanes:
            assert lane.finished + lane.backlog <= len(world.tasks)
            assert ((lane.util_cpu >= 0) & (lane.util_cpu <= 1)).all()
