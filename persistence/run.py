"""A run: one race as recorded. Its header is all that a storage must know before the first row."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


def new_run_id(now: datetime | None = None) -> str:
    """Return a fresh run id ``YYYYMMDD-HHMMSS-xxxxxx`` (UTC); ids sort by time of start."""
    return f"{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run was started with. ``race_toml`` is the text of its RaceSpec, from which it can be raced again."""

    run: str
    started_at: datetime
    app_version: str
    workload: str
    cluster: str
    seed: int
    tasks: int
    schedulers: tuple[str, ...]
    device_ids: tuple[str, ...]
    models: tuple[str, ...]
    feature_names: tuple[str, ...]
    race_toml: str

    def as_json(self) -> str:
        """Return the header as the text of ``run.json`` (``race_toml`` is a file of its own)."""
        table = asdict(self)
        del table["race_toml"]
        table["started_at"] = self.started_at.isoformat()
        return json.dumps(table, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str, race_toml: str) -> RunHeader:
        """Return the header that ``run.json`` and ``race.toml`` hold; ValueError, KeyError or TypeError on junk."""
        table: dict[str, Any] = json.loads(text)
        for name in ("schedulers", "device_ids", "models", "feature_names"):
            table[name] = tuple(table[name])
        table["started_at"] = datetime.fromisoformat(table["started_at"])
        return RunHeader(**table, race_toml=race_toml)
