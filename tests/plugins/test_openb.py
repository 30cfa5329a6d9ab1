"""The reader of Alibaba's openb pods: parts of GPU cards as slots, and who is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cluster import Cluster, Device
from engine.errors import InputError
from plugins.clusters import load_cluster
from plugins.fitting import check_fits
from plugins.workloads.openb import Openb
from tests.plugins.reading import NOT_HERE, TRACES, damaged, is_read_or_refused, read

HEADER = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
)
GOOD = HEADER + (
    "whole,12000,16384,1,1000,,LS,Running,20,150,50\n"
    "part,6000,12288,1,460,V100M16|V100M32,BE,Succeeded,10,40,15\n"
    "cpus,4000,8192,0,0,,BE,Succeeded,10,40,15\n"
    "eight,88000,327680,8,1000,,Burstable,Succeeded,11,40,15\n"
    "waits,6000,12288,1,500,nan,BE,Pending,12,30,\n"
    "lives,6000,12288,1,500,,BE,Running,12,,30\n"
    "blink,6000,12288,1,500,,BE,Failed,12,30,30\n"
)
PODS = TRACES / "openb/openb_pod_list_default.csv"
CARDS = Cluster("cards", (Device(0, "a", "gpu", "V100M16", slots=1000), Device(1, "b", "gpu", "T4", slots=1000)))


@pytest.fixture
def pods(tmp_path: Path) -> Path:
    path = tmp_path / "pods.csv"
    path.write_text(GOOD)
    return path


def test_a_pod_arrives_when_created_runs_as_long_as_it_did_and_takes_thousandths_of_a_card(pods: Path) -> None:
    tasks = read(Openb, pods, CARDS)
    assert tasks.names == ("part", "whole")
    assert tasks.arrival_s.tolist() == [10.0, 20.0]
    assert tasks.slots.tolist() == [460, 1000]
    assert tasks.models == ("cpu", "gpu", "V100M16", "V100M32")
    inf = np.inf
    assert tasks.actual_s.tolist() == [[inf, inf, 25.0, 25.0], [inf, 100.0, 100.0, 100.0]]
    assert tasks.feature_names == ("cpu_milli", "memory_mib", "gpu_milli", "latency_sensitive")
    assert tasks.features.tolist() == [[6000.0, 12288.0, 460.0, 0.0], [12000.0, 16384.0, 1000.0, 1.0]]


def test_a_pod_with_a_gpu_constraint_finds_its_models_and_others_run_anywhere(pods: Path) -> None:
    tasks = read(Openb, pods, CARDS)
    on_v100, on_t4 = CARDS.columns_in(tasks.models)
    assert np.isfinite(tasks.actual_s[:, on_v100]).all()
    assert np.isfinite(tasks.actual_s[:, on_t4]).tolist() == [False, True]


def test_every_pod_that_does_not_race_is_accounted_for_with_its_reason(pods: Path) -> None:
    account, speeds = read(Openb, pods, CARDS).notes
    assert account.startswith("Read 7 pods from 'pods.csv': 2 race, 5 were left out: ")
    for reason in ("CPUs alone", "several cards", "never scheduled", "had not ended", "ended in the second"):
        assert f"1 {reason}" in account or f"1 ask for {reason}" in account or f"1 were {reason}" in account
    assert "no speeds" in speeds


def test_load_and_slice_are_those_of_every_trace(pods: Path) -> None:
    assert len(read(Openb, pods, CARDS, from_s=15.0)) == 1
    assert "0.5 as asked" in read(Openb, pods, CARDS, load=0.5).notes[-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("460,V100", "1460,V100", "line 3, column gpu_milli: 1460 must be a whole number from 1 to 1,000"),
        ("460,V100", "0,V100", "line 3, column gpu_milli: 0 must be"),
        ("460,V100", "4.5,V100", "line 3, column gpu_milli: 4.5 must be a whole number"),
        ("12000,16384", "-1,16384", "line 2, column cpu_milli: -1 must be at least 0"),
        ("12000,16384", "nan,16384", "line 2, column cpu_milli: 'nan' is not a finite number"),
        ("20,150,50", "20,150,5", "line 2, column scheduled_time: 5 must be at least 20"),
        ("20,150,50", "20,49,50", "line 2, column deletion_time: 49 must be at least 50"),
        ("20,150,50", "20,1e300,50", "line 2: Task 1 of 'pods': etc is above"),
        ("20,150,50", "20,150", "line 2: has 10 cells, but the header has 11"),
        ("gpu_milli", "gpu_mili", "has no column 'gpu_milli'. Did you mean 'gpu_mili'?"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_line_and_nothing_is_read(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "pods.csv"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read(Openb, path, CARDS)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (HEADER.encode(), "no pods left to race"), (b"\xff\xfe\x00", "not UTF-8")],
)
def test_an_empty_and_a_binary_file_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "pods.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(Openb, path, CARDS)


def test_only_pod_lists_are_recognised_and_they_belong_on_the_openb_cluster() -> None:
    assert Openb.recognises(Path("x.csv"), GOOD)
    assert not Openb.recognises(Path("x.csv"), "sn,cpu_milli,memory_mib,gpu,model\nopenb-node-0000,32000,262144,0,\n")
    assert Openb.cluster_of(Path("x.csv"), GOOD) == "openb"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(damaged(GOOD), damaged(HEADER)))
def test_a_damaged_file_is_read_or_refused_and_never_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.csv"
    path.write_bytes(content)
    is_read_or_refused(Openb, path, CARDS)


@pytest.mark.skipif(not PODS.is_file(), reason=NOT_HERE)
def test_the_whole_trace_is_read_with_the_counts_of_its_publishers() -> None:
    cluster = load_cluster("openb")
    tasks = read(Openb, PODS, cluster)
    # counted with awk: 8,152 pods, 1,088 of CPUs alone, 75 of several cards, 860 of the others never scheduled
    assert tasks.notes[0] == (
        "Read 8,152 pods from 'openb_pod_list_default.csv': 6,129 race, 2,023 were left out: 1,088 ask for CPUs alone; "
        "860 were never scheduled, so nobody knows how long they run; 75 ask for several cards of one node at once."
    )
    assert int((tasks.slots < 1000).sum()) == 2573
    assert float(tasks.slots @ tasks.actual_s[:, 1]) == pytest.approx(1.5785e11, rel=1e-4)
    check_fits(tasks, cluster)


@pytest.mark.skipif(not PODS.is_file(), reason=NOT_HERE)
def test_the_preset_has_as_many_cards_of_each_model_as_the_node_list() -> None:
    cards: dict[str, int] = {}
    for line in (TRACES / "openb/openb_node_list_gpu_node.csv").read_text().splitlines()[1:]:
        *_, count, model = line.split(",")
        cards[model] = cards.get(model, 0) + int(count)
    devices = load_cluster("openb").devices
    assert len(devices) == 6212
    assert {model: sum(d.model == model for d in devices) for model in cards} == cards
