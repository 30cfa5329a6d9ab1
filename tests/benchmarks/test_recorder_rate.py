"""Rows a second into our own PostgreSQL: the recorder, `psql`'s \\copy of the same rows, and an ORM."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Session

from engine.records import FinishedTasks
from persistence.database.opening import open_database
from persistence.embedded.binaries import find_binaries
from persistence.journal.rows import result_rows, timestamp
from persistence.recording.recorder import Recorder
from persistence.schema import journal_columns, metadata, scheduler_results
from persistence.settings import StorageSettings, load_settings
from persistence.storage import open_storage
from tests.benchmarks.timing import alternated, print_table, seconds_of, times
from tests.own_postgresql import run_statement
from tests.persistence.records import DEVICES, PLUGINS, finished, header

pytestmark = pytest.mark.benchmark

ROWS, HAND_OVER, PSQL_BATCH, ORM_ROWS, ORM_COMMIT = 200_000, 1_000, 10_000, 5_000, 50
LEAST_OF_PSQL, LEAST_TIMES_ORM = 0.5, 3.0


class Base(DeclarativeBase):
    metadata = metadata


class Result(Base):
    """A row, as an object-relational mapper has it."""

    __table__ = scheduler_results


@dataclass
class Contest:
    """The same rows into the same table, each time as another run."""

    settings: StorageSettings
    folder: Path
    url: str
    blocks: Sequence[FinishedTasks] = field(
        default_factory=lambda: [finished(first, HAND_OVER) for first in range(0, ROWS, HAND_OVER)]
    )

    def recorder(self) -> float:
        """Hand the rows over as a race does; until the last one is in the database."""
        recorder = Recorder(open_storage(self.settings, PLUGINS), header(ROWS))
        began = time.perf_counter()
        for block in self.blocks:
            recorder.finished(block)
        status = recorder.close(60.0)
        seconds = time.perf_counter() - began
        assert (status.kind, status.rows_written, status.rows_pending) == ("postgresql-embedded", ROWS, 0), status
        self._forget(recorder.header.run)
        return seconds

    def psql(self) -> float:
        r"""``\copy`` in batches of 10,000 rows, which are files already."""
        run, names = self._known_run(), ", ".join(["run", *journal_columns("scheduler_results")])
        script = []
        for first in range(0, ROWS, PSQL_BATCH):
            blocks = self.blocks[first // HAND_OVER : (first + PSQL_BATCH) // HAND_OVER]
            lines = result_rows([(block, timestamp()) for block in blocks], DEVICES).splitlines(keepends=True)
            file = self.folder / f"{first}.csv"
            file.write_bytes(b"".join(f"{run},".encode() + line for line in lines))
            script.append(f"\\copy schedrace.scheduler_results ({names}) FROM '{file}' (FORMAT csv)\n")
        binaries = find_binaries(None)
        assert binaries is not None
        command = [binaries.bin / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", self.url]
        seconds = seconds_of(lambda: subprocess.run(command, input="".join(script), text=True, check=True))
        assert run_statement(f"SELECT count(*) FROM schedrace.scheduler_results WHERE run = '{run}'", self.url) == [
            (ROWS,)
        ]
        self._forget(run)
        return seconds

    def orm(self, engine: Engine) -> float:
        """Add objects and commit every 50; the seconds are those of as many rows as the others have."""
        run, rows = self._known_run(), []
        for block in self.blocks[: ORM_ROWS // HAND_OVER]:
            columns = zip(block.task, block.arrival_s, block.start_s, block.finish_s, block.energy_j, strict=True)
            rows += [tuple(value.item() for value in row) for row in columns]
        began = time.perf_counter()
        with Session(engine) as session:
            for first in range(0, ORM_ROWS, ORM_COMMIT):
                session.add_all(
                    Result(
                        run=run,
                        scheduler="mct",
                        task=task,
                        arrival_s=arrival_s,
                        start_s=start_s,
                        finish_s=finish_s,
                        placement="cpu-1=1",
                        gpu_fraction=0.0,
                        energy_j=energy_j,
                        cost=0.0,
                        created_at=timestamp(),
                    )
                    for task, arrival_s, start_s, finish_s, energy_j in rows[first : first + ORM_COMMIT]
                )
                session.commit()
        seconds = time.perf_counter() - began
        self._forget(run)
        return seconds * ROWS / ORM_ROWS

    def _known_run(self) -> str:
        storage = open_storage(self.settings, PLUGINS).connect()
        known = header(ROWS)
        storage.begin(known)
        storage.close()
        return known.run

    def _forget(self, run: str) -> None:
        """Every round meets the same table, and nothing to replay."""
        shutil.rmtree(self.settings.runs_dir / run, ignore_errors=True)
        run_statement(f"DELETE FROM schedrace.runs WHERE run = '{run}'", self.url)
        run_statement("VACUUM schedrace.scheduler_results", self.url)


@pytest.fixture
def contest(own_folders: Path, tmp_path: Path) -> Iterator[Contest]:
    settings = load_settings()
    database = open_database(settings)
    yield Contest(settings, tmp_path, database.url.replace("+psycopg2", ""))
    database.engine.dispose()


def test_the_recorder_writes_at_least_half_as_fast_as_psql_copies_and_three_times_as_fast_as_an_orm(
    contest: Contest,
) -> None:
    engine = create_engine(contest.url.replace("postgresql://", "postgresql+psycopg2://"))
    contest.recorder()
    seconds = alternated(
        {
            "recorder: journal and database": contest.recorder,
            "psql \\copy, batches of 10,000": contest.psql,
            "ORM, a commit every 50 rows": lambda: contest.orm(engine),
        }
    )
    engine.dispose()
    mine, psql, orm = seconds.values()
    print_table(
        f"{ROWS:,} task results into our own PostgreSQL",
        [
            ("", "rows/s", "recorder against it"),
            *(
                (name, f"{ROWS / statistics.median(took):,.0f}", f"x{times(mine, took):.2f}")
                for name, took in seconds.items()
            ),
        ],
    )
    assert times(mine, psql) >= LEAST_OF_PSQL
    assert times(mine, orm) >= LEAST_TIMES_ORM
