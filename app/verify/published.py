"""The cases that come with SchedRace."""

from __future__ import annotations

from importlib.resources import files

from app.verify.case import Case, parse_cases


def published_cases() -> list[Case]:
    """Return the cases of every file in ``resources/verify``, by file name."""
    entries = [entry for entry in (files("resources") / "verify").iterdir() if entry.name.endswith(".toml")]
    entries.sort(key=lambda entry: entry.name)
    return [case for entry in entries for case in parse_cases(entry.read_text(encoding="utf-8"), entry.name)]
