"""``schedrace history``: what was recorded, from the database or from the journals alone."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.command.storage_options import add_reading_options, open_recorded, recorded_settings
from engine.errors import InputError

if TYPE_CHECKING:
    from persistence.comparison import SchedulerComparison, WinLoss
    from persistence.service import SimulationDataService

LISTED = 20
SUMMARY = "list the recorded runs, show one, or compare two"

DETAILS = """\
Without a run the last ones are listed, newest first, each with its best scheduler, or those whose mean responses are
within 2 % of the best; those that know true times (oracle, +true, +law) are references, and never the best. With one
run: how each scheduler did; with two: the schedulers that raced in both, the second run's figures / the first's. A run
that is going on, or that was cut, is told as far as it is recorded: status 'running' or 'interrupted'. The database
and the journals give the same answers.

--json prints one object, without a run:
  runs: a list of run, started_at, finished_at (UTC; null while it is going on, and when it was cut),
    status (running | finished | stopped | interrupted), app_version, workload, cluster, seed, tasks, schedulers,
    digest, ranking (who finished, best mean response first, references too), mean_response_s (theirs, in that order),
    storage (database | csv: where it is read from)
with one run:
  run: the same keys
  schedulers: a list, best mean response first, of scheduler, status, reason, tasks, makespan_s, mean_response_s,
    p50_response_s, p95_response_s, p99_response_s, mean_wait_s, mean_bounded_slowdown, throughput_per_s, energy_j,
    cost, jain, regret, digest, utilisation_cpu, utilisation_gpu (null: not known until the race is over)
  wins (with --wins): schedulers, and three matrices in their order: sooner (on how many tasks the scheduler of the row
    finished sooner than that of the column), ties, tasks (those that both have finished)
with two runs:
  first, second: the keys of a run
  schedulers: a list of scheduler, and for each figure mean_response_s, p50_response_s, p95_response_s,
    p99_response_s, mean_wait_s, makespan_s, energy_j, cost: an object of first, second, ratio (second / first)
  only_first, only_second: schedulers that raced in one of them only

exit status: 0 done; 1 the database that was asked for does not answer, or the data folder cannot be used; 2 wrong
usage, as a run that is not there."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("first", nargs="?", metavar="RUN|last", help="a run: how each scheduler did")
    parser.add_argument("second", nargs="?", metavar="RUN2", help="another run, to be compared with the first")
    parser.add_argument("--limit", type=int, metavar="N", help="how many runs to list (default 20)")
    parser.add_argument("--wins", action="store_true", help="also count on how many tasks which scheduler was sooner")
    add_reading_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(options: argparse.Namespace) -> int:
    """Ask and print."""
    _check(options)
    with open_recorded(recorded_settings(options)) as service:
        answer = _answer(service, options)
    if options.json:
        from app.output import json_text

        print(json_text(answer))
    else:
        from app.command.history_tables import show

        show(answer)
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.limit is not None and options.first is not None:
        raise InputError("--limit says how many runs are listed, and a run is named here; leave one of them out.")
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit {options.limit} lists no run; give 1 or more.")
    if options.wins and (options.first is None or options.second is not None):
        raise InputError("--wins counts the tasks of one run; name one, as in: schedrace history last --wins")


def _answer(service: SimulationDataService, options: argparse.Namespace) -> dict[str, Any]:
    """Return the object of ``--json``, from which the tables are made too."""
    if options.first is None:
        return {"runs": [row.as_json() for row in service.get_runs(options.limit or LISTED)]}
    first = service.named(options.first)
    if options.second is not None:
        return _two(service, first, service.named(options.second))
    wins = {"wins": _matrices(service.get_wins(first))} if options.wins else {}
    rows = service.get_run_summary(first)
    for row in rows:
        del row["run"]
    rows.sort(key=lambda row: (row["mean_response_s"] is None, row["mean_response_s"] or 0.0, row["scheduler"]))
    return {"run": service.get_run(first).as_json(), "schedulers": rows, **wins}


def _two(service: SimulationDataService, first: str, second: str) -> dict[str, Any]:
    runs = [service.get_run(name) for name in (first, second)]
    raced = [set(row.schedulers) for row in runs]
    return {
        "first": runs[0].as_json(),
        "second": runs[1].as_json(),
        "schedulers": [_compared(row) for row in service.compare_runs(first, second)],
        "only_first": sorted(raced[0] - raced[1]),
        "only_second": sorted(raced[1] - raced[0]),
    }


def _compared(row: SchedulerComparison) -> dict[str, Any]:
    from persistence.comparison import COMPARED

    figures = {
        name: {"first": getattr(row.first, name), "second": getattr(row.second, name), "ratio": row.ratio(name)}
        for name in COMPARED
    }
    return {"scheduler": row.scheduler, **figures}


def _matrices(wins: WinLoss) -> dict[str, Any]:
    return {
        "schedulers": wins.schedulers,
        "sooner": wins.sooner.tolist(),
        "ties": wins.ties.tolist(),
        "tasks": wins.tasks.tolist(),
    }
