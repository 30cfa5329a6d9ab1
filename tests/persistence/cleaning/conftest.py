"""What is cleaned up, and where one looks whether it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persistence.database.opening import Database, open_database
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from tests.persistence.cleaning.runs import Execute


@pytest.fixture
def service(settings: StorageSettings) -> Iterator[SimulationDataService]:
    service = SimulationDataService.open(settings)
    yield service
    service.close()


@pytest.fixture
def database(settings: StorageSettings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.engine.dispose()


@pytest.fixture
def rows(database_url: str, execute: Execute) -> Callable[[str], int]:
    """Count the results of a run in the database."""

    def count(run: str) -> int:
        return int(execute(f"SELECT count(*) FROM schedrace.scheduler_results WHERE run = '{run}'", database_url)[0][0])  # type: ignore[call-overload]

    return count


@pytest.fixture
def csv(tmp_path: Path) -> StorageSettings:
    return StorageSettings("csv", data_dir=tmp_path)
