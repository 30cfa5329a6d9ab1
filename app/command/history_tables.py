"""What ``schedrace history`` prints: the list of runs, one run, two runs side by side, the matrix of wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.command.report import NOTHING, schedulers_table, table_console
from app.palette import is_clairvoyant
from app.texts import joules, number, plural, seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FIGURES: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("mean_response_s", "mean response", seconds),
    ("p95_response_s", "p95 response", seconds),
    ("mean_wait_s", "mean wait", seconds),
    ("makespan_s", "makespan", seconds),
    ("energy_j", "energy", joules),
    ("cost", "cost", number),
)
"""What is compared in a table that fits a terminal of 80 columns; ``--json`` has more."""
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
        _say(console, "Nothing is recorded yet. Record a race with: schedrace race")
        return
    storages = {row["storage"] for row in runs}
    table = _table()
    for heading in ("run", "when", "status"):
        table.add_column(heading, no_wrap=True)
    for heading in ("workload", "cluster"):
        table.add_column(heading, overflow="fold")
    table.add_column("tasks", justify="right", no_wrap=True)
    table.add_column("best", overflow="fold")
    if len(storages) > 1:
        table.add_column("storage", no_wrap=True)
    for row in runs:
        best = next((name for name in row["ranking"] if not is_clairvoyant(name)), NOTHING)
        cells = (row["run"], _local(row["started_at"]), STATUS[row["status"]], row["workload"], row["cluster"])
        _add(table, *cells, f"{row['tasks']:,}", best, *([row["storage"]] if len(storages) > 1 else ()))
    console.print(table)
    if len(storages) == 1:
        _say(console, f"Read from {'the database' if storages == {'database'} else 'the journals'}.")


def _print_run(console: Console, answer: dict[str, Any]) -> None:
    run = answer["run"]
    rows = [
        {**row, "name": row["scheduler"], "utilisation": {"cpu": row["utilisation_cpu"], "gpu": row["utilisation_gpu"]}}
        for row in answer["schedulers"]
    ]
    if rows:
        title = f"{run['workload']}, {plural(run['tasks'], 'task')} on {run['cluster']}, seed {run['seed']}"
        console.print(schedulers_table(title, rows, None))
    for row in rows:
        if row["reason"]:
            _say(console, f"{row['name']} was disqualified: {row['reason']}")
    _say(console, f"Run {run['run']} of {_local(run['started_at'])}: {_how_far(run, rows)} Read from {_where(run)}.")
    if "wins" in answer:
        _print_wins(console, answer["wins"])


def _how_far(run: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    if run["status"] in ("finished", "stopped"):
        return f"{STATUS[run['status']]}."
    recorded = plural(sum(row["tasks"] for row in rows), "task result")
    wanted = run["tasks"] * len(run["schedulers"])
    return f"it {'is ' if run['status'] == 'running' else ''}{STATUS[run['status']]}; {recorded} of {wanted:,} so far."


def _where(run: dict[str, Any]) -> str:
    return "the database" if run["storage"] == "database" else "its journal"


def _print_wins(console: Console, wins: dict[str, Any]) -> None:
    from rich.text import Text

    _say(console, "\nSooner than the others, as a share of the tasks that both have finished (row sooner than column):")
    table = _table()
    table.add_column("scheduler", no_wrap=True)
    for name in wins["schedulers"]:
        table.add_column(Text(name), justify="right")
    for row, name in enumerate(wins["schedulers"]):
        shares = (
            NOTHING if row == column or not both else f"{wins['sooner'][row][column] / both:.0%}"
            for column, both in enumerate(wins["tasks"][row])
        )
        _add(table, name, *shares)
    console.print(table)


def _print_two(console: Console, answer: dict[str, Any]) -> None:
    first, second = answer["first"], answer["second"]
    for place, run in (("first", first), ("second", second)):
        what = f"{run['workload']}, {plural(run['tasks'], 'task')} on {run['cluster']}, seed {run['seed']}"
        part = "" if run["status"] in ("finished", "stopped") else f" ({STATUS[run['status']]})"
        _say(console, f"{place}: {run['run']} of {_local(run['started_at'])}{part}: {what}")
    _say(console, "The figures are the second run's; in brackets the second's / the first's.")
    table = _table()
    table.add_column("scheduler", no_wrap=True)
    rows = answer["schedulers"]
    told = [figure for figure in FIGURES if any(row[figure[0]]["second"] is not None for row in rows)]
    for _, heading, _ in told:
        table.add_column(heading.replace(" ", "\n"), justify="right", no_wrap=True)
    for row in rows:
        _add(table, row["scheduler"], *(_with_ratio(row[name], form) for name, _, form in told))
    if rows:
        console.print(table)
    else:
        _say(console, "No scheduler raced in both runs.")
    for place in ("first", "second"):
        if only := answer[f"only_{place}"]:
            _say(console, f"Only in the {place} run: {', '.join(only)}.")


def _with_ratio(figure: dict[str, float | None], form: Callable[[float], str]) -> str:
    value, ratio = figure["second"], figure["ratio"]
    if value is None:
        return NOTHING
    return form(value) if ratio is None else f"{form(value)}\n(x {number(ratio)})"


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=0)


def _add(table: Table, *cells: str) -> None:
    """Add a row whose texts are as somebody wrote them: no markup."""
    from rich.text import Text

    table.add_row(*map(Text, cells))


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _local(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone():%d %b %H:%M}"
