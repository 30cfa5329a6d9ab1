"""Whatever breaks while the window races and records: its thread goes on, it says what is wrong, and it recovers."""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistence.recording.shipping import ship_left_behind
from persistence.settings import URL_VARIABLE
from persistence.storage import open_storage
from tests.app.conftest import Hands
from tests.faults.bookkeeping import Kept, compared
from tests.faults.campaign import LONGEST_STALL_S, Fault, Scene
from tests.faults.conftest import Server
from tests.faults.machine_faults import MACHINE_FAULTS
from tests.faults.path_faults import PATH_FAULTS
from tests.faults.server_faults import SERVER_FAULTS, frozen
from tests.persistence.records import PLUGINS

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LONGEST_BLOCK_S = 0.1
CALM_MS = 1500
BEAT_MS = 5
TASKS = 2000
LANES = ("round_robin", "mct", "hybrid_ml")
OF_THE_PATIENT = ("journal's quota full", "SchedRace killed", "SchedRace and server killed", "clock set back")
"""Faults that strike a process of its own."""
UNSEEN = ("connection terminated", "second SchedRace on the same run")
"""Mended within 0.1 s, before the status bar looks; nothing to mend."""
FAULTS = {
    fault.name: fault
    for fault in (*SERVER_FAULTS, *PATH_FAULTS, *MACHINE_FAULTS)
    if fault.name not in (*OF_THE_PATIENT, *UNSEEN)
}
SHORT = [FAULTS[name].parameter for name in ("server stopped fast", "server frozen", "journal's disk full")]


class Heart:
    """A timer of the window's thread. ``longest_s`` is the longest time between two beats, without what the thread
    had to wait for a processor because the machine was busy with something else."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.longest_s = 0.0
        self._scheduling = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._before = self._now()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def begin(self) -> None:
        """Forget what was measured so far."""
        self.longest_s, self._before = 0.0, self._now()

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = self._now()
        self.longest_s = max(self.longest_s, now - self._before)
        self._before = now

    def _now(self) -> float:
        """The clock of this thread: wall time but for that spent in the queue for a processor."""
        waited_ns = int(self._scheduling.read_text().split()[1]) if self._scheduling.exists() else 0
        return time.monotonic() - waited_ns / 1e9


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path, random.Random(1), server.url, tmp_path / "data")


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Threads change as often as they do in a real window."""
    from app.window.opening import SWITCH_INTERVAL_S

    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    yield monkeypatch
    sys.setswitchinterval(usual)


@contextlib.contextmanager
def a_window(scene: Scene, bot: QtBot, patch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """The real window, which records into the scene's database."""
    from app.collecting import cycles_collected_here
    from app.window.opening import make_window

    for name, value in scene.environment.items():
        patch.setenv(name, value)
    patch.setenv(URL_VARIABLE, scene.url)
    patch.setenv("SCHEDRACE_DATA_DIR", str(scene.data_dir))
    folder = Path(os.environ["SCHEDRACE_CONFIG_DIR"])
    folder.mkdir(exist_ok=True)
    (folder / "storage.toml").write_text('kind = "postgresql"\n')
    window = make_window(folder)
    window.show()
    hands = Hands(window, bot)
    try:
        hands.wait(lambda: window.action_set.by_id["start"].isEnabled())
        with cycles_collected_here():  # as open_window does
            yield hands
            window.close()
    finally:
        window.close()
        window.deleteLater()


@dataclass
class Saboteur:
    """Breaks and heals in a thread of its own: the window's is the one that is measured."""

    pool: ThreadPoolExecutor

    @contextlib.contextmanager
    def strikes(self, fault: AbstractContextManager[None], hands: Hands) -> Iterator[None]:
        self._do(hands, fault.__enter__)
        try:
            yield
        finally:
            self._do(hands, fault.__exit__, None, None, None)

    def _do(self, hands: Hands, step: Callable[..., object], *arguments: object) -> None:
        done = self.pool.submit(step, *arguments)
        hands.wait(done.done)
        done.result()


@pytest.fixture(scope="module", autouse=True)
def saboteur() -> Iterator[Saboteur]:
    """Ends after the server: one that this thread has started again would end with it."""
    with ThreadPoolExecutor(1) as pool:
        yield Saboteur(pool)


def start(hands: Hands) -> Callable[[], str]:
    """Start a race and wait until rows arrive; returns what tells the status bar's sentence."""
    hands.race_small(TASKS, LANES)
    hands.press("start")
    hands.wait_for_frame()
    status = hands.window.status.storage
    hands.wait(lambda: "rows stored" in status.whole and " 0 rows" not in status.whole)
    return lambda: status.whole


def assert_nothing_is_lost(scene: Scene) -> None:
    assert ship_left_behind(open_storage(scene.settings, PLUGINS)).problems == []
    (folder,) = scene.settings.runs_dir.iterdir()
    balance = compared(
        scene.server.execute, scene.settings.runs_dir, [Kept(folder.name, TASKS * len(LANES), complete=True)]
    )
    assert (balance.lost, balance.doubled, balance.in_order) == (0, 0, True), balance


def suffer(
    fault: Fault, scene: Scene, bot: QtBot, patch: pytest.MonkeyPatch, saboteur: Saboteur, repetitions: int
) -> str:
    """Let a fault strike the race of a window so often; returns a line of what was measured."""
    with fault.stage(scene), a_window(scene, bot, patch) as hands:
        hands.window.desk.set_speed(1 / repetitions)
        said = start(hands)
        heart = Heart()
        bot.wait(CALM_MS)
        calm_s = heart.longest_s
        blocked_s = []
        for _ in range(repetitions):
            heart.begin()
            assert hands.window.desk.racing, "the race was over before the fault struck"
            with saboteur.strikes(fault.strikes(scene), hands):
                hands.wait(lambda: fault.says in said())
                bot.wait(300)
            hands.wait(lambda: fault.says not in said())
            blocked_s.append(heart.longest_s)
        heart.stop()
        hands.press("finish")
        hands.wait_for_end()
        assert fault.says not in said() and "on their way" not in said()
        assert_nothing_is_lost(scene)
    # of several strikes the median: a fault that blocks does so each time, a busy machine now and then
    struck_s = statistics.median(blocked_s)
    measured = f"{1000 * struck_s:.0f} ms struck (longest {1000 * max(blocked_s):.0f}), {1000 * calm_s:.0f} ms before"
    assert struck_s < LONGEST_BLOCK_S + calm_s, f"{fault.name}: {measured}"
    return f"{fault.name} | {repetitions} | {measured}"


@pytest.mark.parametrize("fault", SHORT)
def test_a_fault_never_holds_the_window_and_is_said_until_it_is_over(
    fault: Fault, scene: Scene, qtbot: QtBot, patch: pytest.MonkeyPatch, saboteur: Saboteur
) -> None:
    print(suffer(fault, scene, qtbot, patch, saboteur, 1))


@pytest.mark.soak
@pytest.mark.parametrize("fault", [fault.parameter for fault in FAULTS.values()])
def test_a_fault_that_strikes_again_and_again_never_holds_the_window(
    fault: Fault, scene: Scene, qtbot: QtBot, patch: pytest.MonkeyPatch, saboteur: Saboteur
) -> None:
    print(suffer(fault, scene, qtbot, patch, saboteur, 5))


def test_a_window_opens_and_races_while_the_server_is_frozen(
    scene: Scene, qtbot: QtBot, patch: pytest.MonkeyPatch
) -> None:
    open_storage(scene.settings, PLUGINS)  # makes the tables
    with contextlib.ExitStack() as stack:
        with frozen(scene):
            hands = stack.enter_context(a_window(scene, qtbot, patch))
            heart = Heart()
            hands.race_small(TASKS, LANES)
            hands.press("start")
            hands.wait_for_frame()
            said = hands.window.status.storage
            hands.wait(lambda: "The database postgresql://" in said.whole)
            seen = hands.finished
            hands.wait(lambda: hands.finished > seen + 100)
            heart.stop()
        hands.wait(lambda: "The database postgresql://" not in said.whole)
        hands.press("finish")
        hands.wait_for_end()
        print(f"blocked {heart.longest_s:.3f} s")
        assert heart.longest_s < 2 * LONGEST_BLOCK_S
    assert_nothing_is_lost(scene)


def test_a_window_closes_in_time_while_the_server_is_frozen(
    scene: Scene, qtbot: QtBot, patch: pytest.MonkeyPatch
) -> None:
    with a_window(scene, qtbot, patch) as hands:
        start(hands)
        with frozen(scene):
            qtbot.wait(300)
            heart = Heart()
            began = time.monotonic()
            assert hands.window.close()
            closing_s = time.monotonic() - began
            heart.stop()
    print(f"closing: {closing_s:.2f} s, blocked {heart.longest_s:.3f} s")
    assert closing_s < LONGEST_STALL_S
    assert heart.longest_s < 2 * LONGEST_BLOCK_S
