"""The reader of Gavel's traces: seconds from steps and measured throughputs, GPUs as slots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from plugins.clusters import load_cluster
from plugins.fitting import check_fits
from plugins.workloads.csv_file import CsvFile
from plugins.workloads.gavel import Gavel
from plugins.workloads.kernels import Kernels
from tests.plugins.reading import NOT_HERE, TRACES, damaged, is_read_or_refused, read

TRACE = TRACES / "gpu/gavel_msr_seed0_6214e9_first1000.trace"
SPEEDS = (
    "gpu_type,job_type_and_scale_factor,steps_per_sec_isolated\n"
    "k80,\"('LM (batch size 5)', 1)\",2.0\n"
    "v100,\"('LM (batch size 5)', 1)\",8.0\n"
    "k80,\"('A3C', 2)\",0.0\n"
    "v100,\"('A3C', 2)\",0.5\n"
    "v100_unconsolidated,\"('A3C', 2)\",0.1\n"
)
SEVEN = (
    "A3C\tpython3 main.py --gpu\t--max-steps\t0\t100\t50.000000\t2\n"
    "LM (batch size 5)\tcd %s/x && python3 main.py\t--steps\t1\t1600\t10.5\t1\n"
    "CycleGAN\tpython3 cyclegan.py\t--n_steps\t1\t100\t20\t1\n"
)
NINE = (
    "A3C\tpython3 main.py --gpu\t--max-steps\t0\t100\t2\t1.0\t-1.0\t50.000000\n"
    "LM (batch size 5)\tcd %s/x && python3 main.py\t--steps\t1\t1600\t1\t5.0\t1.2\t10.5\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gavel_isolated_throughputs.csv").write_text(SPEEDS)
    (tmp_path / "jobs.trace").write_text(SEVEN)
    return tmp_path


def test_a_job_takes_its_steps_over_the_measured_steps_a_second_and_cannot_run_where_none_were(folder: Path) -> None:
    tasks = read(Gavel, folder / "jobs.trace")
    assert tasks.models == ("cpu", "k80", "v100")
    assert tasks.names == ("LM (batch size 5)", "A3C")
    assert tasks.arrival_s.tolist() == [10.5, 50.0]
    assert tasks.actual_s.tolist() == [[np.inf, 800.0, 200.0], [np.inf, np.inf, 200.0]]
    assert tasks.slots.tolist() == [1, 2]
    assert tasks.feature_names == ("log_steps", "gpus", "batch_size", "is A3C", "is LM")
    assert tasks.features[:, 1:].tolist() == [[1, 5, 0, 1], [2, 0, 1, 0]]


def test_the_traces_of_gavels_generator_have_their_own_order_of_columns(folder: Path) -> None:
    (folder / "nine.trace").write_text(NINE)
    seven = read(Gavel, folder / "jobs.trace")
    nine = read(Gavel, folder / "nine.trace")
    assert (nine.actual_s == seven.actual_s).all()
    assert (nine.arrival_s == seven.arrival_s).all()


def test_jobs_without_a_throughput_are_left_out_and_the_source_of_the_times_is_said(folder: Path) -> None:
    account, times = read(Gavel, folder / "jobs.trace").notes
    assert account.startswith("Read 3 jobs from 'jobs.trace': 2 race, 1 were left out: 1 have no throughput")
    assert "'gavel_isolated_throughputs.csv'" in times


def test_the_json_of_gavels_repository_is_found_in_a_folder_above_and_says_the_same(folder: Path) -> None:
    expected = read(Gavel, folder / "jobs.trace")
    (folder / "gavel_isolated_throughputs.csv").unlink()
    speeds = {
        "k80": {"('LM (batch size 5)', 1)": {"null": 2.0, "('A3C', 1)": [1.0, 0.2]}, "('A3C', 2)": {"null": 0.0}},
        "v100": {"('LM (batch size 5)', 1)": {"null": 8.0}, "('A3C', 2)": {"null": 0.5}},
    }
    (folder / "simulation_throughputs.json").write_text(json.dumps(speeds))
    below = folder / "traces/msr/seed=0"
    below.mkdir(parents=True)
    (below / "jobs.trace").write_text(SEVEN)
    assert (read(Gavel, below / "jobs.trace").actual_s == expected.actual_s).all()


def test_a_file_of_throughputs_can_be_named_and_a_missing_one_is_a_sentence_with_the_way_out(folder: Path) -> None:
    other = folder / "slow.csv"
    other.write_text(SPEEDS.replace("8.0", "4.0"))
    assert read(Gavel, folder / "jobs.trace", throughputs=str(other)).actual_s[0, 2] == 400.0
    (folder / "gavel_isolated_throughputs.csv").unlink()
    with pytest.raises(InputError, match=r"no throughputs beside it.*--param gavel\.throughputs=FILE"):
        read(Gavel, folder / "jobs.trace")
    with pytest.raises(InputError, match="cannot be read"):
        read(Gavel, folder / "jobs.trace", throughputs=str(folder / "none.csv"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\t1600\t", "\t-5\t", "line 2, column total_steps: -5 must be a whole number from 1"),
        ("\t1600\t", "\t1e99\t", "line 2, column total_steps: 1e99 must be a whole number"),
        ("\t10.5\t", "\tnan\t", "line 2, column arrival_time: 'nan' is not a finite number"),
        ("\t10.5\t1", "\t10.5\t0", "line 2, column scale_factor: 0 must be a whole number from 1"),
        ("\t10.5\t1\n", "\t10.5\n", "line 2: has 6 columns between tabs; a job has 7 or 9"),
        ("\t10.5\t", "\t1e16\t", "line 2: Task 1 of 'jobs': arrival_s is above"),
        (SEVEN, "", "no jobs left to race"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_line_and_nothing_is_read(
    folder: Path, old: str, new: str, message: str
) -> None:
    (folder / "jobs.trace").write_text(SEVEN.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read(Gavel, folder / "jobs.trace")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", SPEEDS.replace("8.0", "x"), "line 3, column steps_per_sec_isolated: 'x' is not a number"),
        ("t.csv", SPEEDS.replace("('A3C', 2)", "A3C"), "line 4: 'A3C' is no job type"),
        ("t.csv", SPEEDS.splitlines()[0], "has no throughputs"),
        ("t.csv", SPEEDS.replace("v100", "cpu"), "has throughputs of a 'cpu'"),
        ("t.json", "{", "is not valid JSON"),
        ("t.json", '{"v100": 3}', "'v100' must be a table"),
        ("t.json", '{"v100": {"(\'A3C\', 1)": {"null": "fast"}}}', "('A3C', 1) on v100: 'fast' is no number"),
        ("t.json", '{"v100": {"(\'A3C\', 1)": {"null": NaN}}}', "nan is no number of steps"),
        ("t.json", '{"v100": {"(\'A3C\', 1)": {"null": ' + "9" * 5000 + "}}}", "inf is no number of steps"),
        ("t.json", "[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_bad_file_of_throughputs_is_refused_with_what_is_wrong(
    folder: Path, name: str, content: str, message: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read(Gavel, folder / "jobs.trace", throughputs=str(folder / name))
    assert message in str(caught.value)


def test_only_traces_of_jobs_are_recognised_and_they_belong_on_gavels_cluster() -> None:
    path = Path("x.trace")
    assert Gavel.recognises(path, SEVEN)
    assert Gavel.recognises(path, NINE)
    assert not Gavel.recognises(path, SPEEDS)
    assert not Gavel.recognises(path, "a\tb\tc\td\te\tf\tg\n")
    assert not Gavel.recognises(path, "1\t2\t3\t4\t5\t6\t7\n")  # needs_data_dir is 0 or 1
    assert not any(other.recognises(path, SEVEN) for other in (CsvFile, Kernels))
    assert Gavel.cluster_of(path, SEVEN) == "gavel"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(damaged(SEVEN), damaged(NINE)))
def test_a_damaged_trace_is_read_or_refused_and_never_anything_else(folder: Path, content: bytes) -> None:
    (folder / "damaged.trace").write_bytes(content)
    Gavel.recognises(folder / "damaged.trace", content.decode(errors="replace"))
    is_read_or_refused(Gavel, folder / "damaged.trace", "default")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged(SPEEDS), name=st.sampled_from(["damaged.csv", "damaged.json"]))
def test_damaged_throughputs_are_read_or_refused_and_never_anything_else(
    folder: Path, content: bytes, name: str
) -> None:
    (folder / name).write_bytes(content)
    is_read_or_refused(Gavel, folder / "jobs.trace", "default", throughputs=str(folder / name))


@pytest.mark.skipif(not TRACE.is_file(), reason=NOT_HERE)
def test_the_whole_trace_is_read_with_counts_and_times_found_by_hand() -> None:
    cluster = load_cluster("gavel")
    tasks = read(Gavel, TRACE, cluster)
    # counted with a join of the two files: of 1,000 jobs 11 have no throughput on any model, one none on k80
    assert len(tasks) == 989
    assert "11 have no throughput" in tasks.notes[0]
    assert np.isinf(tasks.actual_s[:, 1:]).sum() == 1
    # the first line is 20,851,471 steps of Transformer (batch size 128); its steps a second are lines 14, 97 and 180
    assert tasks.actual_s[0, 1:] == pytest.approx([20_851_471 / speed for speed in (0.9815827, 3.0735351, 5.4461052)])
    check_fits(tasks, cluster)


def test_the_preset_is_the_cluster_of_the_published_simulations() -> None:
    pools = [(d.kind, d.model, d.slots) for d in load_cluster("gavel").devices]
    assert pools == [("gpu", "v100", 36), ("gpu", "p100", 36), ("gpu", "k80", 36)]
