"""Which of the system's libraries Qt lacks on this Linux machine, and which packages of Debian and Ubuntu hold them.

``python -m app.system_libraries [--window]`` prints the packages; the set-up script installs them. Qt itself is not
imported: it is what may fail to load.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}
FONT_PACKAGE = "fonts-dejavu-core"
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")

OFFSCREEN = ("QtGui.abi3.so", "QtWidgets.abi3.so", "QtSvg.abi3.so", "Qt/plugins/platforms/libqoffscreen.so")
XCB = "Qt/plugins/platforms/libqxcb.so"
WAYLAND = "Qt/plugins/platforms/libqwayland.so"


def missing_libraries(*, window: bool) -> tuple[str, ...]:
    """Return the libraries that Qt cannot find, by the names it asks for; ``window``: also what a display needs.

    Empty where the question does not arise (not Linux, no PySide6) or cannot be answered (no ``ldd``).
    """
    found = importlib.util.find_spec("PySide6")
    ldd = shutil.which("ldd")
    if not sys.platform.startswith("linux") or found is None or found.origin is None or ldd is None:
        return ()
    folder = Path(found.origin).parent
    names = OFFSCREEN + ((XCB,) if window else ()) + ((WAYLAND,) if window and "WAYLAND_DISPLAY" in os.environ else ())
    objects = [folder / name for name in names]
    return unresolved(
        subprocess.run(
            [ldd, *(str(path) for path in objects if path.exists())], capture_output=True, text=True, check=False
        ).stdout
    )


def unresolved(listing: str) -> tuple[str, ...]:
    """Return the libraries that a listing of ``ldd`` calls 'not found'."""
    lines = (line.split() for line in listing.splitlines() if line.rstrip().endswith("not found"))
    return tuple(sorted({words[0] for words in lines if words}))


def packages_for(libraries: Iterable[str]) -> tuple[str, ...]:
    """Return the Debian packages that hold the libraries; a library that we do not know keeps its own name."""
    return tuple(sorted({PACKAGES.get(library, library) for library in libraries}))


def has_fonts() -> bool:
    """Whether the machine has any font; without one every letter is a box."""
    folders = [*FONT_FOLDERS, str(Path.home() / ".fonts"), str(Path.home() / ".local/share/fonts")]
    return not sys.platform.startswith("linux") or any(
        next(Path(folder).rglob(f"*.{suffix}"), None) for folder in folders for suffix in ("ttf", "otf", "ttc")
    )


def needed_packages(*, window: bool) -> tuple[str, ...]:
    """Return all packages to install before the window can open (or be drawn off screen)."""
    return packages_for(missing_libraries(window=window)) + (() if has_fonts() else (FONT_PACKAGE,))


if __name__ == "__main__":
    print(" ".join(needed_packages(window="--window" in sys.argv)))
