"""The main window: what is where, what the actions do, what is remembered, and how it closes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from app.preferences import LAYOUT_VERSION, PreferenceFile
from app.theme import Choice, Theme
from app.window.action_set import ActionSet
from app.window.status import StatusLine
from app.window.toolbar import RaceToolBar

if TYPE_CHECKING:
    from app.charts.look import Look
    from app.notify import Message
    from app.window.cluster_tab import ClusterTab
    from app.window.learning_tab import LearningTab
    from app.window.race_desk import RaceDesk
    from app.window.race_form import RaceForm
    from app.window.race_tab import RaceTab
    from app.window.verify_tab import VerifyTab
    from persistence.recording.cut_runs import CutRun

FIRST_SIZE = QSize(1280, 800)
FORM_WIDTH = 300
LOG_HEIGHT = 90
SMALLEST = QSize(900, 600)
CLOSING_WAIT_MS = 3000


class MainWindow(QMainWindow):
    """Shown bare at first, with its toolbar; after the first paint come the form and the tabs, then, with
    :meth:`furnish`, plugins and charts.

    Nothing before the first paint may touch ``Qt``: PySide makes all of its enums at the first use, and that takes a
    seventh of the time of a bare window. So it is imported where it is used, here and in what is shown first.

    Without ``remember`` the choices, and without ``record`` the results are not kept.
    """

    look: Look
    form: RaceForm
    race_tab: RaceTab
    cluster_tab: ClusterTab
    learning_tab: LearningTab
    verify_tab: VerifyTab
    desk: RaceDesk

    def __init__(self, preference_file: PreferenceFile, theme: Theme) -> None:
        super().__init__()
        self._file = preference_file
        self.preferences = preference_file.load()
        self.theme = theme
        self.theme.apply(self.preferences.theme)  # type: ignore[arg-type]
        self.remember = self.record = True
        self._painted = self._filled = self._furnished = False
        self._closing = False
        self._afterwards: list[Callable[[], None]] = []
        self._build()
        self.theme.changed.connect(self.restyle)
        self.restyle()
        if self.preferences.geometry is not None:
            self.restoreGeometry(self.preferences.geometry)

    def _build(self) -> None:
        self.setWindowTitle("SchedRace")
        self.setMinimumSize(SMALLEST)
        self.resize(FIRST_SIZE)
        self.setAcceptDrops(True)
        self.status = StatusLine()
        self.setStatusBar(self.status)
        self.action_set = ActionSet(self)
        self.action_set.by_id[f"theme_{self.theme.choice}"].setChecked(True)
        self.toolbar = RaceToolBar(self.action_set.by_id)
        self.addToolBar(self.toolbar)

    def _fill(self) -> None:
        """Make the form and the tabs, and paint them before what takes longer."""
        if self._closing:
            return
        from PySide6.QtCore import Qt

        from app.charts.look import Look
        from app.palette import Palette
        from app.window.cluster_tab import ClusterTab
        from app.window.learning_tab import LearningTab
        from app.window.race_form import RaceForm
        from app.window.race_tab import RaceTab
        from app.window.verify_tab import VerifyTab

        self.look = look = Look(self.theme, Palette())
        self.race_tab, self.cluster_tab, self.verify_tab = RaceTab(look), ClusterTab(look), VerifyTab()
        self.learning_tab = LearningTab(look)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.race_tab, "Race")
        self.tabs.addTab(self.cluster_tab, "Cluster")
        self.tabs.addTab(self.learning_tab, "Learning")
        self.tabs.addTab(self.verify_tab, "Verify")
        centre = QWidget()
        self._centre = QVBoxLayout(centre)
        self._centre.setContentsMargins(0, 0, 0, 0)
        self._centre.setSpacing(0)
        self._centre.addWidget(self.tabs, 1)
        self.setCentralWidget(centre)
        self.form = RaceForm(look)
        self.form_dock = QDockWidget("Race", self)
        self.form_dock.setObjectName("race_dock")
        self.form_dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable)
        self.form_dock.setWidget(self.form)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.form_dock)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.resizeDocks([self.form_dock], [FORM_WIDTH], Qt.Orientation.Horizontal)
        self._filled = True
        self.restyle()
        self.repaint()
        QTimer.singleShot(0, self.furnish)

    def _bring_in(self) -> None:
        """Make what nobody sees at the first paint; its modules cost as much as the window itself."""
        from PySide6.QtCore import Qt

        from app.notify import LogBridge, Notifier
        from app.window.decision_desk import DecisionDesk
        from app.window.files import Files
        from app.window.log_dock import LogDock
        from app.window.notice import NoticeBar
        from app.window.plugin_desk import PluginDesk
        from app.window.race_desk import RaceDesk, not_recorded
        from app.window.resume_desk import ResumeDesk
        from app.window.storage_desk import StorageDesk

        self.notifier = Notifier(self)
        self.log = LogDock(self)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.log)
        self.notice = NoticeBar(self.theme)
        self._centre.insertWidget(0, self.notice)
        tabs = (self.race_tab, self.cluster_tab, self.learning_tab)
        self.desk = RaceDesk(self.form, tabs, self.toolbar, self.status, self.notifier, self)
        if not self.record:
            self.desk.settings, self.status.repeats = not_recorded, True
        self.decision_desk = DecisionDesk(self, self.look, self.desk, self.learning_tab, self.notifier)
        self.files = Files(self, self.desk, self.notifier)
        self.storage_desk = StorageDesk(self, self.desk, self.status, self.notifier)
        self.resume_desk = ResumeDesk(self, self.theme, self.desk, self.notifier)
        self._centre.insertWidget(1, self.resume_desk.bar)
        self.plugin_desk = PluginDesk(self, self.desk, self.notifier, self.files.chooser)
        self._log_bridge = LogBridge(self.notifier)
        logging.getLogger().addHandler(self._log_bridge)
        self.action_set.fill_menus([self.form_dock.toggleViewAction(), self.log.toggleViewAction()])
        self._connect()
        self.resizeDocks([self.log], [LOG_HEIGHT], Qt.Orientation.Vertical)
        self._first_layout = self.saveState(LAYOUT_VERSION)
        if self.preferences.layout is not None:
            self.restoreState(self.preferences.layout, LAYOUT_VERSION)
        self.log.hide()

    def _connect(self) -> None:
        self.notifier.message.connect(self._on_message)
        self.notifier.logged.connect(self.log.add)
        self.form.changed.connect(self._form_changed)
        self.form.wants_workload_file.connect(self.files_open_workload)
        self.form.wants_cluster_file.connect(self.files_open_cluster)
        self.form.wants_new_policy.connect(self.plugin_desk.new_policy)
        self.status.wants_plugins.connect(self.plugin_desk.open_list)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.desk.state_changed.connect(self._dress_actions)
        self.desk.launched.connect(self.notice.hide)
        self.storage_desk.found_cut.connect(self._offer_cut_runs)
        self.desk.runner.idle.connect(self._close_when_asked)
        self.verify_tab.idle.connect(self._close_when_asked)
        self.decision_desk.idle.connect(self._close_when_asked)
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
        """After the first paint, make what is inside."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._fill)

    def furnish(self) -> None:
        """Load the plugins and make the charts."""
        if self._closing:
            return
        from app.window.choices import remembered_spec
        from engine.errors import InputError

        self._bring_in()
        self._furnished = True
        self.plugin_desk.load()
        self.race_tab.furnish(self.preferences.sort_by)
        self.cluster_tab.furnish()
        self.learning_tab.furnish()
        verify_data = self.preferences.verify_data
        self.verify_tab.furnish(self.theme, lambda: self.desk.registry, self.notifier, self.files.chooser, verify_data)
        try:
            self.form.show_spec(remembered_spec(self.preferences))
        except InputError as error:
            self.notifier.error(error, "Reading the last choices")
        self.restyle()
        self.form.lock(False)
        self.tabs.setCurrentIndex(min(self.preferences.tab, self.tabs.count() - 1))
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
        if self._filled:
            for part in (self.form, self.race_tab, self.cluster_tab, self.learning_tab):
                part.restyle()
        if self._furnished:
            self.notice.restyle()
            self.resume_desk.bar.restyle()
            self.decision_desk.restyle()
        self.action_set.restyle(self.theme.tokens, self.desk if self._furnished else None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        if self._furnished and self.files.dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use the dropped files."""
        self.files.take(self.files.dropped(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the race, see its rows home, leave no thread."""
        if not self._furnished:
            self._closing = True  # and nothing more is made
            super().closeEvent(event)
            return
        ended = [part.shut_down(CLOSING_WAIT_MS) for part in (self.verify_tab, self.decision_desk, self.desk.runner)]
        if not all(ended):
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

    def _tab_changed(self) -> None:
        self.desk.screen.show_current()
        if self.tabs.currentWidget() is self.verify_tab:
            self.verify_tab.list_cases()

    def _dress_actions(self) -> None:
        self.action_set.dress(self.theme.tokens, self.desk)

    def _wear(self, choice: Choice) -> None:
        self.preferences.theme = choice
        self.action_set.by_id[f"theme_{choice}"].setChecked(True)
        self.theme.apply(choice)

    def _sorted_by(self, key: str) -> None:
        self.preferences.sort_by = key

    def _offer_cut_runs(self, cut: Sequence[CutRun]) -> None:
        if self.remember:  # somebody is there to decide
            self.resume_desk.offer(cut)

    def _on_message(self, message: Message) -> None:
        self.notice.show_message(message)
        self.log.add(message)

    def _form_changed(self) -> None:
        from app import headline

        if not self.desk.running and self.form.enabled:
            policies = len(self.form.policies.ticked())
            self.race_tab.say(headline.ready(policies, self.form.tasks.value() or None))

    def _save_preferences(self) -> None:
        from app.window.choices import keep_choices

        preferences = self.preferences
        preferences.geometry, preferences.layout = self.saveGeometry(), self.saveState(LAYOUT_VERSION)
        preferences.tab, preferences.speed = self.tabs.currentIndex(), self.desk.speed
        preferences.verify_data = self.verify_tab.data
        keep_choices(preferences, self.form)
        self._file.save(preferences)
