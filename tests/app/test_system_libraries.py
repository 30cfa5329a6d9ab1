"""Which packages of the system are missing."""

from __future__ import annotations

import subprocess
import sys

from app.system_libraries import packages_for, unresolved

LISTING = """/venv/PySide6/Qt/plugins/platforms/libqxcb.so:
\tlibxcb-cursor.so.0 => not found
\tlibxcb.so.1 => /lib/x86_64-linux-gnu/libxcb.so.1 (0x00007f)
\tlibxcb-icccm.so.4 => not found
/venv/PySide6/QtGui.abi3.so:
\tlibxcb-cursor.so.0 => not found
"""


def test_what_ldd_does_not_find_is_listed_once() -> None:
    assert unresolved(LISTING) == ("libxcb-cursor.so.0", "libxcb-icccm.so.4")


def test_libraries_become_the_packages_that_hold_them() -> None:
    assert packages_for(["libxcb-cursor.so.0", "libgthread-2.0.so.0", "libglib-2.0.so.0"]) == (
        "libglib2.0-0",
        "libxcb-cursor0",
    )


def test_an_unknown_library_is_named_rather_than_left_out() -> None:
    assert packages_for(["libnew.so.9"]) == ("libnew.so.9",)


def test_asking_does_not_import_qt() -> None:
    code = "import sys, app.system_libraries as s; s.needed_packages(window=True); print('PySide6' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
