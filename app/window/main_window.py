"""The main window: what is where, what the actions do, what is remembered, and how it closes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from app import headline
from app.charts.look import Look
from app.icons import icon
from app.palette import Palette
from app.preferences import LAYOUT_VERSION, PreferenceFile
from app.theme import Choice, Theme
from app.window.actions import ACTIONS, ALWAYS, MENUS
from app.window.cluster_tab import ClusterTab
from app.window.race_form import RaceForm
from app.window.race_tab import RaceTab
from app.window.status import StatusLine
from app.window.toolbar import ON_TOOLBAR, RaceToolBar

if TYPE_CHECKING:
    from app.notify import Message
    from app.window.race_desk import RaceDesk

FIRST_SIZE = QSize(1280, 800)
FORM_WIDTH = 300
LOG_HEIGHT = 90
SMALLEST = QSize(900, 600)
CLOSING_WAIT_MS = 3000


class MainWindow(QMainWindow):
    """Shown bare at first; :meth:`furnish` brings plugins and charts after the first paint.

    Without ``remember`` the choices, and without ``record`` the results are not kept.
    """

    desk: RaceDesk

    def __init__(self, preference_file: PreferenceFile, theme: Theme) -> None:
        super().__init__()
        self._file = preference_file
        self.preferences = preference_file.load()
        self.theme = theme
        self.theme.apply(self.preferences.theme)  # type: ignore[arg-type]
        self.look = Look(theme, Palette())
        self.remember = self.record = True
        self._painted = self._furnished = False
        self._closing = False
        self._afterwards: list[Callable[[], None]] = []
        self._build()
        self._build_actions()
        self.theme.changed.connect(self.restyle)
        self._menus = {title: self.menuBar().addMenu(title) for title in MENUS}
        self.restyle()
        if self.preferences.geometry is not None:
            self.restoreGeometry(self.preferences.geometry)

    def _build(self) -> None:
        self.setWindowTitle("SchedRace")
        self.setMinimumSize(SMALLEST)
        self.resize(FIRST_SIZE)
        self.setAcceptDrops(True)
        self.form = RaceForm(self.look)
        self.form_dock = QDockWidget("Race", self)
        self.form_dock.setObjectName("race_dock")
        self.form_dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable)
        self.form_dock.setWidget(self.form)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.form_dock)
        self.resizeDocks([self.form_dock], [FORM_WIDTH], Qt.Orientation.Horizontal)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.race_tab, self.cluster_tab = RaceTab(self.look), ClusterTab(self.look)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.race_tab, "Race")
        self.tabs.addTab(self.cluster_tab, "Cluster")
        centre = QWidget()
        self._centre = QVBoxLayout(centre)
        self._centre.setContentsMargins(0, 0, 0, 0)
        self._centre.setSpacing(0)
        self._centre.addWidget(self.tabs, 1)
        self.setCentralWidget(centre)
        self.status = StatusLine()
        self.setStatusBar(self.status)

    def _build_actions(self) -> None:
        self.actions_by_id = {spec.id: QAction(spec.title, self) for spec in ACTIONS}
        self.toolbar = RaceToolBar(self.actions_by_id)
        self.addToolBar(self.toolbar)
        themes = QActionGroup(self)
        for spec in ACTIONS:
            action = self.actions_by_id[spec.id]
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            action.setShortcut(spec.shortcut)
            key = f" ({action.shortcut().toString()})" if spec.shortcut else ""
            action.setToolTip(f"<p>{spec.tip}{key}</p>")
            action.setStatusTip("")
            action.triggered.connect(self._carry_out)
            if spec.id.startswith("theme_"):
                themes.addAction(action)
        self._does = {spec.id: spec.does for spec in ACTIONS}
        self.actions_by_id[f"theme_{self.theme.choice}"].setChecked(True)

    def _bring_in(self) -> None:
        """Make what nobody sees at the first paint; its modules cost as much as the window itself."""
        from app.notify import LogBridge, Notifier
        from app.window.files import Files
        from app.window.log_dock import LogDock
        from app.window.notice import NoticeBar
        from app.window.plugin_desk import PluginDesk
        from app.window.race_desk import RaceDesk, not_recorded
        from app.window.storage_desk import StorageDesk

        self.notifier = Notifier(self)
        self.log = LogDock(self)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.log)
        self.notice = NoticeBar(self.theme)
        self._centre.insertWidget(0, self.notice)
        self.desk = RaceDesk(self.form, self.race_tab, self.cluster_tab, self.toolbar, self.status, self.notifier, self)
        if not self.record:
            self.desk.settings = not_recorded
        self.files = Files(self, self.desk, self.notifier)
        self.storage_desk = StorageDesk(self, self.desk, self.status, self.notifier)
        self.plugin_desk = PluginDesk(self, self.desk, self.notifier, self.files.chooser)
        self._log_bridge = LogBridge(self.notifier)
        logging.getLogger().addHandler(self._log_bridge)
        self._fill_menus()
        self._connect()
        self.resizeDocks([self.log], [LOG_HEIGHT], Qt.Orientation.Vertical)
        self._first_layout = self.saveState(LAYOUT_VERSION)
        if self.preferences.layout is not None:
            self.restoreState(self.preferences.layout, LAYOUT_VERSION)
        self.log.hide()

    def _fill_menus(self) -> None:
        for title, ids in MENUS.items():
            menu = self._menus[title]
            menu.setToolTipsVisible(True)
            for name in ids:
                if name == "docks":
                    menu.addAction(self.form_dock.toggleViewAction())
                    menu.addAction(self.log.toggleViewAction())
                elif name:
                    menu.addAction(self.actions_by_id[name])
                else:
                    menu.addSeparator()

    def _connect(self) -> None:
        self.notifier.message.connect(self._on_message)
        self.notifier.logged.connect(self.log.add)
        self.form.changed.connect(self._form_changed)
        self.form.wants_workload_file.connect(self.files_open_workload)
        self.form.wants_cluster_file.connect(self.files_open_cluster)
        self.form.wants_new_policy.connect(self.plugin_desk.new_policy)
        self.status.wants_plugins.connect(self.plugin_desk.open_list)
        self.tabs.currentChanged.connect(self.desk.show_current)
        self.desk.state_changed.connect(self._dress_actions)
        self.desk.launched.connect(self.notice.hide)
        self.desk.runner.idle.connect(self._close_when_asked)
        self.race_tab.sorted_by.connect(self._sorted_by)
        self.toolbar.set_speed(self.preferences.speed)
        self.desk.set_speed(float(self.toolbar.speed.currentData()))

    def files_open_workload(self) -> None:
        """Ask for a workload file (the button in the form)."""
        self.files.open_workload()

    def files_open_cluster(self) -> None:
        """Ask for a cluster file (the button in the form)."""
        self.files.open_cluster()

    def paintEvent(self, event: QPaintEvent) -> None:
        """After the first paint, furnish."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.furnish)

    def furnish(self) -> None:
        """Load the plugins and make the charts."""
        from app.window.choices import remembered_spec
        from engine.errors import InputError

        self._bring_in()
        self._furnished = True
        self.plugin_desk.load()
        self.race_tab.furnish(self.preferences.sort_by)
        self.cluster_tab.furnish()
        try:
            self.form.show_spec(remembered_spec(self.preferences))
        except InputError as error:
            self.notifier.error(error, "Reading the last choices")
        self.restyle()
        self.form.lock(False)
        self.tabs.setCurrentIndex(min(self.preferences.tab, 1))
        self.storage_desk.open()
        self._dress_actions()
        self._form_changed()
        for call in self._afterwards:
            call()

    def when_furnished(self, call: Callable[[], None]) -> None:
        """Have something done once the window is ready to race."""
        self._afterwards.append(call)

    def open_settings(self) -> None:
        """Show where results are stored, and let it be changed."""
        self.storage_desk.edit()

    def open_about(self) -> None:
        """Show what this is."""
        from app.dialogs.about import AboutDialog

        AboutDialog(self).open()

    def add_to_menu(self) -> None:
        """Put SchedRace into the desktop's menu."""
        from app.launcher import add_to_menu
        from engine.errors import SchedRaceError

        try:
            path = add_to_menu()
        except SchedRaceError as error:
            self.notifier.error(error, "Adding the menu entry")
        else:
            self.notifier.tell("info", f"SchedRace is in the applications menu now ({path}).")

    def reset_layout(self) -> None:
        """Put docks and toolbar back."""
        self.restoreState(self._first_layout, LAYOUT_VERSION)
        self.form_dock.show()
        self.log.hide()

    def theme_system(self) -> None:
        """Follow the desktop."""
        self._wear("system")

    def theme_light(self) -> None:
        """Always light."""
        self._wear("light")

    def theme_dark(self) -> None:
        """Always dark."""
        self._wear("dark")

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self.theme.tokens
        for spec in ACTIONS:
            # those of the menus wait until the window stands
            if spec.icon and (self._furnished or spec.id in ON_TOOLBAR):
                self.actions_by_id[spec.id].setIcon(icon(spec.icon, tokens.text, tokens.faint))
        parts = (self.form, self.race_tab, self.cluster_tab)
        for part in (*parts, self.notice) if self._furnished else parts:
            part.restyle()
        self._dress_actions()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept CSV and TOML files."""
        if self._furnished and self.files.dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use the dropped files."""
        self.files.take(self.files.dropped(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the race, see its rows home, leave no thread."""
        if not self._furnished:
            super().closeEvent(event)
            return
        if not self.desk.runner.shut_down(CLOSING_WAIT_MS):
            self._closing = True
            self.notifier.tell(
                "warning",
                "The window cannot close yet, because a plugin has not returned from a call. It closes by itself "
                "as soon as that happens. What has finished is stored.",
            )
            event.ignore()
            return
        self.storage_desk.close()
        logging.getLogger().removeHandler(self._log_bridge)
        if self.remember:
            self._save_preferences()
        super().closeEvent(event)

    def _close_when_asked(self) -> None:
        if self._closing:
            self.close()

    def _carry_out(self) -> None:
        attrgetter(self._does[self.sender().objectName()])(self)()

    def _wear(self, choice: Choice) -> None:
        self.preferences.theme = choice
        self.actions_by_id[f"theme_{choice}"].setChecked(True)
        self.theme.apply(choice)

    def _sorted_by(self, key: str) -> None:
        self.preferences.sort_by = key

    def _on_message(self, message: Message) -> None:
        self.notice.show_message(message)
        self.log.add(message)

    def _form_changed(self) -> None:
        if not self.desk.running and self.form.enabled:
            policies = len(self.form.policies.ticked())
            self.race_tab.say(headline.ready(policies, self.form.tasks.value() or None))

    def _dress_actions(self) -> None:
        actions, tokens = self.actions_by_id, self.theme.tokens
        if not self._furnished:
            for action in actions.values():
                action.setEnabled(False)
            actions["start"].setIcon(icon("start", tokens.on_accent, tokens.faint))
            return
        actions["start"].setText(self.desk.start_title)
        name = "pause" if self.desk.start_title == "Pause" else "start"
        actions["start"].setIcon(icon(name, tokens.on_accent, tokens.faint))
        idle = not self.desk.running
        actions["start"].setEnabled(idle or self.desk.racing)
        actions["step"].setEnabled(idle or self.desk.racing)
        actions["stop"].setEnabled(self.desk.running)
        actions["finish"].setEnabled(self.desk.racing)
        actions["export"].setEnabled(idle and self.desk.raced is not None)
        for name in ("open_race", "open_workload", "save_race", "new_policy", "settings"):
            actions[name].setEnabled(idle)
        for name in ALWAYS:
            actions[name].setEnabled(True)

    def _save_preferences(self) -> None:
        from app.window.choices import keep_choices

        preferences = self.preferences
        preferences.geometry, preferences.layout = self.saveGeometry(), self.saveState(LAYOUT_VERSION)
        preferences.tab, preferences.speed = self.tabs.currentIndex(), self.desk.speed
        keep_choices(preferences, self.form)
        self._file.save(preferences)
