"""Our icons: SVG files drawn in ``currentColor``, tinted from the theme when they are loaded."""

from __future__ import annotations

from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 20, 24, 32, 48)


def resource_text(name: str) -> str:
    """Return the text of a file in resources/icons."""
    return (files("resources") / "icons" / name).read_text(encoding="utf-8")


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
    result = QIcon()
    svg = resource_text("schedrace.svg")
    for size in (32, 64, 128, 256):
        result.addPixmap(_pixmap(svg, "", size))
    return result


def pixmap(name: str, colour: str, size: int) -> QPixmap:
    """Return the icon as a picture, drawn at twice its size for dense screens."""
    picture = _pixmap(resource_text(f"{name}.svg"), colour, 2 * size)
    picture.setDevicePixelRatio(2)
    return picture


def _pixmap(svg: str, colour: str, size: int) -> QPixmap:
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture
