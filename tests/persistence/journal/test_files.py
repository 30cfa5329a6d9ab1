from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.workload import workload
from persistence.errors import JournalError
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.journal.rows import array_literals, result_rows, task_rows, timestamp
from tests.persistence.records import DEVICES, finished, header

REPOSITORY = Path(__file__).parents[3]


def rows(first: int, n: int) -> bytes:
    return result_rows([(finished(first, n), timestamp())], DEVICES)


def test_floats_come_back_to_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    hard = np.concatenate([rng.random(5000) * 10.0 ** rng.integers(-300, 300, 5000), [5e-324, 1.7e308, 1e16, 0.1, 0.0]])
    texts = array_literals(hard.reshape(1, -1))[0].as_py()
    assert np.array_equal(np.array([float(t) for t in texts[1:-1].split(",")]), hard)


def test_a_row_is_one_line_whatever_a_name_holds() -> None:
    tasks = workload("odd", ("cpu",), [0.0, 1.0], [[1.0], [2.0]], names=['two\nlines, "quoted"', ""], users=["é", "\r"])
    lines = task_rows(tasks, 0, 2, timestamp()).decode().splitlines()
    assert len(lines) == 2
    assert [row[2] for row in csv.reader(lines)] == ['two lines, "quoted"', ""]


def test_a_torn_last_line_is_cut_at_open(tmp_path: Path) -> None:
    run = header()
    journal = Journal.create(tmp_path, run)
    journal.append({"scheduler_results": rows(0, 50)})
    journal.close()
    path = tmp_path / run.run / "scheduler_results.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + b'"mct",50,1.25')

    journal = Journal(tmp_path / run.run)
    journal.append({"scheduler_results": rows(50, 50)})
    journal.close()
    assert path.read_bytes().startswith(whole)
    assert journal.rows("scheduler_results") == 100
    assert [int(row[1]) for row in csv.reader(path.read_text().splitlines()[1:])] == list(range(100))


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    run = header()
    first = Journal.create(tmp_path, run)
    assert JournalReader(first.folder).is_written()
    with pytest.raises(JournalError, match="written by another SchedRace"):
        Journal(first.folder)
    first.close()
    Journal(first.folder).close()
    assert not JournalReader(first.folder).is_written()


ASKED_OFTEN = """
import sys
from pathlib import Path
from persistence.journal.reader import JournalReader
reader = JournalReader(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(reader.is_written() for _ in range(5000)))
"""


def test_two_processes_that_ask_at_once_do_not_take_each_other_for_the_writer(tmp_path: Path) -> None:
    Journal.create(tmp_path, run := header()).close()
    command = [sys.executable, "-c", ASKED_OFTEN, str(tmp_path / run.run)]
    pipe = subprocess.PIPE
    asking = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=REPOSITORY) for _ in range(2)]
    for process in asking:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in asking:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=30)[0] for process in asking] == ["0\n", "0\n"]


@pytest.mark.parametrize(
    ("sync", "step"),
    [
        ("each", lambda journal: journal.append({"scheduler_results": rows(60, 60)})),
        ("each", lambda journal: journal.write_result({})),
        ("system", Journal.make_durable),
    ],
)
def test_a_closed_journal_takes_nothing_from_a_thread_that_still_has_it(
    tmp_path: Path, sync: str, step: Callable[[Journal], None]
) -> None:
    journal = Journal.create(tmp_path, header(), sync)
    journal.append({"scheduler_results": rows(0, 60)})
    journal.close()
    content = journal.path("scheduler_results").read_bytes()
    with pytest.raises(JournalError, match="was closed before its last rows were written"):
        step(journal)
    assert journal.path("scheduler_results").read_bytes() == content
    assert journal.result() is None


def test_reading_yields_whole_lines_only(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, header())
    data = rows(0, 200)
    journal.append({"scheduler_results": data})
    at, read = journal.first("scheduler_results"), b""
    while at < journal.synced["scheduler_results"]:
        part = journal.read("scheduler_results", at, journal.synced["scheduler_results"], 1000)
        assert part.endswith(b"\n")
        read += part
        at += len(part)
    journal.close()
    assert read == data


def test_a_folder_that_holds_the_run_of_another_is_left_alone(tmp_path: Path) -> None:
    run = header()
    first = Journal.create(tmp_path, run)
    first.append({"scheduler_results": rows(0, 3)})
    first.close()
    with pytest.raises(JournalError, match=r"holds a run of another SchedRace already.* Start the race again"):
        Journal.create(tmp_path, replace(run, seed=run.seed + 1))
    again = Journal.create(tmp_path, run)  # as after a first attempt that failed half-way
    assert again.rows("scheduler_results") == 3
    again.close()


def test_the_header_of_a_run_comes_back(tmp_path: Path) -> None:
    run = header()
    journal = Journal.create(tmp_path, run)
    journal.close()
    assert JournalReader(journal.folder).header() == run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"this machine cannot mount a small disk: {mounted.stderr}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_leaves_whole_lines_and_a_sentence(small_disk: Path) -> None:
    journal = Journal.create(small_disk, header())
    written = 0
    with pytest.raises(JournalError, match=r"No space left on device\. Free some space"):
        for first in range(0, 100_000, 50):
            journal.append({"scheduler_results": rows(first, 50)})
            written += 50
    assert journal.rows("scheduler_results") == written
    assert journal.path("scheduler_results").read_bytes().endswith(b"\n")

    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    journal.append({"scheduler_results": rows(written, 50)})
    journal.close()
    assert journal.rows("scheduler_results") == written + 50
