"""From a spec to a race that can start."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.drift import Drift
from engine.errors import InputError
from engine.estimator import Estimator
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.spec import ParamValue, RaceSpec, SchedulerSpec
from engine.workload import Workload, workload
from plugins.assemble import PreparedRace, expand_all, prepare
from plugins.choosing import choose_workload
from plugins.registry import Registry, load_registry
from plugins.workload import WorkloadPlugin, WorkloadRequest


@cache
def registry() -> Registry:
    return load_registry(plugins=[])


def lanes(*names: str, **params: ParamValue) -> tuple[SchedulerSpec, ...]:
    return tuple(SchedulerSpec(name, params) for name in names)


def refusal(spec: RaceSpec, plugins: Registry | None = None) -> str:
    with pytest.raises(InputError) as caught:
        prepare(spec, plugins or registry())
    return str(caught.value)


def digests(prepared: PreparedRace) -> dict[str, str | None]:
    race = prepared.race()
    while race.advance(math.inf, 10_000):
        pass
    race.close()
    return {row.name: row.digest for row in race.result().rows}


def test_the_default_race_is_ready_to_start() -> None:
    prepared = prepare(RaceSpec(), registry())
    assert [lane.label for lane in prepared.lanes] == ["round_robin", "mct", "hybrid_ml", "oracle"]
    assert (len(prepared.workload), prepared.cluster.summary()) == (2000, "4 CPU + 2 GPU")


def test_a_race_can_be_made_again_and_again_with_the_same_result() -> None:
    prepared = prepare(RaceSpec(schedulers=lanes("random", "mct+forest"), tasks=200), registry())
    assert digests(prepared) == digests(prepared)


def test_a_lanes_result_does_not_depend_on_who_else_races() -> None:
    alone, together = (
        digests(prepare(RaceSpec(schedulers=lanes(*names), tasks=100), registry()))
        for names in (["random"], ["mct", "random", "oracle"])
    )
    assert alone["random"] == together["random"]


def test_two_labels_of_one_random_policy_draw_differently() -> None:
    twins = (SchedulerSpec("random", label="heads"), SchedulerSpec("random", label="tails"))
    result = digests(prepare(RaceSpec(schedulers=twins, tasks=100), registry()))
    assert result["heads"] != result["tails"]


def test_aliases_are_the_rules_that_they_stand_for() -> None:
    result = digests(prepare(RaceSpec(schedulers=lanes("oracle", "mct+true", "greedy", "met"), tasks=100), registry()))
    assert result["oracle"] == result["mct+true"]
    assert result["greedy"] == result["met"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("roundrobin", "There is no scheduler 'roundrobin'. Did you mean 'round_robin'?"),
        ("mct+forrest", "There is no estimator 'forrest'. Did you mean 'forest'?"),
        ("oracle+forest", "'oracle' stands for 'mct+true' and has its estimator already; write mct+ESTIMATOR."),
    ],
)
def test_an_unknown_name_is_met_with_the_one_that_was_meant(name: str, message: str) -> None:
    assert message in refusal(RaceSpec(schedulers=lanes(name)))


def test_parameters_of_rule_and_estimator_go_to_the_half_that_declares_them() -> None:
    lane = prepare(RaceSpec(schedulers=lanes("rl_agent+forest", interval=25, exploration=0.2)), registry()).lanes[0]
    assert lane.estimator_params.interval == 25
    assert lane.rule_params.exploration == 0.2


def test_unknown_and_wrong_parameters_are_sentences() -> None:
    assert "'hybrid_ml' has no parameter 'intervall'. Did you mean 'interval'?" in refusal(
        RaceSpec(schedulers=lanes("hybrid_ml", intervall=3))
    )
    assert "'mct' has no parameter 'x'. It has none." in refusal(RaceSpec(schedulers=lanes("mct", x=3)))
    assert "must be a whole number" in refusal(RaceSpec(schedulers=lanes("hybrid_ml", interval="often")))
    assert "Did you mean 'noise'?" in refusal(RaceSpec(workload_params={"noize": 1.0}))


def test_all_is_every_built_in_that_can_serve_and_the_notes_name_the_others() -> None:
    prepared = prepare(RaceSpec(schedulers=lanes("all"), tasks=20), registry())
    labels = [lane.label for lane in prepared.lanes]
    assert labels[-2:] == ["hybrid_ml", "oracle"]
    assert "heft" not in labels
    assert any(note.startswith("heft was left out: ") for note in prepared.notes)
    assert tuple(lane.shown for lane in prepared.spec.schedulers) == tuple(labels)
    assert "heft" in [lane.name for lane in expand_all(RaceSpec(workload="cholesky"), registry())]


def test_all_keeps_the_parameters_of_lanes_that_the_spec_describes() -> None:
    spec = RaceSpec(schedulers=lanes("hybrid_ml", interval=25), tasks=20)
    expanded = {lane.name: lane for lane in expand_all(spec, registry())}
    assert expanded["hybrid_ml"].params == {"interval": 25}


def test_all_leaves_out_strangers() -> None:
    assert "stranger" not in [lane.name for lane in expand_all(RaceSpec(tasks=20), load_registry(plugins=[Stranger]))]


class Stranger(Scheduler):
    name = "stranger"

    def place(self, pending: Any, state: Any) -> Iterable[Placement]:
        return [on(task, 0) for task in pending]


class Shy(Stranger):
    name = "shy"

    @classmethod
    def declines(cls, tasks: Any, cluster: Any) -> str | None:
        return "not in the mood."


class Fragile(Stranger):
    name = "fragile"

    def __init__(self, params: Any = None, seed: int = 0) -> None:
        raise RuntimeError("dropped")


def test_a_scheduler_that_declines_or_cannot_be_set_up_is_a_sentence() -> None:
    plugins = load_registry(plugins=[Shy, Fragile])
    assert "Scheduler 'shy' cannot serve this race: not in the mood." in refusal(
        RaceSpec(schedulers=lanes("shy")), plugins
    )
    assert "Scheduler 'fragile' could not be set up: RuntimeError: dropped." in refusal(
        RaceSpec(schedulers=lanes("fragile")), plugins
    )


class BrokenLearner(Estimator):
    name = "broken"

    def __init__(self, context: Any, params: Any = None) -> None:
        raise RuntimeError("dropped")

    def seconds(self, task: Any) -> list[float]:
        return []


def test_an_estimator_that_cannot_be_set_up_costs_its_own_lane_only() -> None:
    plugins = load_registry(plugins=[BrokenLearner])
    race = prepare(RaceSpec(schedulers=lanes("mct+broken", "mct"), tasks=5), plugins).race()
    while race.advance():
        pass
    broken, fine = race.result().rows
    assert broken.status == "disqualified"
    assert "RuntimeError: dropped" in str(broken.reason)
    assert fine.status == "finished"


class Exiting(Scheduler):
    name = "exiting"

    def __init__(self, params: Any = None, seed: int = 0) -> None:
        raise SystemExit(3)

    def place(self, pending: Any, state: Any) -> list[Any]:
        return []


def test_a_scheduler_that_exits_when_it_is_set_up_is_a_sentence() -> None:
    with pytest.raises(InputError, match="'exiting' could not be set up: SystemExit"):
        prepare(RaceSpec(schedulers=lanes("exiting"), tasks=5), load_registry(plugins=[Exiting]))


def test_all_takes_neither_parameters_nor_a_label() -> None:
    with pytest.raises(InputError, match="'all' takes neither"):
        prepare(RaceSpec(schedulers=(SchedulerSpec("all", {"interval": 25}),), tasks=5), registry())


@pytest.mark.parametrize("label", ["oracle", "mct", "x+true"])
def test_no_lane_may_carry_the_name_of_another_scheduler(label: str) -> None:
    with pytest.raises(InputError, match="needs another label"):
        prepare(RaceSpec(schedulers=(SchedulerSpec("random", label=label),), tasks=5), registry())


def test_the_estimator_law_needs_a_workload_that_knows_its_law(tmp_path: Path) -> None:
    (tmp_path / "tasks.csv").write_text("arrival_s,actual_cpu_s\n0,1\n")
    spec = RaceSpec(workload=str(tmp_path / "tasks.csv"), schedulers=lanes("mct+law"), cluster="small")
    with pytest.raises(InputError):
        prepare(spec, registry())
    assert prepare(RaceSpec(schedulers=lanes("mct+law"), tasks=5), registry()).lanes[0].estimator == "law"


class Unfit(WorkloadPlugin):
    """One small task and one that fits nowhere, for a reason of choice."""

    name = "unfit"
    change: dict[str, Any] = {}  # noqa: RUF012

    def load(self, request: WorkloadRequest) -> Workload:
        return workload(
            "unfit",
            ("cpu", "gpu", "fpga"),
            [0.0, 0.0],
            **{"actual_s": np.ones((2, 3)), "names": ["small", "large"]} | self.change,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory_gb": [1, 500]}, "it needs 500 GB of memory, and at most 96 GB can be had"),
        ({"memory_gb": [1, 5000], "divisible": True}, "it needs 5000 GB of memory, and at most 416 GB can be had"),
        ({"slots": [1, 2]}, "it asks for 2 slots of one device"),
        ({"actual_s": [[1, 1, 1], [math.inf, math.inf, 1]]}, "it has no time for any device model there"),
    ],
)
def test_a_task_that_fits_no_device_is_named_with_the_reason(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unfit, "change", change)
    text = refusal(RaceSpec(workload="unfit"), load_registry(plugins=[Unfit]))
    assert "Task 'large' of workload 'unfit' fits no device of cluster 'default'" in text
    assert message in text


def test_a_divisible_task_may_spread_over_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unfit, "change", {"memory_gb": [1, 105], "divisible": True})
    prepare(RaceSpec(workload="unfit", schedulers=lanes("mct")), load_registry(plugins=[Unfit]))


class AnyFile(WorkloadPlugin):
    name = "any_file"
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        return workload("any", ("cpu",), [0.0], [[1.0]])

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        return "arrival_s" in head


class Failing(WorkloadPlugin):
    name = "failing"

    def load(self, request: WorkloadRequest) -> Workload:
        raise KeyError("column")


def tasks_file(folder: Path) -> Path:
    path = folder / "tasks: mine.csv"
    path.write_text("arrival_s,actual_cpu_s\n0,1\n", encoding="utf-8-sig")
    return path


def test_a_workload_is_a_name_a_file_or_both(tmp_path: Path) -> None:
    path = tasks_file(tmp_path)
    assert choose_workload("synthetic", registry()).plugin.name == "synthetic"
    for text in (str(path), f"csv_file:{path}"):
        chosen = choose_workload(text, registry())
        assert (chosen.plugin.name, chosen.path) == ("csv_file", path)


def test_two_plugins_that_recognise_a_file_are_both_named_and_one_can_be_chosen(tmp_path: Path) -> None:
    path, plugins = tasks_file(tmp_path), load_registry(plugins=[AnyFile])
    text = refusal(RaceSpec(workload=str(path)), plugins)
    assert "csv_file and any_file both recognise" in text
    assert f"any_file:{path}" in text
    assert choose_workload(f"any_file:{path}", plugins).plugin is AnyFile


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("synthetik", "There is no workload 'synthetik', and no such file. Did you mean 'synthetic'?"),
        ("kernels", "The workload 'kernels' reads a file; write kernels:FILE."),
        ("none/there.csv", "There is no workload file 'none/there.csv'."),
        ("C:\\none.csv", "There is no workload file 'C:\\none.csv'."),
        ("kernels:none.csv", "There is no workload file 'none.csv'."),
    ],
)
def test_a_workload_that_is_not_there_is_a_sentence(text: str, message: str) -> None:
    assert message in refusal(RaceSpec(workload=text))


def test_wrong_pairs_of_workload_and_file_are_sentences(tmp_path: Path) -> None:
    path = tasks_file(tmp_path)
    assert "makes its own tasks and reads no file" in refusal(RaceSpec(workload=f"synthetic:{path}"))
    assert "There is no workload 'kernel' to read" in refusal(RaceSpec(workload=f"kernel:{path}"))
    (tmp_path / "empty.csv").touch()
    assert "is empty" in refusal(RaceSpec(workload=str(tmp_path / "empty.csv")))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert "No workload recognises the file" in refusal(RaceSpec(workload=str(tmp_path / "other.csv")))


def test_a_workload_plugin_that_raises_is_a_sentence() -> None:
    text = refusal(RaceSpec(workload="failing"), load_registry(plugins=[Failing]))
    assert "The workload 'failing' failed: KeyError: 'column'" in text


def test_an_unknown_cluster_is_a_sentence() -> None:
    assert "Did you mean 'large'?" in refusal(RaceSpec(cluster="larg"))


def test_a_drift_slows_the_devices_of_the_race_and_changes_neither_the_tasks_nor_what_came_before() -> None:
    spec = RaceSpec(schedulers=lanes("mct"), tasks=200)
    plain, slowed = prepare(spec, registry()), prepare(replace(spec, drift=(Drift("gpu", 0.5, 0.5),)), registry())
    assert np.array_equal(plain.workload.arrival_s, slowed.workload.arrival_s)
    assert digests(plain) == digests(prepare(replace(spec, drift=(Drift("gpu", 1.0, 1.0),)), registry()))
    half_s = float(plain.workload.arrival_s.max()) / 2
    assert {d.speed_at for d in slowed.cluster.of_kind("gpu")} == {((half_s, 0.5),)}
    finishes = []
    for prepared in (plain, slowed):
        race = prepared.race()
        while race.advance():
            pass
        rows = race.take_finished()[0]
        finishes.append(dict(zip(rows.task.tolist(), rows.finish_s.tolist(), strict=True)))
        gaps = race.result().rows[0].gap.values()
        assert all(gap is not None and gap >= 0.0 for gap in gaps)
        race.close()
    before = [task for task, at_s in finishes[0].items() if at_s < half_s]
    assert before and all(finishes[0][task] == finishes[1][task] for task in before)
    assert max(finishes[1].values()) > max(finishes[0].values())


def test_a_drift_of_devices_that_the_cluster_has_not_stops_the_race_before_it_starts() -> None:
    assert "'tpu@0.5=0.5' concerns no device" in refusal(RaceSpec(drift=(Drift("tpu", 0.5, 0.5),)))


def test_where_all_tasks_arrive_at_once_a_note_says_when_a_drift_begins() -> None:
    spec = RaceSpec(workload="cholesky", schedulers=lanes("mct"), drift=(Drift("gpu", 0.5, 0.5),))
    assert "All tasks arrive at once, so what drifts does so from the start." in prepare(spec, registry()).notes
