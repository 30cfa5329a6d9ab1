"""The cases that come with SchedRace."""

from __future__ import annotations

from importlib.resources import files

from app.verify.case import Case, parse_cases


def published_cases() -> list[Case]:
    """Return the cases of every file in ``resources/verify``, by file name."""
    folder = sorted((e for e in (files("resources") / "verify").iterdir() if e.name.endswith(".toml")), key=_name)
    return [case for entry in folder for case in parse_cases(entry.read_text(encoding="utf-8"), entry.name)]


def _name(entry: object) -> str:
    return str(getattr(entry, "name"))  # noqa: B009 - importlib's Traversable has no public type for sorting
