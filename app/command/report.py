"""What ``schedrace race`` says: notes, progress, the table, the JSON object, where the time went."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.command.tables import Column, print_table, say, table_console
from app.distances import Distances, distances, sentence, untaught

if TYPE_CHECKING:
    from rich.console import Console

    from app.session import Timing
    from engine.results import RaceResult
    from persistence.recording.recorder import RecorderStatus
    from plugins.assemble import PreparedRace

WORTH_SAYING = 0.005
"""Share by which makespans differ that is not 0 % when it is said."""
NOTHING = "–"
EMPTY = (NOTHING, "0 J", "0")
"""Cells that tell nothing: no such devices, no oracle, a cluster file without watts or prices."""
MEAN, MAKESPAN = "mean\nresponse", "\nmakespan"
# each with its rank: a terminal of 80 columns has not room for all
HEADINGS = (
    (MEAN, 0),
    ("p95\nresponse", 1),
    ("mean\nwait", 7),
    (MAKESPAN, 8),
    ("CPU\nbusy", 4),
    ("GPU\nbusy", 3),
    ("\nenergy", 2),
    ("\ncost", 6),
    ("\nregret", 5),
)


def summary(
    run_id: str,
    prepared: PreparedRace,
    result: RaceResult,
    status: RecorderStatus | None,
    wall_s: float,
) -> dict[str, Any]:
    """Return the object of ``--json``, which is also summary.json."""
    return {
        "run": run_id,
        "digest": result.digest,
        "tasks": result.tasks,
        "seed": prepared.spec.seed,
        "workload": prepared.workload.name,
        "cluster": prepared.cluster.name,
        "wall_seconds": round(wall_s, 6),
        "storage": _storage(status),
        "bound": asdict(result.bound) if result.bound else None,
        "schedulers": [row.as_json() for row in result.rows],
        "distances": [of.as_json() for of in distances(prepared.lanes, result)],
    }


def _storage(status: RecorderStatus | None) -> dict[str, Any]:
    if status is None:
        nothing = dict.fromkeys(("rows_written", "rows_pending", "rows_lost"), 0)
        return {"kind": "none", "where": "", "why": "nothing is recorded", **nothing}
    return {
        "kind": status.kind,
        "where": status.where,
        "why": status.why,
        "rows_written": status.rows_written,
        "rows_pending": status.rows_pending,
        "rows_lost": status.rows_lost,
    }


class Talk:
    """What is said while and after racing, and on which stream: with ``json`` only the object on standard output."""

    def __init__(self, *, quiet: bool, json: bool) -> None:
        self._quiet = quiet
        self._json = json

    def notes(self, notes: Sequence[str]) -> None:
        """Say what had to be assumed."""
        if not self._quiet:
            for note in notes:
                print(f"Note: {note}", file=sys.stderr)

    def replaying(self, run: str, recorded: int) -> None:
        """Say that a run which was cut is raced again, up to its ``recorded`` task results and beyond."""
        if recorded:
            self.notes([f"run {run} is replayed and compared with its {recorded:,} recorded task results."])

    @contextmanager
    def progress(self, total: int, recorded: int = 0) -> Iterator[Callable[[int], None] | None]:
        """Show a bar on standard error, where that is a terminal; yield the function that moves it.

        Up to the ``recorded`` tasks of a run that was cut, it is a replay.
        """
        if self._quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TextColumn("task results"))
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)

            def move(done: int) -> None:
                bar.update(task, completed=done, description="Replaying" if done < recorded else "Racing")

            move(0)
            yield move

    def results(self, summary: dict[str, Any], result: RaceResult, replaying: bool) -> None:
        """Print the JSON object, or the table and what it says: of a replay that was stopped, nothing."""
        if self._json:
            from app.output import json_text

            print(json_text(summary))
        elif not self._quiet and not replaying:
            from app.headline import finished

            _print_table(summary)
            measured = any(row.mean_response_s is not None for row in result.rows)
            print(f"{finished(result).finding}{' (by mean response)' if measured else ''}")
            if by_makespan := _by_makespan(result):
                print(by_makespan)
            for of in summary["distances"]:
                print(sentence(Distances(**of), untaught(result)))
            if result.bound and _any_finished(summary):
                print("The bound is what no schedule can beat.")
            if any((row["regret"] or 0.0) < 0 for row in summary["schedulers"]):
                print("A regret below 0 is possible: the oracle knows every true time, yet places each task selfishly.")


def _by_makespan(result: RaceResult) -> str:
    """Return who ended first, where that is not who has the best mean response: for a batch the makespan is what
    counts. Empty otherwise."""
    from app.headline import named
    from app.texts import percent

    ended = [
        (row.makespan_s, row.mean_response_s, row.name)
        for row in result.rows
        if row.status == "finished" and row.makespan_s and row.mean_response_s is not None
    ]
    if not ended:
        return ""
    ended.sort()
    first_s = ended[0][0]
    best_s, _, best = min(ended, key=lambda end: end[1])
    ahead = best_s / first_s - 1
    if ahead < WORTH_SAYING:
        return ""
    first = [name for makespan_s, _, name in ended if makespan_s / first_s - 1 < WORTH_SAYING]
    return f"By makespan {named(first)} {'is' if len(first) == 1 else 'are'} first, {percent(ahead)} ahead of {best}."


def _any_finished(summary: dict[str, Any]) -> bool:
    """Whether the bound, which is that of all tasks, stands beside something that it bounds."""
    return any(row["status"] == "finished" for row in summary["schedulers"])


def _print_table(summary: dict[str, Any]) -> None:
    from app.texts import plural

    console = table_console()
    title = f"{summary['workload']}, {plural(summary['tasks'], 'task')} on {summary['cluster']}, seed {summary['seed']}"
    print_schedulers(console, title, summary["schedulers"], summary["bound"] if _any_finished(summary) else None)
    storage = summary["storage"]
    written = f"{plural(storage['rows_written'], 'row')} in {storage['kind']}" if storage["where"] else "not recorded"
    waiting = f", {storage['rows_pending']:,} still in the journal" if storage["rows_pending"] else ""
    lost = f", {storage['rows_lost']:,} lost" if storage["rows_lost"] else ""
    console.print(
        f"Run {summary['run']}: {written}{waiting}{lost}. Raced for {summary['wall_seconds']:.2f} s.",
        highlight=False,
        soft_wrap=True,
    )


def print_schedulers(
    console: Console, title: str, schedulers: Sequence[dict[str, Any]], bound: dict[str, Any] | None
) -> None:
    """Print how each scheduler did, best first; ``schedulers`` are those of ``--json``."""
    from app.texts import seconds

    say(console, title)
    cells = [_cells(row) for row in sorted(schedulers, key=_best_first)]
    known = {MEAN: bound["mean_response_s"], MAKESPAN: bound["makespan_s"]} if bound else {}
    names, *figures, status = zip(*cells, strict=True)
    columns = [Column("\nscheduler", (*names, "bound") if bound else names, right=False)]
    for (heading, rank), column in zip(HEADINGS, figures, strict=True):
        if any(cell not in EMPTY for cell in column):
            value = known.get(heading)
            foot = ["" if value is None else seconds(value)] if bound else []
            columns.append(Column(heading, (*column, *foot), rank))
    if any(one != "finished" for one in status):
        columns.append(Column("\nstatus", (*status, "") if bound else status, right=False))
    print_table(console, columns, apart=1 if bound else 0)


def _best_first(row: dict[str, Any]) -> tuple[bool, float]:
    mean = row["mean_response_s"]
    return row["status"] == "disqualified" or mean is None, mean or 0.0


def _cells(row: dict[str, Any]) -> list[str]:
    from app.texts import joules, number, seconds

    def shown(value: float | None, form: Callable[[float], str]) -> str:
        return NOTHING if value is None else form(value)

    busy = row["utilisation"]
    return [
        row["name"],
        shown(row["mean_response_s"], seconds),
        shown(row["p95_response_s"], seconds),
        shown(row["mean_wait_s"], seconds),
        shown(row["makespan_s"], seconds),
        shown(busy["cpu"], "{:.0%}".format),
        shown(busy["gpu"], "{:.0%}".format),
        shown(row["energy_j"], joules),
        shown(row["cost"], number),
        shown(row["regret"], seconds),
        row["status"],
    ]


def print_what_is_kept(result: RaceResult, status: RecorderStatus | None, replaying: bool, resuming: bool) -> None:
    """Say on standard error what a race that was stopped leaves behind, and whether it can be gone on with."""
    done = sum(row.tasks for row in result.rows)
    kept = status.rows_written + status.rows_pending if status is not None else 0
    if replaying:
        said = f"Stopped in the replay: nothing was added, and the run keeps its {kept:,} task results."
    elif status is None:
        said = f"Stopped before the end: {done:,} task results were finished."
    elif kept < done:
        said = f"Stopped before the end: {done:,} task results were finished, of which {kept:,} are kept."
    else:
        said = f"Stopped before the end: {done:,} task results were finished and are kept."
    print(said, file=sys.stderr)
    if resuming:
        print("The run counts as cut, as before: --resume goes on with it again.", file=sys.stderr)
    elif status is not None:
        print("A run that was stopped stays so; only one that was cut can be resumed.", file=sys.stderr)


def print_timing(timing: Timing) -> None:
    """Print where the wall time went, on standard error."""
    lines = [
        ("preparing: plugins, tasks, storage", timing.preparing_s),
        ("racing", timing.race_s),
        *((f"  {name}", seconds) for name, seconds in timing.lanes_s.items()),
        ("  recording", timing.recording_s),
        ("results and metrics", timing.results_s),
        ("last flush to the storage", timing.flushing_s),
    ]
    for what, seconds in lines:
        print(f"{seconds:10.3f} s  {what}", file=sys.stderr)
