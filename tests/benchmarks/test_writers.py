"""Eight programs that record into one database at once, beside one that has it for itself."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from persistence.database.opening import open_database
from persistence.settings import load_settings
from tests.benchmarks.timing import print_table
from tests.own_postgresql import run_statement

pytestmark = pytest.mark.benchmark

WRITERS, ROUNDS = 8, 5
ROWS_OF_ONE, ROWS_OF_EACH = 200_000, 50_000
LEAST_SHARE_OF_MEAN = 0.5


@dataclass(frozen=True)
class Round:
    """Rows a second: of all together from the start to the last row, and of each until its own last row."""

    together: float
    each: list[float]


@pytest.fixture
def url(own_folders: Path) -> Iterator[str]:
    database = open_database(load_settings())
    yield database.url
    database.engine.dispose()


def recorded_by(writers: int, rows: int, url: str, folder: Path) -> Round:
    """Let some programs record rows; each of them must have arrived, without an error or a second attempt."""
    command = [sys.executable, "-m", "tests.benchmarks.writing_program", str(folder), url, str(rows)]
    programs = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(writers)
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    answers: list[dict[str, Any]] = []
    for program in programs:
        said, _ = program.communicate(timeout=120)
        answers.append(json.loads(said))
    took = max(answer["seconds"] for answer in answers)
    assert took <= time.perf_counter() - began
    assert [(a["written"], a["retries"], a["problem"]) for a in answers] == [(rows, 0, None)] * writers
    plain = url.replace("+psycopg2", "")
    assert run_statement("SELECT count(*) FROM schedrace.scheduler_results", plain) == [(writers * rows,)]
    run_statement("DELETE FROM schedrace.runs", plain)
    run_statement("VACUUM", plain)
    shutil.rmtree(folder)  # or the next programs would bring these journals in again
    return Round(writers * rows / took, [rows / answer["seconds"] for answer in answers])


def test_eight_writers_together_are_as_fast_as_one_and_none_is_starved(url: str, tmp_path: Path) -> None:
    rounds = []
    for _ in range(ROUNDS):
        one = recorded_by(1, ROWS_OF_ONE, url, tmp_path / "data")
        rounds.append((one, recorded_by(WRITERS, ROWS_OF_EACH, url, tmp_path / "data")))
    ratio = statistics.median(eight.together / one.together for one, eight in rounds)
    slowest = statistics.median(min(eight.each) / statistics.mean(eight.each) for _, eight in rounds)
    fastest = statistics.median(max(eight.each) / statistics.mean(eight.each) for _, eight in rounds)
    one_rate, eight_rate = (statistics.median(each.together for each in column) for column in zip(*rounds, strict=True))
    print_table(
        f"Results recorded into one database, {ROWS_OF_ONE:,} by one writer, {ROWS_OF_EACH:,} by each of eight",
        [
            ("", "rows/s", "against one", "slowest / mean", "fastest / mean"),
            ("one writer", f"{one_rate:,.0f}", "x1.00", "", ""),
            ("eight writers together", f"{eight_rate:,.0f}", f"x{ratio:.2f}", f"{slowest:.2f}", f"{fastest:.2f}"),
        ],
    )
    assert ratio >= 1.0
    assert slowest >= LEAST_SHARE_OF_MEAN
