"""Races that were cut and are resumed, from the command: the digest is that of a race never cut."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from app.__main__ import main
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.recording.cut_runs import cut_runs
from persistence.recording.recorder import Recorder
from persistence.recording.resuming import ResumingRecorder
from tests.app.command.conftest import Said
from tests.app.cut_races import Recorded, copy, cut, record, rows, whole_lines

RACE = ("--tasks", "400", "--seed", "3", "--schedulers", "mct,hybrid_ml,oracle")
RESUME = ("race", "--storage", "csv", "--resume")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A race that was never cut, in which a policy learns."""
    return record(tmp_path_factory, *RACE)


@pytest.fixture
def runs(own_folders: Path) -> Path:
    return own_folders / "data" / "runs"


@pytest.fixture
def schedrace(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    "shares",
    [
        {"tasks": 0.4, "scheduler_results": 0.0, "training_data": 0.0, "metrics": 0.0},
        {"scheduler_results": 0.123, "training_data": 0.1, "metrics": 0.0},
        {"scheduler_results": 0.71, "training_data": 0.7, "metrics": 0.0},
        {"scheduler_results": 0.9, "training_data": 0.2, "metrics": 0.0},  # a power failure, nothing synced
        {"metrics": 0.5},
        {},
    ],
    ids=["in the tasks", "early", "late", "one table far behind", "in the metrics", "before the result"],
)
def test_a_race_that_was_cut_goes_on_to_the_digest_of_one_never_cut(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said], shares: dict[str, float]
) -> None:
    folder = copy(whole, runs, **shares)
    said = schedrace(*RESUME, folder.name, "--json")
    summary = json.loads(said.out)
    assert (said.status, summary["run"], summary["digest"]) == (0, folder.name, whole.digest)
    assert (summary["storage"]["rows_written"], summary["storage"]["rows_pending"]) == (1200, 0)
    assert rows(folder) == rows(whole.folder)
    result = JournalReader(folder).result()
    assert result is not None and result["digest"] == whole.digest
    assert schedrace(*RESUME, "last").status == 2  # nothing is left to resume


def test_a_race_may_be_cut_again_and_again(whole: Recorded, runs: Path, schedrace: Callable[..., Said]) -> None:
    folder = copy(whole, runs, scheduler_results=0.3, training_data=0.3, metrics=0.0)
    for share in (0.5, 0.8):
        assert schedrace(*RESUME, "last", "--quiet").status == 0
        cut(folder, {"scheduler_results": share, "training_data": share, "metrics": 0.0})
    said = schedrace(*RESUME, "last")
    assert said.status == 0 and f"run {folder.name} is replayed and compared with its" in said.err
    result = JournalReader(folder).result()
    assert result is not None and result["digest"] == whole.digest
    assert rows(folder) == rows(whole.folder)


def test_results_of_a_resumed_race_can_be_written_whole(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said], tmp_path: Path
) -> None:
    copy(whole, runs, scheduler_results=0.5, metrics=0.0)
    assert schedrace(*RESUME, "last", "--out", tmp_path, "--quiet").status == 0
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1201


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--tasks", "3"), "--tasks would make it another one"),
        (("--schedulers", "mct"), "--schedulers would make it another one"),
        (("--param", "mct.x=1"), "--param would make it another one"),
        (("--drift", "gpu@0.5=0.5"), "--drift would make it another one"),
        (("--warm-start", "last"), "--warm-start would make it another one"),
        (("race.toml",), "a race file would make it another one"),
        (("--storage", "none"), "--storage none records nothing"),
    ],
)
def test_options_that_would_make_it_another_race_are_wrong_usage(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said], options: tuple[str, ...], sentence: str
) -> None:
    folder = copy(whole, runs, scheduler_results=0.5, metrics=0.0)
    said = schedrace(*RESUME, "last", *options)
    assert said.status == 2 and sentence in said.err
    assert [found.run for found in cut_runs(runs)] == [folder.name]


def test_a_run_that_was_not_cut_or_is_none_cannot_be_resumed(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said]
) -> None:
    folder = shutil.copytree(whole.folder, runs / whole.folder.name)
    said = schedrace(*RESUME, folder.name)
    assert said.status == 2 and f"The run '{folder.name}' was not cut: it is finished." in said.err
    assert "There is no run 'nothing'" in schedrace(*RESUME, "nothing").err
    assert "so there is nothing to resume" in schedrace(*RESUME, "last").err


def stopped_by_the_first(receiver: type[Recorder] | type[ResumingRecorder], patch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be pressed before the first task of a race."""
    presses = [signal.SIGINT]
    patch.setattr(receiver, "state", lambda *_: [signal.raise_signal(presses.pop()) for _ in presses[:1]])


@pytest.mark.parametrize("storage", ["csv", "auto"])
def test_a_replay_that_is_stopped_prints_no_results_and_says_what_the_run_keeps(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    folder = copy(whole, runs, scheduler_results=0.5, metrics=0.0)
    kept = JournalReader(folder).rows("scheduler_results")
    if storage == "auto":
        schedrace("import-runs")
    stopped_by_the_first(ResumingRecorder, monkeypatch)
    said = schedrace("race", "--storage", storage, "--resume", "last")
    assert (said.status, said.out) == (130, "")
    assert f"Stopped in the replay: nothing was added, and the run keeps its {kept:,} task results." in said.err
    assert "--resume goes on with it again" in said.err and "stays so" not in said.err
    stopped_by_the_first(ResumingRecorder, monkeypatch)
    stored = json.loads(schedrace("race", "--storage", storage, "--resume", "last", "--json").out)["storage"]
    assert (stored["rows_written"], stored["rows_pending"]) == (kept, 0)


def test_a_race_that_is_stopped_before_its_first_task_claims_nothing(
    schedrace: Callable[..., Said], own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_by_the_first(Recorder, monkeypatch)
    said = schedrace("race", "--storage", "csv", *RACE)
    assert said.status == 130
    assert "No policy has finished a task.\n" in said.out
    assert "Stopped before the end: 0 task results were finished and are kept." in said.err
    assert "A run that was stopped stays so" in said.err


def test_a_race_that_is_cut_by_a_second_ctrl_c_says_how_to_go_on_and_that_does(
    schedrace: Callable[..., Said], own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "state", interrupted)
        said = schedrace("race", "--storage", "csv", *RACE)
    assert said.status == 130
    (run,) = (own_folders / "data" / "runs").iterdir()
    assert f"The run is cut here; 'schedrace race --resume {run.name}' goes on with it." in said.err
    assert schedrace("race", "--storage", "csv", "--resume", run.name).status == 0


def test_two_processes_cannot_resume_the_same_run_and_the_second_is_told_before_anything_is_prepared(
    whole: Recorded, runs: Path, schedrace: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(whole, runs, metrics=0.0)
    monkeypatch.setattr("app.resumption.prepare_again", lambda *_: pytest.fail("it was prepared"))
    other = Journal(folder)
    said = schedrace(*RESUME, folder.name)
    other.close()
    assert said.status == 1 and "is being resumed" in said.err and "by another SchedRace" in said.err


def put_policy(own_folders: Path, place: int) -> Path:
    """Put a policy into the plugins folder: every task goes to the usable device at ``place`` of their list."""
    folder = own_folders / "plugins"
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(
        "from engine.placement import on\n"
        "from engine.scheduler import Scheduler\n\n\n"
        "class Mine(Scheduler):\n"
        "    name = 'mine'\n\n"
        "    def place(self, pending, state):\n"
        "        for task in pending.ready():\n"
        "            usable = [device for device in state.devices if state.fits(task, device.index)]\n"
        f"            yield on(task, usable[{place}].index)\n",
        encoding="utf-8",
    )
    return path


def recorded_half(schedrace: Callable[..., Said], runs: Path, *options: object) -> Path:
    """Record a race to its end, then cut it in the middle; return the journal's folder."""
    assert schedrace("race", "--storage", "csv", "--tasks", "60", "--quiet", *options).status == 0
    folder = max(runs.iterdir())
    cut(folder, {"scheduler_results": 0.6, "metrics": 0.0})
    return folder


def test_a_policy_that_has_changed_is_told_with_the_first_row_that_differs(
    own_folders: Path, runs: Path, schedrace: Callable[..., Said]
) -> None:
    put_policy(own_folders, 0)
    folder = recorded_half(schedrace, runs, "--schedulers", "mct,mine")
    before = whole_lines(folder)
    put_policy(own_folders, -1)
    said = schedrace(*RESUME, folder.name)
    assert said.status == 1
    assert "In row 1 of 'mine' of scheduler_results.csv, " in said.err and "; raced now it is " in said.err
    assert "Nothing was written: put that back and resume again, or keep the run as it is." in said.err
    assert whole_lines(folder) == before
    assert [found.run for found in cut_runs(runs)] == [folder.name]
    put_policy(own_folders, 0)
    assert schedrace(*RESUME, folder.name, "--quiet").status == 0


def test_a_policy_that_is_gone_is_named(own_folders: Path, runs: Path, schedrace: Callable[..., Said]) -> None:
    path = put_policy(own_folders, 0)
    folder = recorded_half(schedrace, runs, "--schedulers", "mct,mine")
    before = whole_lines(folder)
    path.unlink()
    said = schedrace(*RESUME, folder.name)
    assert said.status == 2
    assert f"The run '{folder.name}' cannot be resumed, because its race cannot be prepared any more: " in said.err
    assert "'mine'" in said.err and "Nothing was written" in said.err
    assert whole_lines(folder) == before


@pytest.mark.parametrize("change", ["gone", "longer", "slower"])
def test_a_file_of_tasks_that_has_changed_is_another_race(
    runs: Path, schedrace: Callable[..., Said], tmp_path: Path, change: str
) -> None:
    file = tmp_path / "tasks.csv"

    def write(tasks: int, seconds: float) -> None:
        lines = [f"{n},{seconds + n},{2 * seconds}" for n in range(tasks)]
        file.write_text("\n".join(["arrival_s,actual_cpu_s,actual_gpu_s", *lines]) + "\n")

    write(80, 10.0)
    folder = recorded_half(schedrace, runs, "--workload", file, "--schedulers", "mct", "--tasks", "80")
    before = whole_lines(folder)
    if change == "gone":
        file.unlink()
    else:
        write(90 if change == "longer" else 80, 10.0 if change == "longer" else 11.0)
    said = schedrace(*RESUME, folder.name)
    # of a longer file, 80 tasks race as before
    assert said.status == {"gone": 2, "longer": 0, "slower": 1}[change], said.err
    if change != "longer":
        assert "Nothing was written" in said.err and whole_lines(folder) == before
