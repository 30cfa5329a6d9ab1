"""What the tests of the window share: a real window in folders of its own, and hands to use it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.window.main_window import MainWindow

LONG_MS = 30_000


@dataclass
class Hands:
    """A person at the window."""

    window: MainWindow
    bot: QtBot

    def press(self, action: str) -> None:
        """Use an action of the toolbar or a menu."""
        assert self.window.action_set.by_id[action].isEnabled(), f"{action} is greyed"
        self.window.action_set.by_id[action].trigger()

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        self.bot.waitUntil(lambda: bool(condition()), timeout=LONG_MS)

    def race_small(self, tasks: int = 60, policies: tuple[str, ...] = ("round_robin", "mct")) -> None:
        """Choose a race that is over soon."""
        form = self.window.form
        form.tasks.setValue(tasks)
        for name in form.policies.names():
            form.policies.tick(name, name in policies)

    def wait_for_frame(self) -> None:
        """Wait until the race is on the screen."""
        self.wait(lambda: self.window.desk.racing and self.window.desk.frame is not None)

    def wait_for_end(self) -> None:
        """Wait until the race is over and stored."""
        self.wait(lambda: not self.window.desk.running)

    @property
    def finished(self) -> int:
        """How many tasks all policies together have finished on the screen."""
        return self.window.desk.frame.completions

    @property
    def headline(self) -> str:
        """The sentence at the top, and the smaller one under it."""
        tab = self.window.race_tab
        return f"{tab.headline.whole} {tab.beyond.whole}"

    @property
    def log(self) -> list[str]:
        """The lines of the log."""
        lines = self.window.log.list
        return [lines.topLevelItem(i).text(2) for i in range(lines.topLevelItemCount())]


@pytest.fixture
def storage_kind() -> str:
    """What the settings ask for; tests of recording override it."""
    return "none"


@pytest.fixture
def hands(qtbot: QtBot, own_folders: Path, storage_kind: str) -> Iterator[Hands]:
    """A window that is shown and furnished, as a person finds it; closed at the end."""
    from app.collecting import cycles_collected_here
    from app.window.opening import make_window

    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text(f'kind = "{storage_kind}"\n')
    window = make_window(own_folders / "config")
    window.show()
    person = Hands(window, qtbot)
    person.wait(lambda: window.action_set.by_id["start"].isEnabled())
    with cycles_collected_here():  # as open_window does
        yield person
        window.close()
    window.deleteLater()
