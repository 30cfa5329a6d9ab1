"""Light and dark: the colours of everything, the style sheet made from them, and following the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from app.icons import RESOURCES

Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme, by what they are for."""

    dark: bool
    ground: str
    card: str
    field: str
    border: str
    text: str
    muted: str
    faint: str
    grid: str
    accent: str
    accent_hover: str
    on_accent: str
    hover: str
    good: str
    warning: str
    bad: str
    warning_ground: str
    bad_ground: str
    info_ground: str


LIGHT = Tokens(
    dark=False,
    ground="#F1F3F6",
    card="#FFFFFF",
    field="#FFFFFF",
    border="#DBE0E6",
    text="#1B1F24",
    muted="#5B6470",
    faint="#A3ABB6",
    grid="#E6E9EE",
    accent="#2B59D9",
    accent_hover="#1F48BA",
    on_accent="#FFFFFF",
    hover="#E8EBF0",
    good="#0A7A55",
    warning="#8A5A00",
    bad="#B3261E",
    warning_ground="#FFF4DA",
    bad_ground="#FDE9E7",
    info_ground="#E8EEFD",
)
DARK = Tokens(
    dark=True,
    ground="#14171C",
    card="#1D2128",
    field="#252A32",
    border="#323841",
    text="#ECEEF1",
    muted="#A4ACB8",
    faint="#6A7380",
    grid="#2B3038",
    accent="#5B84F7",
    accent_hover="#7497FA",
    on_accent="#0E1116",
    hover="#2A303A",
    good="#3ECF9B",
    warning="#F5BC3B",
    bad="#FF8A80",
    warning_ground="#3A2F12",
    bad_ground="#43211F",
    info_ground="#1E2A45",
)


class Theme(QObject):
    """The theme in use; ``changed`` fires after the whole application wears the new one."""

    changed = Signal()
    _one: Theme | None = None

    @classmethod
    def of(cls, app: QApplication) -> Theme:
        """Return the one theme of the application."""
        if cls._one is None:
            cls._one = cls(app)
        return cls._one

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self.choice: Choice = "system"
        self.tokens = LIGHT
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    def apply(self, choice: Choice) -> None:
        """Wear light, dark, or whatever the system wears."""
        before, self.choice = self.choice, choice
        if choice != before:
            from PySide6.QtCore import Qt  # see MainWindow

            schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark, "system": Qt.ColorScheme.Unknown}
            self._app.styleHints().setColorScheme(schemes[choice])
        self._wear()

    def _system_changed(self) -> None:
        if self.choice == "system":
            self._wear()

    def _wear(self) -> None:
        if self.choice == "system":
            # not styleHints().colorScheme(): it would make all of Qt's enums (see MainWindow), and this is what Fusion
            # makes of it
            dark = self._app.style().standardPalette().window().color().lightness() < 128
        else:
            dark = self.choice == "dark"
        self.tokens = DARK if dark else LIGHT
        self._app.setPalette(_palette(self.tokens))
        self._app.setStyleSheet(style_sheet(self.tokens))
        self.changed.emit()


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: t.ground,
        role.Base: t.field,
        role.AlternateBase: t.card,
        role.Button: t.card,
        role.WindowText: t.text,
        role.Text: t.text,
        role.ButtonText: t.text,
        role.ToolTipBase: t.card,
        role.ToolTipText: t.text,
        role.PlaceholderText: t.muted,
        role.Highlight: t.accent,
        role.HighlightedText: t.on_accent,
        role.Accent: t.accent,
        role.Link: t.accent,
        role.Mid: t.border,
    }
    for name, colour in colours.items():
        palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(t.faint))
    return palette


def style_sheet(t: Tokens) -> str:
    """Return the application's style sheet in one theme's colours."""
    icons = RESOURCES / "icons"
    text = (RESOURCES / "style.qss").read_text(encoding="utf-8")
    values = {name: getattr(t, name) for name in Tokens.__slots__ if name != "dark"}
    values["chevron"] = str(icons / f"chevron_{'dark' if t.dark else 'light'}.svg").replace("\\", "/")
    values["cross"] = str(icons / f"cross_{'dark' if t.dark else 'light'}.svg").replace("\\", "/")
    values["check"] = str(icons / "check.svg").replace("\\", "/")
    # longest name first: @accent_hover begins with @accent
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"@{name}", values[name])
    return text
