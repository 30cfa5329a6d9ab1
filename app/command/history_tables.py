"""What ``schedrace history`` prints: the list of runs, one run, two runs side by side, the matrix of wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.command.report import NOTHING, print_schedulers
from app.command.tables import Column, print_table, say, table_console
from app.headline import leading, named
from app.texts import joules, number, plural, seconds

if TYPE_CHECKING:
    from rich.console import Console

FIGURES: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("mean_response_s", "mean response", seconds),
    ("p95_response_s", "p95 response", seconds),
    ("mean_wait_s", "mean wait", seconds),
    ("makespan_s", "makespan", seconds),
    ("energy_j", "energy", joules),
    ("cost", "cost", number),
)
"""What is compared, the most important first; ``--json`` has more."""
STATUS = {"running": "going on", "interrupted": "was cut", "finished": "finished", "stopped": "stopped"}


def show(answer: dict[str, Any]) -> None:
    """Print what :mod:`app.command.history` answers with ``--json``."""
    console = table_console()
    if "runs" in answer:
        _print_runs(console, answer["runs"])
    elif "run" in answer:
        _print_run(console, answer)
    else:
        _print_two(console, answer)


def _print_runs(console: Console, runs: Sequence[dict[str, Any]]) -> None:
    if not runs:
        say(console, "Nothing is recorded yet. Record a race with: schedrace race")
        return
    storages = {row["storage"] for row in runs}
    print_table(console, run_columns(runs))
    if len(storages) == 1:
        say(console, f"Read from {'the database' if storages == {'database'} else 'the journals'}.")


def run_columns(runs: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the list of runs."""
    best = [_best(row) for row in runs]
    columns = [
        Column("run", [row["run"] for row in runs], right=False),
        Column("when", [_local(row["started_at"]) for row in runs], 4, right=False),
        Column("status", [STATUS[row["status"]] for row in runs], 2, right=False),
        Column("workload", [row["workload"] for row in runs], 1, right=False),
        Column("cluster", [row["cluster"] for row in runs], 5, right=False),
        Column("tasks", [f"{row['tasks']:,}" for row in runs], 3),
        Column("best", best, right=False),
    ]
    if len({row["storage"] for row in runs}) > 1:
        columns.append(Column("storage", [row["storage"] for row in runs], 6, right=False))
    return columns


def _best(row: dict[str, Any]) -> str:
    """Return who was best, as the headline of the race told it."""
    tied = leading(list(zip(row["ranking"], row["mean_response_s"], strict=True)))
    return f"{named(tied)} tie" if len(tied) > 1 else "".join(tied) or NOTHING


def _print_run(console: Console, answer: dict[str, Any]) -> None:
    run = answer["run"]
    rows = [
        {**row, "name": row["scheduler"], "utilisation": {"cpu": row["utilisation_cpu"], "gpu": row["utilisation_gpu"]}}
        for row in answer["schedulers"]
    ]
    if rows:
        title = f"{run['workload']}, {plural(run['tasks'], 'task')} on {run['cluster']}, seed {run['seed']}"
        print_schedulers(console, title, rows, None)
    for row in rows:
        if row["reason"]:
            say(console, f"{row['name']} was disqualified: {row['reason']}")
    say(console, f"Run {run['run']} of {_local(run['started_at'])}: {_how_far(run, rows)} Read from {_where(run)}.")
    if "wins" in answer:
        print_wins(console, answer["wins"])


def _how_far(run: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    if run["status"] in ("finished", "stopped"):
        return f"{STATUS[run['status']]}."
    recorded = plural(sum(row["tasks"] for row in rows), "task result")
    wanted = run["tasks"] * len(run["schedulers"])
    return f"it {'is ' if run['status'] == 'running' else ''}{STATUS[run['status']]}; {recorded} of {wanted:,} so far."


def _where(run: dict[str, Any]) -> str:
    return "the database" if run["storage"] == "database" else "its journal"


def print_wins(console: Console, wins: dict[str, Any]) -> None:
    """Print how often each scheduler was sooner than each other one."""
    say(console, "\nSooner than the others, as a share of the tasks that both have finished (row sooner than column):")
    names, sooner, tasks = wins["schedulers"], wins["sooner"], wins["tasks"]
    columns = [Column("scheduler", names, right=False)]
    for column, name in enumerate(names):
        shares = [
            NOTHING if row == column or not tasks[row][column] else f"{sooner[row][column] / tasks[row][column]:.0%}"
            for row in range(len(names))
        ]
        columns.append(Column(name, shares))
    print_table(console, columns)


def _print_two(console: Console, answer: dict[str, Any]) -> None:
    first, second = answer["first"], answer["second"]
    for place, run in (("first", first), ("second", second)):
        what = f"{run['workload']}, {plural(run['tasks'], 'task')} on {run['cluster']}, seed {run['seed']}"
        part = "" if run["status"] in ("finished", "stopped") else f" ({STATUS[run['status']]})"
        say(console, f"{place}: {run['run']} of {_local(run['started_at'])}{part}: {what}")
    say(console, "The figures are the second run's; in brackets the second's / the first's.")
    rows = answer["schedulers"]
    columns = [Column("scheduler", [row["scheduler"] for row in rows], right=False)]
    for rank, (name, heading, form) in enumerate(FIGURES):
        if any(row[name]["second"] is not None for row in rows):
            columns.append(Column(heading.replace(" ", "\n"), [_with_ratio(row[name], form) for row in rows], rank))
    if rows:
        print_table(console, columns)
    else:
        say(console, "No scheduler raced in both runs.")
    for place in ("first", "second"):
        if only := answer[f"only_{place}"]:
            say(console, f"Only in the {place} run: {', '.join(only)}.")


def _with_ratio(figure: dict[str, float | None], form: Callable[[float], str]) -> str:
    value, ratio = figure["second"], figure["ratio"]
    if value is None:
        return NOTHING
    return form(value) if ratio is None else f"{form(value)}\n(x {number(ratio)})"


def _local(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone():%d %b %H:%M}"
