"""Cleaning up where the journals are the data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from persistence.cleaning import GOING_ON, GONE, CleanedRun
from persistence.errors import StorageError
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from tests.persistence.cleaning.runs import begin, record


def test_with_csv_alone_the_journals_are_the_data(csv: StorageSettings) -> None:
    service = SimulationDataService.open(csv)
    runs = [record(csv) for _ in range(2)]
    recorder = begin(csv)
    would = service.cleanup_old_data(keep_runs=0, dry_run=True)
    assert {row.run: row.kept for row in would} == {runs[0]: None, runs[1]: None, recorder.header.run: GOING_ON}
    assert len(list(csv.runs_dir.iterdir())) == 3
    (cleaned,) = service.cleanup_old_data(runs=[runs[0]])
    assert (cleaned.kept, cleaned.rows["scheduler_results"]) == (None, 60)
    assert cleaned == next(row for row in would if row.run == runs[0])
    service.cleanup_old_data(keep_runs=0)
    assert recorder.close().rows_written == 60
    assert [path.name for path in csv.runs_dir.iterdir()] == [recorder.header.run]
    service.close()


def test_a_journal_that_vanished_meanwhile_is_no_error(csv: StorageSettings) -> None:
    first, second = sorted(record(csv) for _ in range(2))
    service = SimulationDataService.open(csv)

    def take_the_other(cleaned: CleanedRun) -> None:
        shutil.rmtree(csv.runs_dir / (second if cleaned.run == first else first), ignore_errors=True)

    assert [row.kept for row in service.cleanup_old_data(keep_runs=0, tell=take_the_other)] == [None, GONE]
    service.close()


@pytest.mark.parametrize("times", [1, 2])
def test_who_asks_meanwhile_whether_a_journal_is_free_leaves_nothing_behind_for_good(
    csv: StorageSettings, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Asking makes the lock's file anew, in a folder that was just emptied."""
    run = record(csv)
    service = SimulationDataService.open(csv)
    rmdir, left = Path.rmdir, times

    def asked_just_before(folder: Path) -> None:
        nonlocal left
        if left:
            left -= 1
            (folder / "lock").touch()
        rmdir(folder)

    monkeypatch.setattr(Path, "rmdir", asked_just_before)
    (cleaned,) = service.cleanup_old_data(runs=[run])
    assert (cleaned.kept is None) is (times == 1)
    assert service.get_runs() == []
    service.cleanup_old_data(keep_runs=0)
    assert list(csv.runs_dir.iterdir()) == []
    service.close()


def test_without_the_database_that_was_wanted_no_journal_goes(csv: StorageSettings, tmp_path: Path) -> None:
    run = record(csv)
    wanted = StorageSettings("auto", data_dir=tmp_path).with_url("postgresql://me@localhost:1/x", "a test")
    service = SimulationDataService.open(wanted)
    with pytest.raises(StorageError, match=r"refuses connections.* Nothing was cleaned up, because journals may not"):
        service.cleanup_old_data(keep_runs=0)
    assert [row.run for row in service.get_runs()] == [run]
    service.close()
