"""One task of the last race: what each policy knew, believed and chose, and what would have been best."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.charts.look import Look
from app.decision_findings import (
    DEVICE_COLUMNS,
    POLICY_COLUMNS,
    Cell,
    about_task,
    by_response,
    device_cells,
    devices_in_order,
    findings,
    policy_cells,
    served_best,
    task_title,
)
from app.dialogs.decision_table import CellModel, CellTable
from app.window.elided_label import ElidedLabel
from app.window.widgets import Card, column

if TYPE_CHECKING:
    from app.reliving import Account
    from app.worker import Ended

FIRST_SIZE, SMALLEST = (980, 660), (860, 440)
MOST_ROWS = 8
HEADER_PX = 32
STEPS = 1000
EXPLAINED = "All seconds are counted from its arrival."
STOPPED = " The race was stopped before its end; what had not happened by then is what would have followed."
WAITING = "Each policy is raced once more, until this task has finished."


class DecisionDialog(QDialog):
    """Empty at first; :meth:`add` fills it as the accounts come. ``left`` when nobody looks any more, ``cancelled``
    when no more are wanted."""

    left = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget, look: Look) -> None:
        super().__init__(parent)
        self.setMinimumSize(*SMALLEST)
        self.resize(*FIRST_SIZE)
        self._look = look
        self._ended: Ended | None = None
        self._accounts: list[Account] = []
        self._waiting: list[str] = []
        self._shown: list[str] = []
        self._chosen = ""
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setObjectName("muted")
        self.policies = CellTable(CellModel(look, POLICY_COLUMNS, texts=(0, 5, 6)), wide=6)
        self.devices = CellTable(CellModel(look, DEVICE_COLUMNS, texts=(0,)), wide=0)
        self.policies.selectionModel().currentRowChanged.connect(self._choose)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.best_card, self.policy_card = Card("Who served it best", ""), Card("", WAITING)
        self.best_card.hold(self.policies)
        self.best_card.begin()
        self.best_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.policy_card.hold(column(self.words, self.devices, growing=self.devices))
        self.progress, self.doing = QProgressBar(), ElidedLabel("", "muted")
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(160)
        self.progress.setRange(0, STEPS)
        self.cancel, self.close_button = QPushButton("Cancel"), QPushButton("Close")
        self.cancel.clicked.connect(self.cancelled)
        self.close_button.clicked.connect(self.close)
        self.close_button.setDefault(True)
        self.cancel.setAutoDefault(False)
        self._lay_out()

    def _lay_out(self) -> None:
        bottom = QHBoxLayout()
        bottom.setSpacing(10)
        for widget in (self.progress, self.cancel):
            bottom.addWidget(widget)
        bottom.addWidget(self.doing, 1)
        bottom.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        layout.addWidget(self.about)
        layout.addWidget(self.best_card)
        layout.addWidget(self.policy_card, 1)
        layout.addLayout(bottom)

    def begin(self, ended: Ended, task: int) -> None:
        """Show a task of a race of which nothing is known yet."""
        workload = ended.prepared.workload
        self._ended, self._accounts, self._chosen = ended, [], ""
        self._waiting = [lane.label for lane in ended.prepared.lanes]
        self.setWindowTitle(task_title(workload, task))
        stopped = any(row.status == "stopped" for row in ended.result.rows)
        self.about.setText(f"{about_task(workload, task)} {EXPLAINED}{STOPPED if stopped else ''}")
        self.best_card.title.set_whole("Who served it best")
        self.policy_card.clear()
        self.progress.setValue(0)
        for widget in (self.progress, self.cancel):
            widget.show()
        rows = min(len(self._waiting), MOST_ROWS)
        self.policies.setFixedHeight(HEADER_PX + rows * self.policies.verticalHeader().defaultSectionSize())
        self._show_policies()

    def tell(self, policy: str, share: float) -> None:
        """Show which policy is raced again now, and how much is done."""
        self.doing.set_whole(f"Racing {policy} once more …")
        self.progress.setValue(round(STEPS * share))

    def add(self, account: Account) -> None:
        """Show what one more policy did."""
        self._accounts.append(account)
        self._waiting.remove(account.scheduler)
        self.best_card.title.set_whole(served_best(self._accounts))
        self._show_policies()

    def end(self, cancelled: bool) -> None:
        """No more accounts come."""
        for widget in (self.progress, self.cancel):
            widget.hide()
        self.doing.set_whole("Stopped: the policies without figures were not raced again." if cancelled else "")

    def paint_now(self) -> None:
        """Paint what changed, at once: what is raced again waits meanwhile."""
        self.repaint()

    def restyle(self) -> None:
        """Wear the theme in use."""
        self._show_policies()

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that nobody looks any more, unless it was only put aside with the window."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.left.emit()

    def _show_policies(self) -> None:
        accounts, rows = by_response(self._accounts), []
        best_s = min((a.decision.response_s for a in accounts if a.decision is not None), default=0.0)
        for account in accounts:
            decision = account.decision
            if decision is None:
                rows.append([Cell(account.scheduler, strong=True, dot=account.scheduler), Cell("–")])
            else:
                assert self._ended is not None, "nothing is added before begin()"
                devices = self._ended.prepared.cluster.devices
                rows.append(policy_cells(decision, devices, decision.response_s <= best_s))
        rows += [[Cell(name, strong=True, dot=name), Cell("…")] for name in self._waiting]
        self._shown = [account.scheduler for account in accounts]
        chosen = self._chosen
        model = self.policies.model()
        assert isinstance(model, CellModel)
        model.show_rows(len(rows), rows.__getitem__)
        if self._shown:
            self.policies.selectRow(self._shown.index(chosen) if chosen in self._shown else 0)
            self._chosen = chosen  # the first is shown until somebody has chosen

    def _choose(self) -> None:
        row = self.policies.currentIndex().row()
        if not 0 <= row < len(self._shown):
            return
        self._chosen = self._shown[row]
        account = next(a for a in self._accounts if a.scheduler == self._chosen)
        if account.decision is None:
            self.policy_card.empty.setText(account.problem)
            self.policy_card.clear()
        else:
            assert self._ended is not None, "nothing is added before begin()"
            prepared, decision = self._ended.prepared, account.decision
            told = findings(decision, prepared.workload, prepared.cluster)
            self.words.setText("".join(f"<p style='margin: 0 0 4px 0'>{escape(text)}</p>" for text in told))
            model = self.devices.model()
            assert isinstance(model, CellModel)
            devices, in_order = prepared.cluster.devices, devices_in_order(decision)
            model.show_rows(len(devices), lambda row: device_cells(decision, devices, in_order[row]))
            self.policy_card.begin()
        self.policy_card.title.set_whole(f"What {self._chosen} saw")
