"""The actions of the window as Qt has them: made from the one table, greyed and dressed as the race goes on."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup

from app.icons import icon
from app.window.actions import ACTIONS, ALWAYS, MENUS
from app.window.toolbar import ON_TOOLBAR

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow

    from app.theme import Tokens
    from app.window.race_desk import RaceDesk

WHEN_IDLE = ("open_race", "open_workload", "save_race", "new_policy", "settings")


class ActionSet(QObject):
    """Every action by its id. ``owner`` is where what an action does is looked up (``files.open_race``)."""

    def __init__(self, owner: QMainWindow) -> None:
        super().__init__(owner)
        self._owner = owner
        self.by_id = {spec.id: QAction(spec.title, owner) for spec in ACTIONS}
        self._does = {spec.id: spec.does for spec in ACTIONS}
        self._menus = {title: owner.menuBar().addMenu(title) for title in MENUS}
        themes = QActionGroup(owner)
        for spec in ACTIONS:
            action = self.by_id[spec.id]
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            action.setStatusTip("")
            action.triggered.connect(self._carry_out)
            if spec.id.startswith("theme_"):
                themes.addAction(action)

    def fill_menus(self, docks: list[QAction]) -> None:
        """Give the actions their keys and put them into the menus; ``docks`` are the switches of the docks."""
        for spec in ACTIONS:
            action = self.by_id[spec.id]
            action.setShortcut(spec.shortcut)
            key = f" ({action.shortcut().toString()})" if spec.shortcut else ""
            action.setToolTip(f"<p>{spec.tip}{key}</p>")
        for title, ids in MENUS.items():
            menu = self._menus[title]
            menu.setToolTipsVisible(True)
            for name in ids:
                if name == "docks":
                    menu.addActions(docks)
                elif name:
                    menu.addAction(self.by_id[name])
                else:
                    menu.addSeparator()

    def restyle(self, tokens: Tokens, desk: RaceDesk | None) -> None:
        """Wear the theme in use; ``desk`` is None before the window is furnished."""
        for spec in ACTIONS:
            # those of the menus wait until the window stands
            if spec.icon and (desk is not None or spec.id in ON_TOOLBAR):
                self.by_id[spec.id].setIcon(icon(spec.icon, tokens.text, tokens.faint))
        self.dress(tokens, desk)

    def dress(self, tokens: Tokens, desk: RaceDesk | None) -> None:
        """Grey what cannot be done now, and say what the start button would do."""
        actions = self.by_id
        name = "pause" if desk is not None and desk.start_title == "Pause" else "start"
        actions["start"].setIcon(icon(name, tokens.on_accent, tokens.faint))
        if desk is None:
            for action in actions.values():
                action.setEnabled(False)
            return
        actions["start"].setText(desk.start_title)
        idle = not desk.running
        actions["start"].setEnabled(idle or desk.racing)
        actions["step"].setEnabled(idle or desk.racing)
        actions["stop"].setEnabled(desk.running)
        actions["finish"].setEnabled(desk.racing)
        actions["export"].setEnabled(idle and desk.raced is not None)
        for name in WHEN_IDLE:
            actions[name].setEnabled(idle)
        for name in ALWAYS:
            actions[name].setEnabled(True)

    def _carry_out(self) -> None:
        attrgetter(self._does[self.sender().objectName()])(self._owner)()
