"""An exported folder, or a journal's, looked through to its last row before anything is done with it."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from persistence.errors import JournalError
from persistence.exchange.blocks import table_blocks
from persistence.exchange.content import Recording, TableContent
from persistence.exchange.documents import read_header, read_result, small_text
from persistence.exchange.layout import CSV, FILES, PARQUET
from persistence.exchange.places import shown, wrong
from persistence.exchange.rules import Broken, Rules
from persistence.exchange.sums import SUMS, parsed_sums, sha256
from persistence.journal.reader import JournalReader
from persistence.run import RunHeader
from persistence.schema import JOURNALED


@dataclass(frozen=True, slots=True)
class ReadableRun:
    """A folder that was found whole. ``tables`` are the files of its rows, ``files`` those that race.toml may name,
    with their SHA-256."""

    folder: Path
    recording: Recording
    tables: Mapping[str, Path]
    files: Mapping[Path, str]

    @property
    def header(self) -> RunHeader:
        """What the run was started with."""
        return self.recording.header


def read_folder(folder: Path, moved: Callable[[int], object] = lambda rows: None) -> ReadableRun:
    """Look through a folder; ``moved`` hears how many rows were read. Nothing is written.

    Raises :class:`InputError` with the file, the line and the reason when anything is not as an export makes it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder '{folder}'. Nothing was imported.")
    try:
        header = read_header(folder)
        _check_not_written(folder)
        result = read_result(folder, header)
        tables = _tables(folder)
        files = {path: sha256(path) for path in _files(folder)}
        _check_sums(folder, tables, files)
        content: dict[str, TableContent] = {}
        for table in JOURNALED:
            before = sum(each.rows for each in content.values())
            content[table] = _content(table, tables.get(table), header, before, moved)
    except OSError as error:
        raise wrong(Path(error.filename or folder), f"it cannot be read ({error.strerror or error})") from error
    return ReadableRun(folder, Recording(header, result, content), tables, files)


def _content(
    table: str, path: Path | None, header: RunHeader, before: int, moved: Callable[[int], object]
) -> TableContent:
    content, rules = TableContent(), Rules(table, header)
    for first, rows, lines in table_blocks(path, table) if path is not None else ():
        try:
            rules.check(rows)
        except Broken as error:
            raise wrong(path or Path(), error.reason, first + error.row) from error
        content.add(lines)
        moved(before + content.rows)
    if path is not None and (twice := rules.twice()):
        raise wrong(path, twice)
    return content


def _check_not_written(folder: Path) -> None:
    try:
        written = (folder / "lock").exists() and JournalReader(folder).is_written()
    except JournalError:
        written = False  # a disk that can only be read: nobody writes there
    if written:
        raise InputError(f"'{folder}' is being written by a SchedRace. Wait until its race is over, or export the run.")


def _tables(folder: Path) -> dict[str, Path]:
    tables = {}
    for table in JOURNALED:
        found = [path for kind in (CSV, PARQUET) if (path := folder / f"{table}.{kind}").exists()]
        if len(found) > 1:
            raise wrong(found[1], f"the same table is there as {found[0].name} too; take one of them away")
        if found and not found[0].is_file():
            raise wrong(found[0], "it is no file")
        if found:
            tables[table] = found[0]
    return tables


def _files(folder: Path) -> tuple[Path, ...]:
    """Return the files in ``files``; a link could lead to a file of this machine that is nobody's business."""
    within = folder / FILES
    files = sorted(within.iterdir()) if within.is_dir() and not within.is_symlink() else []
    for path in files:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise wrong(path, "it is no plain file")
    return tuple(files)


def _check_sums(folder: Path, tables: Mapping[str, Path], files: Mapping[Path, str]) -> None:
    """Compare with SHA256SUMS, which only an export has."""
    path = folder / SUMS
    if not path.exists():
        return
    try:
        sums = parsed_sums(small_text(path))
    except ValueError as error:
        raise wrong(path, shown(error)) from error
    used = {f"{FILES}/{file.name}" for file in files} | {file.name for file in tables.values()}
    used |= {name for name in ("run.json", "race.toml", "result.json") if (folder / name).exists()}
    for name in sums:
        # a name from a file must not lead out of the folder
        if name not in used and (Path(name).name != name or not (folder / name).is_file()):
            raise wrong(path, f"'{shown(name)}' is listed there and is not in the folder")
    for name in sorted(used):
        if name not in sums:
            raise wrong(folder / name, f"it is not listed in {SUMS}, so it was added after the export")
        if (files.get(folder / name) or sha256(folder / name)) != sums[name]:
            raise wrong(folder / name, f"it is not as it was exported (its sum differs from that in {SUMS})")
