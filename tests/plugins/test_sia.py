"""The reader of the Pollux and Sia job lists: GPUs as slots, run times made up and owned up to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engine.errors import InputError
from plugins.clusters import load_cluster
from plugins.fitting import check_fits
from plugins.workloads.csv_file import CsvFile
from plugins.workloads.sia import Sia
from tests.plugins.reading import NOT_HERE, TRACES, damaged, is_read_or_refused, read

GOOD = (
    "name,time,application,num_replicas,batch_size\n"
    "bert-1,200.5,bert,4,384\n"
    "cifar10-0,107,cifar10,1,128\n"
    "imagenet-2,300,imagenet,16,12800\n"
)
LISTS = {
    "sia_newtrace_workload-1.csv": 960,
    "sia_philly_workload-1.csv": 160,
    "sia_pollux_realistic_workload-1.csv": 160,
    "sia_pollux_workload-1.csv": 160,
    "sia_saturn_workload-1.csv": 160,
}


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.csv"
    path.write_text(GOOD)
    return path


def test_the_gpu_hours_of_the_application_are_shared_by_the_gpus_of_the_job(jobs: Path) -> None:
    tasks = read(Sia, jobs)
    assert tasks.names == ("cifar10-0", "bert-1", "imagenet-2")
    assert tasks.arrival_s.tolist() == [107.0, 200.5, 300.0]
    assert tasks.slots.tolist() == [1, 4, 16]
    assert np.isinf(tasks.actual_s[:, 0]).all()
    gpu_hours = tasks.actual_s[:, 1] * tasks.slots / 3600
    assert gpu_hours == pytest.approx([0.3162, 3.162, 316.2], rel=1e-3)
    assert tasks.features[1].tolist() == [4, 384, 0, 0, 0, 1, 0, 0]
    assert tasks.feature_names[5] == "is bert"


def test_the_made_up_run_times_are_owned_up_to(jobs: Path) -> None:
    account, times = read(Sia, jobs).notes
    assert account == "Read 3 jobs from 'jobs.csv': 3 race, none was left out."
    assert "made up" in times and "imagenet 316" in times


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "200.5,bert,4",
            "200.5,bart,4",
            "line 2, column application: 'bart' has no known run time. Did you mean 'bert'",
        ),
        ("200.5", "-3", "line 2, column time: -3 must be at least 0"),
        ("200.5", "1e300", "line 2: Task 2 of 'jobs': arrival_s is above"),
        ("bert,4", "bert,0", "line 2, column num_replicas: 0 must be a whole number from 1"),
        ("bert,4", "bert,nan", "line 2, column num_replicas: 'nan' is not a finite number"),
        (",384", ",", "line 2, column batch_size: is empty"),
        (",384", "", "line 2: has 4 cells, but the header has 5"),
        ("num_replicas", "replicas", "has no column 'num_replicas'. Did you mean 'replicas'?"),
        (GOOD[46:], "", "no jobs left to race"),
        (GOOD, "", "is empty"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_line_and_nothing_is_read(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read(Sia, path)
    assert message in str(caught.value)


def test_only_these_lists_are_recognised_and_they_belong_on_the_pollux_cluster() -> None:
    assert Sia.recognises(Path("x.csv"), GOOD)
    assert not CsvFile.recognises(Path("x.csv"), GOOD)
    assert not Sia.recognises(Path("x.csv"), "name,time,application\n")
    assert Sia.cluster_of(Path("x.csv"), GOOD) == "pollux"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged(GOOD))
def test_a_damaged_list_is_read_or_refused_and_never_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.csv"
    path.write_bytes(content)
    is_read_or_refused(Sia, path, "default")


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
@pytest.mark.parametrize(("name", "count"), LISTS.items())
def test_the_published_lists_are_read_whole_and_fit_their_cluster(name: str, count: int) -> None:
    cluster = load_cluster("pollux")
    tasks = read(Sia, TRACES / "gpu" / name, cluster)
    assert len(tasks) == count
    assert tasks.notes[0].endswith(f"{count} race, none was left out.")
    check_fits(tasks, cluster)


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
def test_the_applications_of_the_philly_sample_are_those_counted_by_hand() -> None:
    tasks = read(Sia, TRACES / "gpu/sia_philly_workload-1.csv")
    counts = dict(zip(tasks.feature_names[2:], tasks.features[:, 2:].sum(axis=0).tolist(), strict=True))
    assert counts == {
        "is cifar10": 134, "is ncf": 0, "is deepspeech2": 12, "is bert": 7, "is yolov3": 3, "is imagenet": 4,
    }  # fmt: skip
