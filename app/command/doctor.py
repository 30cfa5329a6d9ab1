"""``schedrace doctor``: what SchedRace needs from this machine, what is there, what is missing, what to do."""

from __future__ import annotations

import argparse

from app.command.lines import print_findings

SUMMARY = "look at Python, Qt, libraries, PostgreSQL and folders; say what is missing and what to do"

DETAILS = "exit status: 0 when nothing is missing that SchedRace cannot do without, else 1."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of text")


def run(options: argparse.Namespace) -> int:
    """Look at everything and print a line each."""
    from app.examination import examine

    findings = examine()
    if options.json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        print_findings(findings)
    return 1 if any(finding.status == "fail" for finding in findings) else 0
