"""What was looked at and what was seen, as ``check-db``, ``doctor`` and the window's status bar tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what to do about it. 'warn': something works less well; 'fail': not at all."""

    name: str
    status: Status
    detail: str
    advice: str = ""


def verdict(findings: Iterable[Finding]) -> Status:
    """Return the worst of what was found: 'fail' is the exit status 1 of the commands, and 'failing' in the window."""
    found = {finding.status for finding in findings}
    return "fail" if "fail" in found else "warn" if "warn" in found else "ok"
