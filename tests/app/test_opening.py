"""How the window opens: at once, and by itself where it is asked to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from tests.app.conftest import Hands

FIRST_PAINT = """
import sys
from app.window.opening import application, make_window
app = application()
window = make_window()
seen = []
window.furnish = lambda: seen.append(sorted(set(sys.modules) & set(HEAVY)))
fill = window._fill
window._fill = lambda: (seen.append("Qt" in vars(sys.modules["PySide6.QtCore"])), fill())
window.show()
while len(seen) < 2:
    app.processEvents()
print(*seen)
"""


def run(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=dict(os.environ), cwd=home
    )


def test_the_window_is_painted_before_qts_enums_are_made_and_filled_before_anything_heavy_is_imported(own_folders):
    heavy = "HEAVY = ['numpy', 'pyqtgraph', 'sklearn', 'scipy', 'sqlalchemy', 'psycopg2', 'pluggy', 'pyarrow']\n"
    done = run(heavy + FIRST_PAINT, own_folders)
    assert done.stdout.strip() == "False []", done.stderr


def test_autostart_races_by_itself_and_saves_a_sharp_picture(own_folders):
    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')
    picture = own_folders / "window.png"
    code = (
        "import sys; from pathlib import Path; from app.window import open_window; "
        f"sys.exit(open_window(autostart=True, screenshot=Path({str(picture)!r})))"
    )
    done = run(code, own_folders)
    assert done.returncode == 0, done.stderr
    image = QImage(str(picture))
    assert image.width() >= 2 * 1000
    colours = {image.pixel(x, y) for x in range(0, image.width(), 9) for y in range(0, image.height(), 9)}
    assert len(colours) > 40


@pytest.mark.parametrize("racing", [True, False], ids=["while it races", "before it stands"])
def test_ctrl_c_in_the_terminal_closes_the_window_as_its_own_button_does(own_folders: Path, racing: bool) -> None:
    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')
    code = f"""
import os, signal, sys
from app.window import opening
def press(*_):
    os.kill(os.getpid(), signal.SIGINT)
def pressed(window):
    if {racing}:
        window.when_furnished(lambda: window.desk.runner.started.connect(press))
    else:
        from PySide6.QtCore import QTimer
        QTimer.singleShot(0, press)
    return window
make = opening.make_window
opening.make_window = lambda: pressed(make())
sys.exit(opening.open_window(autostart=True))
"""
    done = run(code, own_folders)
    assert (done.returncode, done.stderr) == (130, "")
    recorded = list(own_folders.glob("data/runs/*/run.json"))
    assert len(recorded) == racing


def test_a_race_that_is_repeated_for_a_picture_names_no_run_and_no_storage_of_its_own(qtbot, own_folders):
    from app.window.opening import make_window

    window = make_window(own_folders / "config")
    window.record = False
    window.show()
    person = Hands(window, qtbot)
    person.wait(lambda: window.action_set.by_id["start"].isEnabled())
    window.form.tasks.setValue(50)
    over = []
    window.desk.over.connect(over.append)
    window.desk.start(watched=False)
    person.wait(lambda: bool(over))
    assert over == [True]
    assert window.status.storage.whole == "Storage: nothing is stored twice; this repeats the race in the terminal"
    assert window.status.run.text() == ""
    window.close()
    window.deleteLater()


def test_a_picture_that_cannot_be_written_is_a_sentence_and_a_status(own_folders):
    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text('kind = "none"\n')
    picture = own_folders / "no" / "such" / "folder.png"
    code = (
        "import sys; from pathlib import Path; from app.window import open_window; "
        f"sys.exit(open_window(screenshot=Path({str(picture)!r})))"
    )
    done = run(code, own_folders)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
