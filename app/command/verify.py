"""``schedrace verify``: published results, re-run here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.verify.case import Case
    from app.verify.running import Outcome

SUMMARY = "re-run published cases on this machine and compare"

DETAILS = """\
A case names its source, the race and the figure that was published (resources/help/verify.md says how to write
your own for --cases). Cases whose file is not below --data say 'no data' and where to get it. All of them take
one to three minutes.

--json prints one object: cases (id, title, source, expected, got, tolerance, status pass | fail | no data, reason,
seconds), passed, failed, no_data

exit status: 0 when no case failed, else 1; 2 wrong usage; 130 stopped by Ctrl-C."""

MARKS = {"pass": "pass   ", "fail": "FAIL   ", "no data": "no data"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder with traces, looked through to its bottom")
    parser.add_argument("--cases", type=Path, metavar="FILE.toml", help="your own cases, run after the published ones")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> int:
    """Run the cases, printing each as it comes."""
    from app.verify.case import read_cases, with_own
    from app.verify.published import published_cases
    from app.verify.running import run_cases
    from engine.errors import InputError
    from plugins.registry import load_registry

    if options.data is not None and not options.data.is_dir():
        raise InputError(f"There is no folder '{options.data}' to look for traces in. Check --data.")
    cases = published_cases()
    if options.cases is not None:
        cases = with_own(cases, read_cases(options.cases))
    outcomes = run_cases(cases, options.data, load_registry())
    done = list(_shown(cases, outcomes, options.json))
    if options.json:
        import json

        print(json.dumps(summary(done), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        counts = summary(done)
        print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['no_data']} without data.")
    return 1 if any(outcome.status == "fail" for outcome in done) else 0


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the object of ``--json``."""
    count = {status: sum(outcome.status == status for outcome in outcomes) for status in MARKS}
    return {
        "cases": [outcome.as_json() for outcome in outcomes],
        "passed": count["pass"],
        "failed": count["fail"],
        "no_data": count["no data"],
    }


def _shown(cases: Sequence[Case], outcomes: Iterable[Outcome], as_json: bool) -> Iterable[Outcome]:
    """Pass the outcomes on; print a line each, or with JSON, where someone looks, how far it is."""
    for number, outcome in enumerate(outcomes, 1):
        if not as_json:
            print(line(outcome), flush=True)
        elif sys.stderr.isatty():
            print(f"\r{number} of {len(cases)}: {outcome.case.id:<40}", end="", file=sys.stderr, flush=True)
        yield outcome
    if as_json and sys.stderr.isatty():
        print(file=sys.stderr)


def line(outcome: Outcome) -> str:
    """Return a case as a line of text, what went wrong under it."""
    case = outcome.case
    got = "-" if outcome.got is None else f"{outcome.got:.10g}"
    within = f" ± {outcome.tolerance:.3g}" if outcome.tolerance else ""
    head = f"{MARKS[outcome.status]}  {case.id:<34} expected {case.expected:.10g}{within}, got {got}"
    text = f"{head}  ({outcome.seconds:.1f} s)" if outcome.status != "no data" else f"{MARKS['no data']}  {case.id:<34}"
    return f"{text}\n         {outcome.reason}" if outcome.reason else text
