"""One thing that was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckLine:
    """``subject`` (a plugin's name) and what was checked of it; ``detail`` says what was seen."""

    subject: str
    check: str
    ok: bool
    detail: str = ""
