"""What was looked at, a line each, as ``check-db`` and ``doctor`` print it."""

from __future__ import annotations

from collections.abc import Iterable

from persistence.finding import Finding

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def print_findings(findings: Iterable[Finding]) -> None:
    """Print a line each, and the advice under it."""
    for finding in findings:
        print(f"{MARKS[finding.status]}  {finding.name}: {finding.detail}")
        if finding.advice:
            print(f"      {finding.advice}")
