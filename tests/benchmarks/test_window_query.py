"""The last 1,000 training samples of a learner: from the database, from the journal's tail, from the whole file.

Who says that a database answers a thousand times as fast as CSV means the whole file, read for each answer. The table
says from which size on that holds, and how little is left of it beside a reader that starts at the file's end.
"""

from __future__ import annotations

import csv
import statistics
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest

from engine.training import TrainingSamples
from persistence.database.repositories import TrainingDataRepository
from persistence.journal.files import Journal
from persistence.journal.rows import sample_rows, timestamp
from persistence.recording.shipping import ship_left_behind
from persistence.service import WINDOW, SimulationDataService
from persistence.settings import load_settings
from persistence.storage import open_storage
from persistence.window import JournalWindow
from tests.benchmarks.peer_environment import peer
from tests.benchmarks.timing import alternated, print_table, seconds_of, times
from tests.persistence.records import PLUGINS, header

pytestmark = pytest.mark.benchmark

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
LEARNERS = ("hybrid_ml", "rl_agent")
HAND_OVER, FEATURES = 50, 8
NUMBERS = ("sample", "completion", "task", "model", "fraction", "nominal_s", "work_s")
CALLS = 25
MOST_MS = 2.0


@dataclass
class Grown:
    """A run whose samples, of two learners in turn, grow in its journal and arrive in our own PostgreSQL."""

    service: SimulationDataService
    journal: Journal
    rows: int = 0

    @property
    def file(self) -> Path:
        return self.journal.path("training_data")

    def grow(self, rows: int) -> None:
        self.journal = Journal(self.journal.folder)
        while self.rows < rows:
            count = min(rows - self.rows, 100_000)
            self.journal.append({"training_data": lines(self.rows, count)})
            self.rows += count
        self.journal.close()
        assert ship_left_behind(open_storage(self.service.settings, PLUGINS)).problems == []


def lines(first: int, count: int) -> bytes:
    rng, at, blocks = np.random.default_rng(first), timestamp(), []
    for number in range(first // HAND_OVER, (first + count) // HAND_OVER):
        start = number // len(LEARNERS) * HAND_OVER + 1
        sample = np.arange(start, start + HAND_OVER)
        one, figures = np.ones(HAND_OVER), rng.random((HAND_OVER, FEATURES + 2)) + 1e-9
        columns = (sample, sample, sample - 1, sample % 2, one, figures[:, 0], figures[:, 1], figures[:, 2:])
        blocks.append((LEARNERS[number % len(LEARNERS)], TrainingSamples(*columns), at))
    return sample_rows(blocks)


@pytest.fixture
def grown(own_folders: Path) -> Iterator[Grown]:
    settings = load_settings()
    journal = Journal.create(settings.runs_dir, header(SIZES[-1], LEARNERS))
    journal.close()
    service = SimulationDataService.open(settings)
    yield Grown(service, journal)
    service.close()


def by_csv_reader(path: Path) -> np.ndarray:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        last = deque((row for row in rows if row[0] == LEARNERS[0]), WINDOW)
    features = np.array([row[8][1:-1].split(",") for row in last], dtype=float)
    figures = np.array([row[1:8] for row in last], dtype=float)
    assert len(features) == len(figures)
    return figures[:, 0]


def by_pyarrow(path: Path) -> np.ndarray:
    options = pa_csv.ConvertOptions(include_columns=["scheduler", *NUMBERS, "features"])
    rows = pa_csv.read_csv(path, convert_options=options)
    last = rows.filter(pc.equal(rows["scheduler"], LEARNERS[0]))[-WINDOW:]
    features = np.array([text[1:-1].split(",") for text in last["features"].to_pylist()], dtype=float)
    figures = [last[name].to_numpy() for name in NUMBERS]
    assert len(features) == len(figures[0])
    return figures[0]


def median_of_calls(call: Callable[[], object]) -> float:
    return statistics.median(seconds_of(call) for _ in range(CALLS))


def test_the_window_comes_in_two_milliseconds_from_a_database_of_any_size(grown: Grown) -> None:
    service, run = grown.service, grown.journal.run
    tail = JournalWindow(grown.journal.folder, LEARNERS[0])
    assert service.database is not None
    connection = service.database.connect()
    found: dict[str, dict[int, list[int]]] = {}
    seconds: dict[int, dict[str, list[float]]] = {}
    quietest_s: list[float] = []

    def whole(name: str, read: Callable[[Path], np.ndarray]) -> float:
        answer: list[np.ndarray] = []
        took = seconds_of(lambda: answer.append(read(grown.file)))
        found.setdefault(name, {})[grown.rows] = answer[0].astype(int).tolist()
        return took

    def by_pandas() -> float:
        answer = peer("pandas_window.py", {"path": str(grown.file), "scheduler": LEARNERS[0], "limit": WINDOW})
        found.setdefault("pandas", {})[grown.rows] = answer["samples"]
        return float(answer["seconds"])

    def query(rows: int) -> TrainingSamples:
        assert service.database is not None
        with service.database.transaction(connection) as cursor:
            return TrainingDataRepository(cursor).latest(run, LEARNERS[0], rows, WINDOW)

    for rows in SIZES:
        grown.grow(rows)
        with service.database.session(limit_s=300) as cursor:
            cursor.execute("ANALYZE schedrace.training_data")
        contestants = {
            "database: the query": partial(median_of_calls, partial(query, rows)),
            "database: the service, completed from the journal": partial(
                median_of_calls, partial(service.get_latest_training_data, run, LEARNERS[0], rows)
            ),
            "the journal's tail": partial(median_of_calls, partial(tail.latest, rows, WINDOW)),
            "the whole file, pyarrow": partial(whole, "pyarrow", by_pyarrow),
            "the whole file, pandas": by_pandas,
            "the whole file, csv.reader": partial(whole, "csv.reader", by_csv_reader),
        }
        quietest_s.append(min(median_of_calls(partial(query, rows)) for _ in range(5)))
        seconds[rows] = alternated(contestants, 5 if rows < SIZES[-1] else 1)
        expected = query(rows).sample.tolist()
        assert len(expected) == WINDOW
        assert expected == service.get_latest_training_data(run, LEARNERS[0], rows).sample.tolist()
        assert expected == tail.latest(rows, WINDOW).sample.tolist()
        assert all(samples[rows] == expected for samples in found.values())
    connection.close()
    query_s = {rows: took["database: the query"] for rows, took in seconds.items()}

    def shown(name: str, rows: int) -> str:
        took = seconds[rows][name]
        return f"{1000 * statistics.median(took):,.2f} (x{times(query_s[rows], took):,.1f})"

    print_table(
        "The last 1,000 samples: median ms, and how many times the query's time (5,000,000 rows: one round)",
        [
            ("", *(f"{rows:,} rows" for rows in SIZES)),
            *((name, *(shown(name, rows) for rows in SIZES)) for name in seconds[SIZES[0]]),
        ],
    )
    print(f"  the query alone, in the quietest of five rounds: {', '.join(f'{1000 * s:.2f}' for s in quietest_s)} ms")
    assert all(1000 * s <= MOST_MS for s in quietest_s)
