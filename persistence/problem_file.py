"""The last sentence that a storage failed with, kept in the data folder for whoever asks afterwards."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_NAME = "last_problem.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """When a storage failed (UTC, ISO 8601), and the sentence that said so; it holds no secret."""

    at: str
    sentence: str


def keep_problem(data_dir: Path, sentence: str) -> None:
    """Remember a problem; a full disk or a folder that cannot be written is a problem that is told elsewhere."""
    problem = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "sentence": sentence}
    path = data_dir / _NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(problem, ensure_ascii=False) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as error:
        _log.debug("The last problem could not be kept in %s: %s", path, error)


def last_problem(data_dir: Path) -> Problem | None:
    """Return the last problem of any SchedRace on this data folder, None where there was none."""
    try:
        table = json.loads((data_dir / _NAME).read_text(encoding="utf-8"))
        return Problem(str(table["at"]), str(table["sentence"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
