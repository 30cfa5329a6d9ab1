"""The door: which command, which exit status, what without a display."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.command.help_text import HelpText
from app.command.parser import SUBCOMMANDS

from .conftest import Command


def test_an_unknown_command_is_one_sentence_with_what_may_have_been_meant(schedrace: Command) -> None:
    said = schedrace("rase")
    assert said.status == 2
    assert said.err == "There is no command 'rase'. Did you mean 'race'? See 'schedrace --help'.\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("race", "--taks", "5"),
            "There is no option '--taks'. Did you mean '--tasks'? See 'schedrace race --help'.\n",
        ),
        (
            ("history", "--limi=5"),
            "There is no option '--limi'. Did you mean '--limit'? See 'schedrace history --help'.\n",
        ),
        (("history", "a", "b", "c"), "'c' is one argument too many. See 'schedrace history --help'.\n"),
        (("--autostrat",), "There is no option '--autostrat'. Did you mean '--autostart'? See 'schedrace --help'.\n"),
        (
            ("plugins", "list", "--jsn"),
            "There is no option '--jsn'. Did you mean '--json'? See 'schedrace plugins list --help'.\n",
        ),
    ],
)
def test_an_unknown_option_is_one_sentence_with_what_may_have_been_meant(
    schedrace: Command, words: tuple[str, ...], told: str
) -> None:
    said = schedrace(*words)
    assert (said.status, said.err) == (2, told)


INTERRUPTED_AT = """
import signal, sys

class CtrlC:
    def find_spec(self, name, path, target=None):
        if name == "{module}":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["schedrace", "plugins", "list"]
from app.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["engine.errors", "app.collecting", "app.command.parser", "app.command.plugins"])
def test_ctrl_c_before_a_command_has_begun_is_a_sentence_and_status_130(module: str) -> None:
    code = INTERRUPTED_AT.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted before the work was done; what was already written stays.\n"


HASTY = """
import signal, sys
from app.command import plugins

def hasty(options):
    try:
        signal.raise_signal(signal.{first})
    finally:
        signal.raise_signal(signal.SIGINT)
        print("tidied up")

plugins.run = hasty
sys.argv = ["schedrace", "plugins", "list"]
from app.__main__ import main
status = main()
signal.raise_signal(signal.SIGINT)
sys.exit(status)
"""


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_ctrl_c_pressed_again_and_again_does_not_disturb_the_tidying_up(first: str) -> None:
    code = HASTY.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (130, "tidied up\n")
    assert done.stderr == "Interrupted before the work was done; what was already written stays.\n"


INTERRUPTED_AT_THE_END = """
import signal, sys
from app.__main__ import main
from persistence.embedded.keeper import Keeper

stop = Keeper.stop

def interrupted(keeper):
    signal.raise_signal(signal.SIGINT)
    stop(keeper)

Keeper.stop = interrupted
sys.argv = ["schedrace", "check-db"]
sys.exit(main())
"""


def test_ctrl_c_while_our_own_postgresql_is_stopped_is_no_traceback(own_folders: Path) -> None:
    code = INTERRUPTED_AT_THE_END
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Healthy: storage postgresql-embedded." in done.stdout


def test_the_version_is_printed(schedrace: Command) -> None:
    assert schedrace("--version").out.startswith("schedrace ")


def test_help_lists_every_command(schedrace: Command) -> None:
    said = schedrace("--help")
    assert said.status == 0
    for name in ("race", "check-db", "doctor", "plugins", "add-to-menu"):
        assert name in said.out


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    options = ["race", "--help"]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert "Traceback" not in process.stderr.read()
    process.wait(30)


@pytest.fixture
def csv_chosen(own_folders: Path) -> Path:
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')
    return own_folders


def opened(folder: Path, *options: str, qt: str | None) -> subprocess.CompletedProcess[str]:
    """Run ``schedrace`` without a command, as on a machine without a display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    if qt:
        environment["QT_QPA_PLATFORM"] = qt
    return subprocess.run(
        [sys.executable, "-m", "app", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_the_race_runs_in_the_terminal_once_recorded_and_the_window_is_drawn(
    csv_chosen: Path, tmp_path: Path
) -> None:
    done = opened(tmp_path, qt=None)
    assert done.returncode == 0, done.stderr
    for name in ("round_robin", "mct", "hybrid_ml", "oracle"):
        assert name in done.stdout
    assert (tmp_path / "schedrace.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path / "schedrace.png") in done.stdout
    assert len(list((csv_chosen / "data" / "runs").iterdir())) == 1


def test_a_picture_of_the_window_needs_no_race(csv_chosen: Path, tmp_path: Path) -> None:
    done = opened(tmp_path, "--screenshot", "window.png", qt="offscreen")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")
    assert not (csv_chosen / "data" / "runs").exists()


def test_the_window_and_the_command_race_to_the_same_bits(
    csv_chosen: Path, tmp_path: Path, in_a_process: Command
) -> None:
    shown = opened(tmp_path, "--autostart", "--screenshot", "race.png", qt="offscreen")
    assert shown.returncode == 0, shown.stderr
    (run,) = (csv_chosen / "data" / "runs").iterdir()
    window_digest = json.loads((run / "result.json").read_text(encoding="utf-8"))["digest"]
    said = in_a_process("race", run / "race.toml", "--storage", "none", "--json")
    assert json.loads(said.out)["digest"] == window_digest


def test_a_command_leaves_the_collector_as_it_was_and_the_process_ends_without_a_collection() -> None:
    code = (
        "import atexit, gc; usual = gc.get_threshold(); atexit.register(lambda: print(gc.get_freeze_count() > 0)); "
        "from app.__main__ import main; main(['--version']); print(gc.get_threshold() == usual, gc.get_freeze_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["True 0", "True"]


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_the_help_of_every_command_fits_a_terminal_of_80_columns_and_leaves_no_word_out(
    schedrace: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = schedrace(command, "--help").out
    assert max(map(len, said.splitlines())) <= 80
    details = getattr(SUBCOMMANDS[command], "DETAILS", "")
    assert said.split()[-len(details.split()) :] == details.split() or not details


def test_help_refills_paragraphs_and_keeps_the_items_of_lists_apart() -> None:
    text = "one two three\nfour\n\nkeys:\n  a: what it\n    means\n  b\nwith more:\n  c"
    assert HelpText("schedrace", width=14)._fill_text(text, 12, "") == (
        "one two\nthree four\n\nkeys:\n  a: what it\n    means\n  b\nwith more:\n  c"
    )
