"""Parameters, specs, weights, clusters and workloads: what a user writes wrong is named, with the way out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from engine_worlds import devices, laws
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Cluster, Device, Link
from engine.errors import InputError, did_you_mean
from engine.params import build, declared, parameter
from engine.spec import RaceSpec, SchedulerSpec
from engine.weights import Weights
from engine.workload import workload


@dataclass(frozen=True)
class Knobs:
    trees: int = parameter(10, "How many", low=1, high=500)
    rate: float = parameter(0.5, "How fast", low=0.0, high=1.0)
    eager: bool = parameter(False, "Whether")
    mode: str = parameter("fast", "How", choices=("fast", "slow"))


def test_a_declaration_gives_type_default_bounds_choices_and_help_in_order() -> None:
    trees, rate, eager, mode = declared(Knobs)
    assert (trees.name, trees.kind, trees.default, trees.low, trees.high) == ("trees", int, 10, 1, 500)
    assert (rate.kind, eager.kind, mode.kind) == (float, bool, str)
    assert mode.choices == ("fast", "slow")
    assert trees.help == "How many"


def test_texts_from_the_command_line_become_what_was_declared() -> None:
    got = build(Knobs, "demo", {"trees": "25", "rate": "1e-1", "eager": "yes", "mode": "slow"})
    assert got == Knobs(25, 0.1, True, "slow")
    assert build(Knobs, "demo", {"trees": 3.0, "eager": "off"}) == Knobs(trees=3)
    assert build(Knobs, "demo", {}) == Knobs()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tres": 1}, ("'demo'", "tres", "Did you mean 'trees'?")),
        ({"trees": "ten"}, ("'trees'", "'demo'", "ten", "whole number")),
        ({"trees": 2.5}, ("'trees'", "2.5", "whole number")),
        ({"trees": math.inf}, ("'trees'", "inf", "whole number")),
        ({"trees": None}, ("'trees'", "None", "whole number")),
        ({"trees": 0}, ("'trees'", "0", "between 1 and 500")),
        ({"trees": 501}, ("'trees'", "501", "between 1 and 500")),
        ({"rate": 10**400}, ("'rate'", "a number")),
        ({"rate": "fast"}, ("'rate'", "fast", "a number")),
        ({"rate": math.nan}, ("'rate'", "nan", "between 0.0 and 1.0")),
        ({"eager": "perhaps"}, ("'eager'", "perhaps", "true or false")),
        ({"mode": "slwo"}, ("'mode'", "slwo", "Did you mean 'slow'?")),
    ],
)
def test_a_wrong_parameter_is_named_with_its_owner_and_the_way_out(values: dict[str, Any], words: tuple[str]) -> None:
    with pytest.raises(InputError) as error:
        build(Knobs, "demo", values)
    for word in words:
        assert word in str(error.value)


@laws(100)
@given(st.dictionaries(st.sampled_from(["trees", "rate", "eager", "mode"]), st.text() | st.floats() | st.booleans()))
def test_any_value_is_either_built_inside_its_bounds_or_refused_with_a_sentence(values: dict[str, Any]) -> None:
    try:
        got = build(Knobs, "demo", values)
    except InputError as error:
        assert "demo" in str(error)
    else:
        assert 1 <= got.trees <= 500
        assert 0 <= got.rate <= 1
        assert got.mode in ("fast", "slow")
        assert all(type(getattr(got, p.name)) is p.kind for p in declared(Knobs))


def test_nothing_close_lists_what_is_known() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == " Known: a, b."
    assert did_you_mean("zzz", []) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tasks": 0}, ("at least 1 task", "0")),
        ({"tasks": -5}, ("at least 1 task", "-5")),
        ({"load": 0.0}, ("load", "0.0")),
        ({"load": math.nan}, ("load", "nan")),
        ({"load": math.inf}, ("load", "inf")),
        ({"seed": -1}, ("seed", "-1")),
        ({"schedulers": ()}, ("at least one scheduler",)),
        ({"schedulers": (SchedulerSpec("mct"), SchedulerSpec("mct"))}, ("'mct'", "label")),
        ({"schedulers": (SchedulerSpec("mct"), SchedulerSpec("met", label="mct"))}, ("'mct'", "label")),
    ],
)
def test_a_senseless_race_is_refused_by_its_spec(change: dict[str, Any], words: tuple[str]) -> None:
    with pytest.raises(InputError) as error:
        RaceSpec(**change)
    for word in words:
        assert word in str(error.value)


def test_two_lanes_of_one_rule_race_under_their_labels() -> None:
    spec = RaceSpec(schedulers=(SchedulerSpec("mct"), SchedulerSpec("mct", {"a": 1}, "mine")))
    assert [s.shown for s in spec.schedulers] == ["mct", "mine"]


@pytest.mark.parametrize("weights", [(-1, 0, 0), (math.nan, 0, 0), (0, math.inf, 0), (0, 0, 0)])
def test_weights_are_finite_not_negative_and_not_all_zero(weights: tuple[float, float, float]) -> None:
    with pytest.raises(InputError):
        Weights(*weights)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slots": 0}, ("cpu-0", "0 slots")),
        ({"speed": 0.0}, ("cpu-0", "speed")),
        ({"speed": math.nan}, ("cpu-0", "speed")),
        ({"memory_gb": -1.0}, ("cpu-0", "memory_gb")),
        ({"link_gb_s": 0.0}, ("cpu-0", "link_gb_s")),
        ({"link_latency_s": -1.0}, ("cpu-0", "link_latency_s")),
        ({"idle_w": -5.0}, ("cpu-0", "idle_w")),
        ({"active_w": math.nan}, ("cpu-0", "active_w")),
        ({"idle_w": 50.0, "active_w": 40.0}, ("cpu-0", "50.0 W", "40.0 W")),
        ({"price_per_hour": math.inf}, ("cpu-0", "price_per_hour")),
        ({"speed_at": ((5.0, 1.0), (1.0, 2.0))}, ("cpu-0", "rising time")),
        ({"speed_at": ((5.0, 0.0),)}, ("cpu-0", "above 0")),
    ],
)
def test_an_impossible_device_is_named_with_the_figure_at_fault(change: dict[str, Any], words: tuple[str]) -> None:
    with pytest.raises(InputError) as error:
        devices(change)
    for word in words:
        assert word in str(error.value)


def test_a_cluster_needs_a_device_unique_ids_known_kinds_and_a_possible_link() -> None:
    cpu = Device(0, "a", "cpu", "cpu")
    for broken in (
        lambda: Cluster("c", ()),
        lambda: Cluster("c", (cpu, replace(cpu, index=1))),
        lambda: Cluster("c", (replace(cpu, kind="tpu"),)),  # type: ignore[arg-type]
        lambda: Cluster("c", (replace(cpu, index=3),)),
        lambda: Cluster("c", (cpu,), Link(gb_s=0.0)),
        lambda: Cluster("c", (cpu,), Link(latency_s=math.nan)),
    ):
        with pytest.raises(InputError, match="'c'"):
            broken()


def test_a_device_takes_the_column_of_its_model_else_of_its_kind_else_says_what_is_missing() -> None:
    cluster = devices({"model": "xeon"}, {"kind": "gpu", "model": "h100"})
    assert cluster.columns_in(["h100", "cpu"]) == [1, 0]
    with pytest.raises(InputError, match=r"'gpu-1'.*'h100'.*xeon"):
        cluster.columns_in(["xeon"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arrival_s": []}, ("no tasks",)),
        ({"arrival_s": [0.0, -1.0]}, ("Task 1", "arrival_s", "-1.0")),
        ({"arrival_s": [math.nan, 0.0]}, ("Task 0", "arrival_s", "nan")),
        ({"actual_s": [[1.0, 1.0], [1.0, 0.0]]}, ("Task 1", "gpu", "0.0")),
        ({"actual_s": [[math.nan, 1.0], [1.0, 1.0]]}, ("Task 0", "cpu", "nan")),
        ({"actual_s": [[math.inf, math.inf], [1.0, 1.0]]}, ("Task 0", "no device model")),
        ({"actual_s": [[1.0, 1.0]]}, ("(1, 2)", "2 tasks")),
        ({"etc_s": [[1.0, math.inf], [1.0, 1.0]]}, ("Task 0", "nominal")),
        ({"memory_gb": [0.0, -0.5]}, ("Task 1", "memory_gb", "-0.5")),
        ({"transfer_gb": math.inf}, ("Task 0", "transfer_gb", "inf")),
        ({"slots": [1, 0]}, ("Task 1", "0 slots")),
        ({"slots": [1]}, ("slots",)),
        ({"parents": [[], [2]]}, ("Task 1", "parent 2")),
        ({"parents": [[1], [0]]}, ("circle", "task 0")),
        ({"parents": [[], [1]]}, ("circle", "task 1")),
        ({"parents": [[]]}, ("2 tasks", "1 lists")),
        ({"parents": [[], [0]], "parents_gb": [[], []]}, ("Task 1", "1 parents", "0 sizes")),
        ({"features": [[1.0], [math.nan]], "feature_names": ["size"]}, ("Task 1", "size")),
    ],
)
def test_an_impossible_workload_names_the_first_task_and_the_column_at_fault(
    change: dict[str, Any], words: tuple[str]
) -> None:
    arguments: dict[str, Any] = {"arrival_s": [0.0, 1.0], "actual_s": np.ones((2, 2)), **change}
    if change.get("arrival_s") == []:
        arguments["actual_s"] = np.ones((0, 2))
    with pytest.raises(InputError) as error:
        workload("w", ("cpu", "gpu"), **arguments)
    for word in words:
        assert word in str(error.value)


def test_a_workloads_columns_cannot_be_written() -> None:
    w = workload("w", ("cpu",), [0.0], [[1.0]])
    for column in (w.arrival_s, w.etc_s, w.actual_s, w.features, w.slots, w.divisible):
        with pytest.raises(ValueError, match="read-only"):
            column[...] = 0


def test_drift_gives_the_factor_of_the_last_change_at_that_second() -> None:
    (device,) = devices({"speed_at": ((1.0, 0.5), (3.0, 2.0))}).devices
    assert [device.speed_factor(t) for t in (0.0, 0.999, 1.0, 2.0, 3.0, 1e9)] == [1.0, 1.0, 0.5, 0.5, 2.0, 2.0]


@pytest.mark.parametrize("load", [0.0, 1e-300, 1e300, float("nan")])
def test_a_load_that_no_race_can_mean_is_refused(load: float) -> None:
    with pytest.raises(InputError, match=r"from 0\.001 to 100"):
        RaceSpec(load=load)


def test_times_too_long_to_be_added_up_are_refused() -> None:
    with pytest.raises(InputError, match=r"Task 1 .*too long"):
        workload("long", ("cpu",), [0.0, 0.0], [[1.0], [1e300]])


def test_an_infinite_speed_is_refused() -> None:
    with pytest.raises(InputError, match="speed = inf"):
        Cluster("c", (Device(0, "cpu-0", "cpu", "cpu", speed=math.inf),))


def test_a_task_too_short_for_any_rate_to_be_a_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"Task 1 of 'tiny': etc is below 1e-12 s, too short for any task"):
        workload("tiny", ("cpu",), [0.0, 0.0], [[1.0], [5e-324]])
