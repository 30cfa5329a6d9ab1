"""The thread that formats rows and appends them to the journal."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from engine.workload import Workload
from persistence.errors import JournalError
from persistence.journal.files import Journal
from persistence.journal.rows import metric_rows, result_rows, sample_rows, task_rows, timestamp
from persistence.recording.inbox import Inbox
from persistence.run import RunHeader
from persistence.settings import JOURNAL_SYNC

RETRY_S = 1.0
LAST_RETRY_S = 0.1
MAX_UNWRITTEN = 1_000_000
"""Rows kept in memory while the disk takes none; then recording stops and says so, and the race goes on."""
_LOOK_AGAIN_S = 0.02
_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """What the race handed over: its table (or ``result``), and when (Unix time)."""

    kind: str
    payload: Any
    at: float


class JournalWriter:
    """Takes batches from its inbox into the journal. ``written`` is called with the journal after each of them;
    ``results`` counts the task results in it; what is not there once it ``gave_up`` is lost. The journal is made with
    the first rows, unless there is one to go on with."""

    def __init__(
        self,
        runs_dir: Path,
        header: RunHeader,
        written: Callable[[Journal | None], None],
        journal: Journal | None = None,
        sync: str = JOURNAL_SYNC[0],
    ) -> None:
        self.inbox: Inbox[Entry] = Inbox()
        self.problem: str | None = None
        self.results = journal.rows("scheduler_results") if journal is not None else 0
        self.gave_up = False
        self._runs_dir = runs_dir
        self._header = header
        self._written = written
        self._journal = journal
        self._sync = sync
        self._closing = threading.Event()
        self._patience_s = math.inf
        self._progress_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"journal {header.run}", daemon=True)
        self._thread.start()

    def close(self, wait_s: float, patience_s: float) -> None:
        """Write what is left for up to ``wait_s`` and end the thread; give up when nothing is taken for ``patience_s``,
        whether the disk refuses or does not answer."""
        self._progress_at = time.monotonic()
        self._patience_s = patience_s
        last = self._progress_at + wait_s
        self.inbox.close()
        self._closing.set()
        while self._thread.is_alive() and time.monotonic() < min(last, self._progress_at + patience_s) + LAST_RETRY_S:
            self._thread.join(_LOOK_AGAIN_S)
        if self._thread.is_alive() and not self.gave_up:
            silent = f"The disk of {self._runs_dir / self._header.run} does not take rows in time."
            self._lose_the_rest(self.problem or silent)

    def _run(self) -> None:
        try:
            while True:
                batch = self.inbox.take(self._journal.sync_due_s() if self._journal is not None else None)
                if batch is None:
                    self._make_durable()
                    continue
                entries, rows = batch
                if not entries:
                    break
                self._write(entries)
                self.inbox.done(rows)
            self._make_durable()
        except Exception as error:
            _log.exception("The journal's thread failed")
            self._stop_recording(f"Recording stopped after an error in SchedRace ({error!r}); the race goes on.")
            self._drain()
        finally:
            self._written(self._journal)

    def _write(self, entries: list[Entry]) -> None:
        if self.gave_up:
            return
        # each step is all or nothing, so a repeated one doubles no row
        if rows := self._formatted(entries):
            if not self._until_it_works(lambda journal: journal.append(rows)):
                return
            self.results += sum(len(entry.payload) for entry in entries if entry.kind == "scheduler_results")
        for result in [entry.payload for entry in entries if entry.kind == "result"]:
            if not self._until_it_works(partial(Journal.write_result, result=result)):
                return
        self._written(self._journal)

    def _make_durable(self) -> None:
        if self._journal is not None and self._until_it_works(Journal.make_durable):
            self._written(self._journal)

    def _until_it_works(self, step: Callable[[Journal], None]) -> bool:
        while not self.gave_up:
            try:
                if self._journal is None:
                    self._journal = Journal.create(self._runs_dir, self._header, self._sync)
                step(self._journal)
                self._progress_at = time.monotonic()
                self.inbox.brake = True
                if not self.gave_up:
                    self.problem = None
                return True
            except JournalError as error:
                problem = str(error)
            if self.gave_up:  # while the disk held this thread
                break
            self.problem = problem
            self.inbox.release_brake()
            if time.monotonic() > self._progress_at + self._patience_s or self.inbox.rows > MAX_UNWRITTEN:
                self._lose_the_rest(problem)
            elif self._closing.wait(RETRY_S):
                time.sleep(LAST_RETRY_S)
        return False

    def _formatted(self, entries: list[Entry]) -> dict[str, bytes]:
        stamp = {at: timestamp(datetime.fromtimestamp(at, UTC)) for _, _, at in entries}
        of: dict[str, list[Entry]] = {}
        for entry in entries:
            of.setdefault(entry.kind, []).append(entry)
        rows: dict[str, bytes] = {}
        if tasks := of.get("tasks"):
            rows["tasks"] = b"".join(_task_rows(e.payload, stamp[e.at]) for e in tasks)
        if results := of.get("scheduler_results"):
            rows["scheduler_results"] = result_rows(
                [(e.payload, stamp[e.at]) for e in results], self._header.device_ids
            )
        if samples := of.get("training_data"):
            rows["training_data"] = sample_rows([(*e.payload, stamp[e.at]) for e in samples])
        if metrics := of.get("metrics"):
            rows["metrics"] = metric_rows([(e.payload, stamp[e.at]) for e in metrics])
        return rows

    def _lose_the_rest(self, problem: str) -> None:
        begun = (self._runs_dir / self._header.run / "run.json").exists()
        resume = f" 'schedrace race --resume {self._header.run}' finishes the run once there is room." if begun else ""
        self._stop_recording(f"{problem} Rows that had not been written are lost.{resume}")

    def _stop_recording(self, problem: str) -> None:
        self.gave_up = True
        self.problem = problem
        self.inbox.release_brake()

    def _drain(self) -> None:
        while batch := self.inbox.take():
            entries, rows = batch
            if not entries:
                return
            self.inbox.done(rows)


def _task_rows(block: tuple[Workload, int, int], created_at: str) -> bytes:
    workload, first, last = block
    return task_rows(workload, first, last, created_at)
