"""A race file that can be taken to another machine, together with the files that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app.race_file import parse_race, race_toml
from engine.errors import InputError
from persistence.exchange.importing import was_recorded_here


@dataclass(frozen=True, slots=True)
class PortableRace:
    """``text`` is that of race.toml; ``files`` are to be copied to these paths beside it, ``elsewhere`` those of them
    that are not in the run's own folder; ``missing`` are those that it names and that are not to be copied."""

    text: str
    files: Mapping[str, Path]
    missing: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


def portable_race(text: str, folder: Path, files: str) -> PortableRace:
    """Return a recorded race with the files that it names moved into the folder ``files`` beside it.

    Names in ``text`` that are not absolute are looked for in ``folder``, the run's own. Files from elsewhere are taken
    only where the run was recorded here: the race of a stranger may name any file of this machine. A text that is no
    race file stays as it is.
    """
    try:
        spec = parse_race(text, "race.toml", folder)
    except InputError:
        return PortableRace(text, {}, ())
    reader, workload = _split(spec.workload)
    found: dict[str, Path] = {}
    missing, elsewhere = [], []
    changes = {}
    for key, prefix, path in (
        ("workload", reader, workload),
        ("cluster", "", _as_file(spec.cluster)),
        ("warm_start", "", Path(spec.warm_start) if spec.warm_start else None),
    ):
        if path is None:
            continue
        own = path.resolve().is_relative_to(folder.resolve())
        if not path.is_file() or not (own or was_recorded_here(folder)):
            missing.append(str(path))
            continue
        if not own:
            elsewhere.append(str(path))
        name = f"{files}/{_plain_name(path, key, found, files)}"
        found[name] = path
        changes[key] = prefix + name
    if not changes:
        return PortableRace(text, {}, tuple(missing))
    moved = replace(spec, **changes)  # type: ignore[arg-type]
    return PortableRace(race_toml(moved), found, tuple(missing), tuple(elsewhere))


def _split(workload: str) -> tuple[str, Path | None]:
    """Return ``NAME:`` and FILE of a workload; a generator has no file."""
    path = Path(workload).expanduser()
    reader, colon, file = workload.partition(":")
    if path.is_file() or not (colon and file):
        return "", _as_file(workload)
    return f"{reader}:", Path(file).expanduser()


def _as_file(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if path.is_file() or path.suffix or len(path.parts) > 1 else None


def _plain_name(path: Path, key: str, taken: Mapping[str, Path], files: str) -> str:
    """Return a file name that a race file finds again: with a suffix, and not one that is there already."""
    name = path.name if path.suffix else f"{path.name}.txt"
    return f"{key}-{name}" if f"{files}/{name}" in taken else name
