"""The Standard Workload Format: what each field becomes, what is left out, and what is refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Cluster
from engine.errors import InputError
from engine.workload import Workload
from plugins.clusters import load_cluster, processors
from plugins.registry import load_registry
from plugins.workload import WorkloadRequest
from plugins.workloads.swf import Swf, SwfParams
from tests.engine.engine_worlds import laws

TRACES = Path(__file__).parents[2] / "../shared/traces/swf"
HEADER = "; Version: 2.2\n; Computer: Testbed\n; MaxNodes: 8\n; MaxProcs: 16\n; UnixStartTime: 1000000000\n;\n"
# job submit wait run allocated cpu usedKB procs time memKB status user group exe queue partition before think
LOG = (
    HEADER
    + """\
 1   0  3  100  4   98.5   -1   4  200    -1  1   7  2   5  1  1  -1 -1
 2  10  0   50  8   -1   2000   6   40    -1  1   8  2  -1  1  1  -1 -1

 3  20  5   -1  2   -1     -1   2   60    -1  5   7  2   5  1  1  -1 -1
 4  30  5   30 -1   -1     -1  -1   60    -1  1   7  2   5  1  1  -1 -1
 5  25  0   80  2   -1     -1  -1   -1    -1  0  -1 -1   5  2  1   1  9
 6  40  0   20  2   -1     -1   2   60  1000  5   7  2   5  2  1  -1 -1
 7  50  0   20  2   -1     -1   2   60    -1  3   7  2   5  2  1  -1 -1
"""
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_log(text: str) -> Path:
        path = tmp_path / "log.swf"
        path.write_text(text)
        return path

    return write_log


def load(path: Path, cluster: Cluster | None = None, tasks: int | None = None, **params: object) -> Workload:
    request = WorkloadRequest(cluster or processors(16), seed=1, path=path, tasks=tasks)
    return Swf(SwfParams(**params)).load(request)  # type: ignore[arg-type]


def test_every_field_becomes_what_the_help_page_says(write: Callable[[str], Path]) -> None:
    tasks = load(write(LOG))
    assert tasks.names == ("1", "2", "5", "6")
    assert tasks.arrival_s.tolist() == [0, 10, 25, 40]
    assert tasks.slots.tolist() == [4, 6, 2, 2]  # requested, else allocated
    assert tasks.etc_s[:, 0].tolist() == [200, 40, 80, 60]  # requested, else the run time
    assert tasks.actual_s[:, 0].tolist() == [100, 40, 80, 20]  # job 2 is killed at its request
    assert tasks.memory_gb.tolist() == pytest.approx([0, 2000 * 6 / 1e6, 0, 1000 * 2 / 1e6])
    assert tasks.users == ("7", "8", "", "7")
    assert tasks.models == ("cpu",)
    features = dict(zip(tasks.feature_names, tasks.features.T.tolist(), strict=True))
    assert np.exp(features["log_processors"]) == pytest.approx([4, 6, 2, 2])
    assert np.expm1(features["log_requested_s"]) == pytest.approx([200, 40, 0, 60])  # never the run time
    assert features["executable"] == [5, -1, 5, 5]


def test_the_notes_account_for_every_job_and_own_up_to_what_was_made_up(write: Callable[[str], Path]) -> None:
    head, *others = load(write(LOG)).notes
    assert head.startswith("Read 7 jobs from 'log.swf': 4 race, 3 were left out: ")
    for reason in ("1 name no processors", "1 have no run time", "1 are parts of an interrupted job"):
        assert reason in head
    assert others == [
        "The log is of Testbed, 16 processors.",
        "Its second 0 is 2001-09-09 01:46:40 UTC.",
        "1 jobs state no requested time: schedulers are told their true one.",
        "1 jobs ran longer than they asked for; they are killed at their request (overrun=killed).",
        "1 jobs name a job that they follow; they arrive when the log says all the same.",
    ]


def test_an_overrunning_job_may_run_to_its_end_and_unfinished_ones_may_be_left_out(
    write: Callable[[str], Path],
) -> None:
    tasks = load(write(LOG), overrun="run", unfinished="leave_out")
    assert tasks.names == ("1", "2")
    assert tasks.actual_s[:, 0].tolist() == [100, 50] and tasks.etc_s[:, 0].tolist() == [200, 40]
    assert any("run to their end (overrun=run)" in note for note in tasks.notes)
    assert any("2 failed or were cancelled" in note for note in tasks.notes)


def test_slices_keep_absolute_submit_times_and_the_load_stretches_gaps(write: Callable[[str], Path]) -> None:
    path = write(LOG)
    assert load(path, from_s=20.0, skip=1).arrival_s.tolist() == [40]
    assert load(path, tasks=2).names == ("1", "2")
    request = WorkloadRequest(processors(16), seed=1, path=path, load=0.01)
    stretched = Swf().load(request)
    assert "load" in stretched.notes[-1] and stretched.arrival_s[1] > 100


def test_gpu_times_are_made_up_where_the_cluster_has_gpus_the_same_for_any_slice(write: Callable[[str], Path]) -> None:
    cluster = Cluster("both", (*processors(16).devices, *(d for d in load_cluster("small").devices if d.index == 1)))
    tasks, part = load(write(LOG), cluster), load(write(LOG), cluster, skip=2)
    assert tasks.models == ("cpu", "gpu")
    speedup = tasks.actual_s[:, 0] / tasks.actual_s[:, 1]
    assert ((speedup > 1) & (speedup < 10)).all()
    assert tasks.etc_s[:, 0] / tasks.etc_s[:, 1] == pytest.approx(speedup)
    assert (part.actual_s == tasks.actual_s[2:]).all()
    assert any("made up" in note for note in tasks.notes)


def test_the_machine_is_that_of_the_header(write: Callable[[str], Path]) -> None:
    path = write(LOG)
    assert Swf.cluster_of(path, "") == "processors:16"
    assert Swf.cluster_of(write(LOG.replace("; MaxProcs: 16", "; Note: none")), "") == "processors:8"
    assert Swf.cluster_of(write(LOG.replace("MaxProcs: 16", "MaxProcs: 9999999999999")), "") == "processors:8"
    assert Swf.cluster_of(write(LOG.replace("Max", "Least")), "") is None
    # a header longer than the head that is looked at
    assert Swf.cluster_of(write("; Note: " + "x" * 9000 + "\n" + LOG), "; Note: xxx") == "processors:16"


def test_a_log_is_recognised_by_its_name_or_by_its_header_and_18_numbers() -> None:
    assert Swf.recognises(Path("a.swf"), "")
    assert Swf.recognises(Path("a.txt"), LOG)
    for other in (
        LOG.replace(";", "#"),
        HEADER + "1 2 3\n4 5 6\n",
        "512 16 0\n" + "1.5\n" * 40,
        "; a comment: yes\n1 2 3\n",
        "a,b\n1,2\n",
    ):
        assert not Swf.recognises(Path("a.txt"), other)


def test_no_other_reader_takes_a_log_for_its_own() -> None:
    others = [p for p in load_registry(plugins=[]).workloads.values() if p.reads_files and p is not Swf]
    assert others and not any(plugin.recognises(Path("a.swf"), LOG) for plugin in others)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (" 7  2   5  1  1  -1 -1\n 2", " 7  2   5  1  1  -1\n 2", r"line 7: has 17 fields, but a job has 18"),
        (" 1   0  3 ", " 1   x  3 ", r"line 7, column submit: 'x' is not a number"),
        (" 1   0  3 ", " 1  -4  3 ", r"line 7, column submit: -4 must be at least 0"),
        ("10  0   50", "10  0  nan", r"line 8, column run: nan is not a finite number"),
        ("10  0   50", "10  0  1e400", r"line 8, column run: inf is not a finite number"),
        ("10  0   50", "10  0   50 7", r"line 8: has 19 fields"),
        ("   6   40 ", "   6.5 40 ", r"line 8, column requested_processors: 6\.5 is not a whole number"),
        ("   6   40 ", "   1e9 40 ", r"line 8, column requested_processors: 1e\+09 is not a whole number"),
        ("25  0   80", "25  0  1e20", r"line 12: .* is above 1e\+15 s"),
        ("   6   40 ", "   17  40 ", r"line 8: job 2 asks for 17 processors, .* more than 16\. .* processors:17"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    write: Callable[[str], Path], old: str, new: str, reason: str
) -> None:
    assert LOG.count(old) == 1
    with pytest.raises(InputError, match=reason):
        load(write(LOG.replace(old, new)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no jobs"),
        (HEADER.encode(), "has no jobs"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"FWS\x0b\x00\x01", "has 2 fields"),  # a Flash film, which has the same suffix
        (LOG.encode()[:-5], "line 14: has 17 fields"),
        ((HEADER + "1 0 0 -1 1" + " -1" * 13).encode(), "no jobs left to race"),
    ],
)
def test_a_file_without_jobs_is_a_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "log.swf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        load(path)


CELL = st.one_of(
    st.integers(-2, 40).map(str),
    st.floats(allow_nan=True).map(repr),
    st.sampled_from(["-1", "1e30", "-1e30", "x", "", ";", "1e400", "0.5", "99999999999999999999"]),
)


@laws(300)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 17), CELL), max_size=6), st.integers(0, len(LOG)))
def test_a_mutated_log_gives_a_workload_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, str]], length: int
) -> None:
    rows = [line.split() for line in LOG.splitlines() if line and not line.startswith(";")]
    for row, cell, text in changes:
        rows[row][cell] = text
    path = tmp_path_factory.mktemp("swf") / "log.swf"
    for text in (HEADER + "\n".join(" ".join(row) for row in rows), LOG[:length]):
        path.write_text(text)
        for overrun in ("killed", "run"):
            assert_workload_or_sentence(path, overrun)


@laws(150)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_a_workload_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("swf") / "log.swf"
    path.write_bytes(content)
    assert_workload_or_sentence(path, "killed")
    assert isinstance(Swf.recognises(path.with_suffix(".txt"), content.decode(errors="replace")), bool)


def assert_workload_or_sentence(path: Path, overrun: str) -> None:
    try:
        Swf.cluster_of(path, "")
        tasks = load(path, overrun=overrun)
    except InputError as error:
        assert str(error).startswith(f"'{path}'")
    else:
        assert len(tasks) > 0 and (tasks.slots <= 16).all()


@pytest.mark.parametrize(
    ("file", "jobs", "left_out", "cluster"),
    [("lublin_256.swf", 10_000, 0, "processors:256"), ("hpc2n_alea.swf", 3_145, 25, "processors:240")],
)
def test_the_shared_logs_are_read_whole(file: str, jobs: int, left_out: int, cluster: str) -> None:
    path = TRACES / file
    if not path.exists():
        pytest.skip(f"{file} is not there (../shared is handed over beside the repository)")
    assert Swf.cluster_of(path, "") == cluster
    tasks = load(path, load_cluster(cluster))
    assert len(tasks) == jobs
    assert tasks.notes[0].startswith(f"Read {jobs + left_out:,} jobs")
    assert f"{left_out} have no run time" in tasks.notes[0] or not left_out
