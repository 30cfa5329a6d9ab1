"""What was looked at and what was seen, as ``check-db`` and ``doctor`` tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what to do about it. 'warn': something works less well; 'fail': not at all."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""
