"""A run into a folder that another person can open: whole, or not there at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError, SchedRaceError
from engine.words import remedy
from persistence.again import asked_again
from persistence.exchange.layout import CSV, README, readme
from persistence.exchange.sums import SUMS, Sums
from persistence.exchange.tables import CsvTables, ParquetTables
from persistence.journal.files import sync_folder
from persistence.run import RunHeader
from persistence.schema import JOURNALED, run_summary
from persistence.service import SimulationDataService

_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows by table, bytes of all files. ``status`` is that of the run."""

    run: str
    folder: Path
    status: str
    rows: Mapping[str, int]
    size_bytes: int


def check_target(folder: Path) -> None:
    """Raise :class:`InputError` when a folder is there already and holds something, or is the one that we are in."""
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        entered = folder.exists() and folder.samefile(Path.cwd())
    except OSError as error:
        raise InputError(f"'{folder}' cannot be looked into: {error.strerror}. Name another folder.") from error
    if taken:
        raise InputError(f"'{folder}' is there already and not empty, so nothing was written. Name a new folder.")
    if entered:  # it would be replaced, and who is in it would be nowhere
        raise InputError(f"'{folder}' is the folder that you are in, so nothing was written. Name a new folder.")


@asked_again
def export_run(
    service: SimulationDataService,
    run: str,
    folder: Path,
    *,
    kind: str,
    race_toml: str,
    files: Mapping[str, Path],
    missing: Sequence[str],
    moved: Callable[[int], object] = lambda rows: None,
) -> Exported:
    """Write a run (an id) to a new folder, with tables as ``kind`` CSV or PARQUET.

    ``race_toml`` is the text of its race file, ``files`` what that names, to be copied to these paths below the folder,
    and ``missing`` what it names and is not copied. ``moved`` hears how many rows are written. The memory that it takes
    does not grow with the run. Where our own server stops meanwhile, all of it begins anew, so that the tables are of
    one moment. Raises :class:`SchedRaceError`; then, and when interrupted, nothing is left.
    """
    check_target(folder)
    status, header, result = service.get_run(run).status, service.get_run_header(run), service.get_result(run)
    part = folder.with_name(f"{folder.name}.{secrets.token_hex(3)}.part")
    try:
        part.mkdir(parents=True)
        sums = Sums(part)
        sums.write("run.json", header.as_json())
        sums.write("race.toml", race_toml)
        if result is not None:
            sums.write("result.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        sums.write("summary.csv", _summary(service.get_run_summary(run)))
        for name, path in files.items():
            _copy(path, part / name)
            sums.add(name)
        rows = _write_tables(service, header, part, kind, moved)
        for table in JOURNALED:
            sums.add(f"{table}.{kind}")
        sums.write(README, readme(header, status, kind, rows, missing))
        (part / SUMS).write_bytes(sums.text().encode())
        size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
        _put_in_place(part, folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise SchedRaceError(
            f"The run could not be exported to '{folder}': {error.strerror or error}. Nothing was left there. "
            f"{remedy(error)}, or choose another place."
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Exported(run, folder, status, rows, size)


def _write_tables(
    service: SimulationDataService, header: RunHeader, part: Path, kind: str, moved: Callable[[int], object]
) -> dict[str, int]:
    rows = dict.fromkeys(JOURNALED, 0)
    writer = CsvTables(part) if kind == CSV else ParquetTables(part)
    with writer, contextlib.closing(service.get_rows(header.run)) as blocks:
        for table, block in blocks:
            writer.write(table, block)
            rows[table] += len(block)
            moved(sum(rows.values()))
    return rows


def _summary(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    names = [column.name for column in run_summary.columns if column.name != "run"]
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with source.open("rb") as file, target.open("wb") as out:
        shutil.copyfileobj(file, out, _COPY_BYTES)


def _put_in_place(part: Path, folder: Path) -> None:
    """Make the whole folder durable and give it its name."""
    for path in (*part.rglob("*"), part):
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if folder.exists():
        folder.rmdir()  # it was empty; if it is not any more, this says so
    part.rename(folder)
    sync_folder(folder.parent)
