"""One thing that was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """``subject`` (a plugin's name) and what was checked of it; ``detail`` says what was seen."""

    subject: str
    check: str
    passed: bool
    detail: str = ""

    @property
    def text(self) -> str:
        """The line as it is printed."""
        return f"{self.subject}, {self.check}" + (f": {self.detail}" if self.detail else "")
