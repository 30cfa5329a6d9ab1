"""What was looked at, a line each, as ``check-db`` and ``doctor`` print it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


class Looked(Protocol):
    """One thing that was looked at, its verdict, and what to do about it."""

    @property
    def name(self) -> str:
        """What was looked at."""

    @property
    def status(self) -> Literal["ok", "warn", "fail"]:
        """The verdict."""

    @property
    def detail(self) -> str:
        """What was seen."""

    @property
    def advice(self) -> str:
        """What to do; empty where nothing is to be done."""


def print_findings(findings: Iterable[Looked]) -> None:
    """Print a line each, and the advice under it."""
    for finding in findings:
        print(f"{MARKS[finding.status]}  {finding.name}: {finding.detail}")
        if finding.advice:
            print(f"      {finding.advice}")
