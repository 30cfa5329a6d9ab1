"""Our icons: SVG files drawn in ``currentColor``, tinted from the theme when they are loaded."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QSize
from PySide6.QtGui import QIcon, QImageReader, QPixmap

import resources

# not importlib.resources, nor PySide6.QtSvg: together they cost the first paint 40 ms
RESOURCES = Path(resources.__file__).parent

SIZES = (20, 40)
"""Drawn once and twice as large as shown; every further size delays the first paint."""


def resource_text(name: str) -> str:
    """Return the text of a file in resources/icons."""
    return (RESOURCES / "icons" / name).read_text(encoding="utf-8")


def icon(name: str, colour: str, disabled: str | None = None) -> QIcon:
    """Return the icon in one colour (and in another one while its button is disabled)."""
    result = QIcon()
    svg = resource_text(f"{name}.svg")
    for size in SIZES:
        result.addPixmap(_pixmap(svg, colour, size), QIcon.Mode.Normal)
        if disabled is not None:
            result.addPixmap(_pixmap(svg, disabled, size), QIcon.Mode.Disabled)
    return result


def app_icon() -> QIcon:
    """Return the icon of the application itself."""
    return QIcon(str(RESOURCES / "icons" / "schedrace.svg"))


def pixmap(name: str, colour: str, size: int) -> QPixmap:
    """Return the icon as a picture, drawn at twice its size for dense screens."""
    picture = _pixmap(resource_text(f"{name}.svg"), colour, 2 * size)
    picture.setDevicePixelRatio(2)
    return picture


def _pixmap(svg: str, colour: str, size: int) -> QPixmap:
    data = QByteArray(svg.replace("currentColor", colour).encode())
    buffer = QBuffer(data)
    reader = QImageReader(buffer, QByteArray(b"svg"))
    reader.setScaledSize(QSize(size, size))
    return QPixmap.fromImage(reader.read())
