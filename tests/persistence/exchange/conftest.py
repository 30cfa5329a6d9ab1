"""A small exported run, to be spoiled in every way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence.exchange.export import export_run
from persistence.exchange.sums import SUMS
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from tests.persistence.races import record_in_csv

Spoil = Callable[..., Path]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of one run, by format. Not to be changed."""
    home = tmp_path_factory.mktemp("exported")
    settings = StorageSettings(kind="csv", data_dir=home / "data")
    run = record_in_csv(settings, tasks=20, schedulers=("mct", "mct+forest", "random"))
    service = SimulationDataService(settings, None)
    race_toml = service.get_run_header(run).race_toml
    for kind in ("csv", "parquet"):
        export_run(service, run, home / kind, kind=kind, race_toml=race_toml, files={}, missing=())
    return {kind: home / kind for kind in ("csv", "parquet")}


@pytest.fixture
def copy(exported: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a copy of the export that may be changed; ``sums``: whether it still says what it was."""

    def make(kind: str = "csv", *, sums: bool = False) -> Path:
        folder = tmp_path / "folder"
        shutil.copytree(exported[kind], folder)
        if not sums:
            (folder / SUMS).unlink()
        return folder

    return make
