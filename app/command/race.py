"""``schedrace race``: a race without a window, at full speed."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.metrics_option import add_metrics_port, served_at
from app.command.storage_options import add_storage_options, storage_settings
from app.interrupts import interrupt_once
from engine.watchdog import GRACE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.command.report import Talk
    from app.output import ResultsFolder
    from app.session import Receiver, Timing
    from engine.control import Control
    from engine.frame import Frame
    from engine.results import RaceResult
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.recorder import Recorder, RecorderStatus
    from persistence.recording.resuming import ResumingRecorder
    from persistence.settings import StorageSettings
    from plugins.assemble import PreparedRace
    from plugins.registry import Registry
    from plugins.workload import Progress

    Told = Callable[[int], None]

SUMMARY = "race policies on one workload at full speed and print the results"

DETAILS = """\
schedulers: a rule (mct), a rule with an estimator (mct+forest, mct+true), an alias (oracle = mct+true,
greedy = met, hybrid_ml = congestion+forest); 'all' is every built-in that can serve the workload.

--json prints one object:
  run, digest, tasks, seed, workload, cluster, wall_seconds (the race alone),
  storage: kind (postgresql | postgresql-embedded | csv | none), where, why; of task results: rows_written,
    rows_pending (in the journal, and not in the storage yet), rows_lost (no disk took them)
  bound: makespan_s, critical_path_s, work_s, mean_response_s (what no schedule can beat)
  schedulers: a list of name, status (finished | disqualified | stopped), reason, tasks, makespan_s,
    mean_response_s, p50_response_s, p95_response_s, p99_response_s, mean_wait_s, mean_bounded_slowdown,
    throughput_per_s, utilisation (cpu, gpu), energy_j, cost, jain, regret,
    gap (makespan, mean_response), deadline_misses, deadline_miss_share, moved_gb, gpu_memory_peak_gb,
    memory_refusals, fragmentation, decision_latency_s (mean, p99: of wall time), digest,
    learning (null, or of a learning estimator: fits, models: trusted, error, nominal_error of each,
      calibration: stated, observed, count of each spread that it states, exploration: tasks, price_s, problem)
  distances: a list, for each rule that raced on the nominal times and otherwise, of rule and mean responses: given_s,
    true_s (knowing every true time), law_s (without the noise), learned_s (by label)

--resume races a run that was cut once more from its race.toml, compares every row with its journal, and records what
is beyond it in the same run; where a row differs, it says which and changes nothing. It takes no option that would
change the race.

exit status: 0 done; 1 something failed or a scheduler was disqualified; 2 wrong usage: an option, a name or
a file that cannot be used; 130 stopped by Ctrl-C (what had finished is written). The reason is a sentence on
standard error. A database that does not answer, before the race or in its midst, stops no race: the rows wait in the
journal, which loses none of them, and arrive later. That is a failure (1) only for who asks for a database in the
command, by --db-url or --storage postgresql; with one that the settings or SCHEDRACE_DATABASE_URL name, or with
SchedRace's own, it is a sentence on standard error, and 0."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``schedrace race``; the stable contract that scripts build on."""
    add = parser.add_argument
    add("file", nargs="?", type=Path, metavar="FILE.toml", help="a race file; the options below override it")
    add("--workload", metavar="NAME|FILE|NAME:FILE", help="a generator, a file, or the reader for a file")
    add("--tasks", type=int, metavar="N", help="how many tasks (default: what the workload says)")
    add("--load", type=float, metavar="L", help="arrival rate as a share of what any schedule could sustain")
    add("--seed", type=int, metavar="S", help="the seed of all randomness (default 0)")
    add("--cluster", metavar="PRESET|FILE.toml", help="the devices to race on")
    add("--schedulers", metavar="a,b+forest,c|all", help="the policies that race")
    add(
        "--param",
        action="append",
        default=[],
        metavar="NAME.KEY=VALUE",
        help="a parameter of a scheduler, of an estimator or of the workload; may be repeated",
    )
    add(
        "--weights",
        metavar="time=1,energy=0,cost=0",
        help="what a second, a joule and a currency unit count in the score of a placement (default: time alone)",
    )
    add(
        "--drift",
        action="append",
        default=[],
        metavar="DEVICES@SHARE=FACTOR",
        help="make devices (cpu, gpu or one id) slower or faster after a share of the arrivals, as in gpu@0.5=0.5; "
        "may be repeated",
    )
    add(
        "--warm-start",
        metavar="last|RUN|FILE",
        help="let learners start from what one has seen in a recorded run of the same cluster and kind of workload",
    )
    add(
        "--resume",
        metavar="RUN|last",
        help="go on with a run that was cut (crash, kill, power), to the same results as if it had not been",
    )
    add_storage_options(
        parser,
        kinds="auto|postgresql|csv|none",
        storage="where the results are recorded",
        url="the PostgreSQL database to record in",
    )
    add("--out", type=_folder, metavar="DIR", help="also write results.csv, summary.json and race.toml there")
    add("--json", action="store_true", help="print one JSON object instead of the table")
    add("--quiet", action="store_true", help="print no table, progress or notes; only errors")
    add("--timing", action="store_true", help="say on standard error where the time went")
    add_metrics_port(parser, default=argparse.SUPPRESS)  # it may also stand before the command


def _folder(text: str) -> Path:
    if not text.strip():  # to a Path, it is the folder one is in
        raise argparse.ArgumentTypeError("it is empty; name a folder, or leave the option out.")
    return Path(text)


def run(options: argparse.Namespace) -> int:
    """Prepare, race, record, print."""
    began = time.perf_counter()
    from app.command import report
    from app.command.race_resume import asked_run
    from app.command.reading import reading_bar
    from app.session import Timing, new_run_id
    from engine.control import Control
    from plugins.registry import load_registry

    settings = storage_settings(options)
    cut = asked_run(options, settings)
    registry = load_registry()
    talk = report.Talk(quiet=options.quiet, json=options.json)
    with reading_bar(quiet=options.quiet) as progress:
        prepared = _prepared(options, settings, cut, registry, progress)
    talk.notes(prepared.notes)
    run_id = cut.run if cut is not None else new_run_id()
    with served_at(options.metrics_port) as figures, _results_folder(options.out, prepared) as folder:
        recorder = _recorder(prepared, settings, registry, run_id, cut)
        recorded = cut.results if cut is not None else 0
        talk.replaying(run_id, recorded)
        timing = Timing(preparing_s=time.perf_counter() - began)
        control: Control[Frame] = Control()
        try:
            receivers = [x for x in (recorder, folder) if x is not None]
            counting = partial(figures.counting, recorder) if figures is not None else None
            result = _race(prepared, receivers, control, talk, timing, recorded, counting)
        except KeyboardInterrupt:
            if recorder is not None:
                print(f"The run is cut here; 'schedrace race --resume {run_id}' goes on with it.", file=sys.stderr)
            raise
        finally:
            replaying = recorder is not None and recorder.replaying
            flushing = time.perf_counter()
            status = recorder.close() if recorder is not None else None
            timing.flushing_s = time.perf_counter() - flushing
        summary = report.summary(run_id, prepared, result, status, timing.race_s)
        talk.results(summary, result, replaying)
        talk.notes([status.cleaned_up] if status is not None and status.cleaned_up else [])
        if folder is not None:
            folder.close(summary)
    if options.timing:
        report.print_timing(timing)
    exit_status = _verdict(options, result, status, settings is not None and settings.kind == "csv")
    if not (control.cancelled and any(row.status == "stopped" for row in result.rows)):
        return exit_status
    report.print_what_is_kept(result, status, replaying, resuming=cut is not None)
    return 130


def _prepared(
    options: argparse.Namespace,
    settings: StorageSettings | None,
    cut: CutRun | None,
    registry: Registry,
    progress: Progress,
) -> PreparedRace:
    if cut is not None:
        from app.resumption import prepare_again

        return prepare_again(cut, registry, progress)
    from app.command.race_spec import spec_from
    from plugins.assemble import prepare

    return prepare(spec_from(options, registry, settings), registry, progress)


def _recorder(
    prepared: PreparedRace,
    settings: StorageSettings | None,
    registry: Registry,
    run: str,
    cut: CutRun | None,
) -> Recorder | ResumingRecorder | None:
    if settings is None:
        return None
    if cut is not None:
        from app.resumption import resume_recording

        return resume_recording(prepared, settings, registry.storages, cut)
    from app.session import start_recording

    return start_recording(prepared, settings, registry.storages, run)


def _race(
    prepared: PreparedRace,
    receivers: Sequence[Receiver],
    control: Control[Frame],
    talk: Talk,
    timing: Timing,
    recorded: int,
    counting: Callable[[Told | None], Told] | None,
) -> RaceResult:
    from app.output import Receivers
    from app.session import run_race

    total = len(prepared.workload) * len(prepared.lanes)
    # a policy may print: not into the JSON on standard output
    with _cancelled_by_signals(control), talk.progress(total, recorded) as progress, redirect_stdout(sys.stderr):
        return run_race(
            prepared,
            recorder=Receivers(receivers),
            control=control,
            frames=False,
            pace=None,
            progress=counting(progress) if counting is not None else progress,
            timing=timing,
        )


@contextmanager
def _results_folder(path: Path | None, prepared: PreparedRace) -> Iterator[ResultsFolder | None]:
    if path is None:
        yield None
        return
    from app.output import ResultsFolder

    folder = ResultsFolder(path, prepared)
    try:
        yield folder
    finally:
        folder.discard_parts()


@contextmanager
def _cancelled_by_signals(control: Control[Frame]) -> Iterator[None]:
    """Let Ctrl-C (and SIGTERM) stop the race at its next checkpoint; a second one interrupts at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def cancel(number: int, _frame: object) -> None:
        control.cancel()
        print(
            f"Stopping; a policy that does not return is interrupted after {GRACE_S:.0f} s, and one that waits outside "
            "Python by a second Ctrl-C.",
            file=sys.stderr,
        )
        for each in before:
            signal.signal(each, interrupt_once)

    for number in before:
        signal.signal(number, cancel)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _verdict(options: argparse.Namespace, result: RaceResult, status: RecorderStatus | None, chose_csv: bool) -> int:
    """Say what went wrong, a sentence each, and return the exit status."""
    failed = False
    for row in result.rows:
        if row.status == "disqualified":
            failed = True
            print(f"{row.name} was disqualified: {row.reason}", file=sys.stderr)
        if row.learning and row.learning.get("problem"):
            print(f"{row.name} raced on all the same: {row.learning['problem']}", file=sys.stderr)
    if status is not None:
        lost = sum(row.tasks for row in result.rows) - status.rows_written - status.rows_pending
        # rows that wait in the journal are safe; only who asked for the database by name has not got it
        failed = failed or lost > 0 or status.stopped or (bool(status.problem) and _named_a_database(options))
        if status.problem:
            print(status.problem, file=sys.stderr)
        # where it has never answered, the journal counts as the storage
        waiting = status.rows_written if status.kind == "csv" else status.rows_pending
        if status.problem and waiting and not status.stopped and not chose_csv:
            print(_where_rows_wait(options, waiting), file=sys.stderr)
    return 1 if failed else 0


def _named_a_database(options: argparse.Namespace) -> bool:
    return options.storage == "postgresql" or options.db_url is not None


def _where_rows_wait(options: argparse.Namespace, rows: int) -> str:
    from app.texts import plural

    where = " --db-url URL" if options.db_url is not None else ""
    return (
        f"Nothing is lost: {plural(rows, 'task result')} {'is' if rows == 1 else 'are'} safe in the journal, and arrive"
        f"{'s' if rows == 1 else ''} there with the next race or window that uses that database, or by: "
        f"schedrace import-runs{where}"
    )
