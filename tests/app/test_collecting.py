"""Where cycles of objects are collected beside a window."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

from app.collecting import YOUNG, cycles_collected_here
from tests.app.test_opening import run

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


class Knot:
    """A cycle by itself."""

    def __init__(self) -> None:
        self.itself = self


def leave_knots(collected_in: list[threading.Thread]) -> None:
    """Leave more cycles than Python would keep; the first one tells which thread collects it."""
    weakref.finalize(Knot(), lambda: collected_in.append(threading.current_thread()))
    for _ in range(2 * YOUNG):
        Knot()


def test_what_another_thread_leaves_is_collected_in_the_windows(qtbot: QtBot):
    collected_in: list[threading.Thread] = []
    with cycles_collected_here():
        racing = threading.Thread(target=leave_knots, args=[collected_in])
        racing.start()
        racing.join()
        assert collected_in == []
        qtbot.waitUntil(lambda: collected_in != [])
    assert collected_in == [threading.main_thread()]


def test_at_the_end_nothing_is_left_that_another_thread_could_collect(qtbot: QtBot):
    collected_in: list[threading.Thread] = []
    with cycles_collected_here():
        assert not gc.isenabled() and gc.get_freeze_count()
        weakref.finalize(Knot(), lambda: collected_in.append(threading.current_thread()))
    assert collected_in == [threading.main_thread()]
    assert gc.isenabled() and not gc.get_freeze_count()


def test_a_window_races_with_all_cycles_collected_in_its_thread_and_none_of_its_modules_walked(own_folders: Path):
    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text('kind = "none"\n')
    code = """
import gc, sys, threading
from pathlib import Path
from app.window import opening
make = opening.make_window
where, at_start = set(), []
def note(phase, info):
    where.add(threading.current_thread() is threading.main_thread())
def begin():
    at_start.append((gc.isenabled(), gc.get_freeze_count() > 50_000))
    gc.callbacks.append(note)
def watched():
    window = make()
    window.when_furnished(lambda: window.desk.runner.started.connect(lambda started: begin()))
    window.when_furnished(lambda: window.desk.runner.ended.connect(lambda *_: gc.callbacks.remove(note)))
    return window
opening.make_window = watched
status = opening.open_window(autostart=True, screenshot=Path("window.png"))
print(status, at_start, where, gc.isenabled())
"""
    done = run(code, own_folders)
    assert done.stdout.strip() == "0 [(False, True)] {True} True", done.stderr
