"""The Verify page: published results, re-run on the user's machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.window.elided_label import ElidedLabel
from engine.errors import Cancelled

if TYPE_CHECKING:
    from app.notify import Notifier
    from app.theme import Theme
    from app.verify.case import Case
    from app.verify.running import Outcome
    from app.window.file_chooser import FileChooser
    from app.window.verify_model import VerifyModel
    from plugins.registry import Registry

ROW_PX = 26
WIDTHS_PX = (76, 300, 180, 130, 60)
LEAST_CASE_PX, LEAST_SOURCE_PX = 150, 60
"""In a narrow window the names of cases give way, so that what came is seen beside what was expected."""
EXPLAINED = (
    "Each case is a race whose result was published, run here by the same engine and the same policies as every race. "
    "Some need a trace that is not ours to ship: choose the folder that you keep such files in."
)


class _Verification(QThread):
    """Runs the cases; ``came`` with each outcome, ``failed`` with what was not foreseen."""

    came = Signal(object)
    failed = Signal(object)

    def __init__(self, cases: list[Case], data: Path | None, registry: Registry, parent: QObject) -> None:
        super().__init__(parent)
        self._cases, self._data, self._registry = cases, data, registry
        self.cancelled = False

    def run(self) -> None:
        """Run until the last case or until :attr:`cancelled`."""
        from app.verify.running import run_cases

        try:
            for outcome in run_cases(self._cases, self._data, self._registry, self._go_on):
                self.came.emit(outcome)
        except Cancelled:
            pass
        except Exception as error:
            self.failed.emit(error)

    def _go_on(self, share: float) -> None:
        if self.cancelled:
            raise Cancelled("The verification was stopped.")


class VerifyTab(QWidget):
    """Lists the cases, runs them, shows what came of each. ``data`` is the folder with traces, '' for none."""

    idle = Signal()
    """No case runs any more."""
    model: VerifyModel

    def __init__(self) -> None:
        super().__init__()
        self.data = ""
        self._runner: _Verification | None = None
        self._registry: Callable[[], Registry]
        self.finding = ElidedLabel("Published results", "cardTitle")
        explained = QLabel(EXPLAINED)
        explained.setObjectName("muted")
        explained.setWordWrap(True)
        self.run_button, self.folder_button = QPushButton("Run all cases"), QPushButton("Folder with traces…")
        self.run_button.setObjectName("primary")
        self.folder, self.progress = ElidedLabel("", "muted"), QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(160)
        self.progress.hide()
        self.table = QTableView()
        self._lay_out(explained)
        self.setEnabled(False)

    def _lay_out(self, explained: QLabel) -> None:
        card = QFrame()
        card.setObjectName("card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 9, 10, 10)
        inside.setSpacing(6)
        inside.addWidget(self.finding)
        inside.addWidget(explained)
        line = QHBoxLayout()
        line.setSpacing(8)
        for widget in (self.run_button, self.folder_button):
            line.addWidget(widget)
        line.addWidget(self.folder, 1)
        line.addWidget(self.progress)
        inside.addLayout(line)
        inside.addWidget(self.table, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(card)

    def furnish(
        self, theme: Theme, registry: Callable[[], Registry], notifier: Notifier, chooser: FileChooser, data: str
    ) -> None:
        """Bring the page to life; the cases are read when it is first seen."""
        from app.window.verify_model import VerifyModel

        self.model, self._registry, self._notifier, self._chooser = VerifyModel(theme), registry, notifier, chooser
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(WIDTHS_PX):
            header.resizeSection(column, width)
        self.run_button.clicked.connect(self.toggle)
        self.folder_button.clicked.connect(self.choose_folder)
        self._say_folder(data)
        self.setEnabled(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        most = WIDTHS_PX[1]
        room = self.table.viewport().width() - (sum(WIDTHS_PX) - most) - LEAST_SOURCE_PX
        self.table.horizontalHeader().resizeSection(1, min(max(room, LEAST_CASE_PX), most))

    def list_cases(self) -> None:
        """Show the cases, if that has not been done."""
        from app.verify.published import published_cases

        if not self.model.cases:
            self.model.show_cases(published_cases())
            self.finding.set_whole(f"{len(self.model.cases)} published results to compare with")

    @property
    def running(self) -> bool:
        """Whether cases are being run."""
        return self._runner is not None

    def toggle(self) -> None:
        """Run all cases, or stop."""
        if self._runner is not None:
            self._runner.cancelled = True
            self.run_button.setEnabled(False)
            return
        self.list_cases()
        self.model.begin()
        self.progress.setRange(0, len(self.model.cases))
        self.progress.setValue(0)
        self.progress.show()
        self.run_button.setText("Stop")
        self.folder_button.setEnabled(False)
        self.finding.set_whole("Running …")
        self._runner = _Verification(self.model.cases, self._folder(), self._registry(), self)
        self._runner.came.connect(self._came)
        self._runner.failed.connect(self._failed)
        self._runner.finished.connect(self._ended)
        self._runner.start()

    def choose_folder(self) -> None:
        """Ask for the folder with traces."""
        folder = self._chooser.folder(self, "Folder with traces")
        if folder is not None:
            self._say_folder(str(folder))

    def shut_down(self, wait_ms: int) -> bool:
        """Stop; return whether the thread has ended in time."""
        if self._runner is None:
            return True
        self._runner.cancelled = True
        return self._runner.wait(wait_ms)

    def _folder(self) -> Path | None:
        """Return the chosen folder; None while there is none, or its disk is away."""
        return Path(self.data) if self.data and Path(self.data).is_dir() else None

    def _say_folder(self, data: str) -> None:
        self.data = data
        missing = f"'{data}' is not there now" if data else "No folder chosen"
        self.folder.set_whole(data if self._folder() else f"{missing}: cases that need a trace will say 'no data'.")

    def _came(self, outcome: Outcome) -> None:
        self.model.add(outcome)
        self.progress.setValue(len(self.model.outcomes))
        self.table.scrollTo(self.model.index(max(self.model.running, 0), 0))

    def _failed(self, error: BaseException) -> None:
        self._notifier.error(error, "Verifying")

    def _ended(self) -> None:
        assert self._runner is not None
        self._runner.deleteLater()
        self._runner = None
        self.model.end()
        self.progress.hide()
        self.run_button.setText("Run all cases")
        self.run_button.setEnabled(True)
        self.folder_button.setEnabled(True)
        self.finding.set_whole(finding(self.model.outcomes, len(self.model.cases)))
        self.idle.emit()


def finding(outcomes: list[Outcome], cases: int) -> str:
    """Return what came of it, in a sentence."""
    count = {status: sum(o.status == status for o in outcomes) for status in ("pass", "fail", "no data")}
    compared = count["pass"] + count["fail"]
    if count["fail"]:
        text = f"{count['fail']} of {compared} published results did not come out"
    else:
        text = f"All {compared} published results came out" if compared else "Nothing could be compared"
    if count["no data"]:
        text += f"; {count['no data']} without data"
    return text + (f"; stopped after {len(outcomes)} of {cases} cases." if len(outcomes) < cases else ".")
