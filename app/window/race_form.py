"""What races: workload, cluster, numbers and policies. A form over a RaceSpec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.charts.look import Look
from app.icons import icon
from app.window.drift_field import DriftField
from app.window.policies import choices
from app.window.policy_list import PolicyList
from app.window.sources import cluster_summary, workload_summary
from app.window.warm_field import WarmField
from app.window.weights_fields import WeightsFields

if TYPE_CHECKING:
    from engine.spec import RaceSpec
    from plugins.registry import Registry

AS_GIVEN = 0
"""In the fields of tasks and load: what the workload itself says."""
MOST_TASKS = 10_000_000
LARGEST_SEED = 2**31 - 1
NumberField = TypeVar("NumberField", QSpinBox, QDoubleSpinBox)


class RaceForm(QScrollArea):
    """The left dock. ``changed`` after every change of what would race."""

    changed = Signal()
    wants_workload_file = Signal()
    wants_cluster_file = Signal()
    wants_new_policy = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._registry: Registry | None = None
        self._base: RaceSpec | None = None
        self._brought = ""  # the cluster that came with the workload's file
        self.enabled = False
        """Whether there is something to choose from: false until :meth:`furnish`."""
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(290)
        self._make_fields()
        self._lay_out()
        self._connect()
        self.lock(True)

    def _make_fields(self) -> None:
        self.workload, self.workload_file = (
            QComboBox(),
            _file_button("Choose a file of tasks: a CSV, a job log, a task graph, …"),
        )
        self.workload.setObjectName("workload")
        self.workload_about = _about()
        self.cluster, self.cluster_file = QComboBox(), _file_button("Choose a cluster file (TOML)")
        self.cluster.setObjectName("cluster")
        self.cluster_about = _about()
        self.tasks = _number_field(QSpinBox(), "tasks", MOST_TASKS, "all of them")
        self.tasks.setToolTip("<p>How many tasks race. 0: as many as the workload has by itself.</p>")
        self.load = _number_field(QDoubleSpinBox(), "load", 99.0, "as given")
        self.load.setDecimals(2)
        self.load.setSingleStep(0.1)
        self.load.setToolTip(
            "<p>Load: how fast tasks arrive, as a share of the largest rate that any schedule could sustain on this "
            "cluster. 1.0 is the edge of the possible. 0: as the workload says.</p>"
        )
        self.seed = _number_field(QSpinBox(), "seed", LARGEST_SEED, "")
        self.seed.setToolTip(
            "<p>The seed of all randomness: the same choices and the same seed give the same race.</p>"
        )
        self.drift = DriftField()
        self.warm = WarmField()
        self.weights = WeightsFields()
        self.policies = PolicyList(self._look)
        self.waiting = _about("Looking for policies …")
        self.new_policy = QPushButton("+ own policy")
        self.new_policy.setObjectName("link")
        self.new_policy.setToolTip(
            "<p>Writes a working, commented policy into the plugins folder for you to change, and lists it here.</p>"
        )

    def _lay_out(self) -> None:
        panel = QWidget()
        panel.setObjectName("panel")
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(6)
        layout.addWidget(_section("Workload"))
        layout.addLayout(_side_by_side(self.workload, self.workload_file))
        layout.addWidget(self.workload_about)
        layout.addSpacing(6)
        layout.addWidget(_section("Cluster"))
        layout.addLayout(_side_by_side(self.cluster, self.cluster_file))
        layout.addWidget(self.cluster_about)
        layout.addSpacing(6)
        numbers = QGridLayout()
        numbers.setHorizontalSpacing(10)
        numbers.setVerticalSpacing(4)
        for column, (title, field) in enumerate((("Tasks", self.tasks), ("Load", self.load), ("Seed", self.seed))):
            numbers.addWidget(_section(title), 0, column)
            numbers.addWidget(field, 1, column)
            numbers.setColumnStretch(column, 1)
        layout.addLayout(numbers)
        layout.addSpacing(6)
        layout.addWidget(_section("Drift"))
        layout.addWidget(self.drift)
        layout.addWidget(self.warm)
        layout.addWidget(self.weights)
        layout.addSpacing(8)
        head = QHBoxLayout()
        head.addWidget(_section("Policies"), 1)
        head.addWidget(self.new_policy)
        layout.addLayout(head)
        layout.addWidget(self.waiting)
        layout.addWidget(self.policies)
        layout.addStretch(1)
        self.setWidget(panel)

    def _connect(self) -> None:
        self.workload.currentIndexChanged.connect(self._workload_changed)
        self.cluster.currentIndexChanged.connect(self._cluster_changed)
        self.tasks.valueChanged.connect(self.changed)
        self.load.valueChanged.connect(self.changed)
        self.seed.valueChanged.connect(self.changed)
        self.drift.currentIndexChanged.connect(self.changed)
        self.warm.toggled.connect(self.changed)
        self.weights.changed.connect(self.changed)
        self.policies.changed.connect(self.changed)
        self.workload_file.clicked.connect(self.wants_workload_file)
        self.cluster_file.clicked.connect(self.wants_cluster_file)
        self.new_policy.clicked.connect(self.wants_new_policy)

    def furnish(self, registry: Registry, clusters: Sequence[str]) -> None:
        """Offer what the registry has; what is chosen already stays chosen (also after a rescan)."""
        spec = self._chosen() if self._registry is not None and self.policies.ticked() else self._base
        ticked = self.policies.ticked()
        self._registry, self.enabled = registry, True
        self.waiting.hide()
        for name, plugin in registry.workloads.items():
            if not plugin.reads_files:
                _offer(self.workload, name, name, plugin.explanation or plugin.summary)
        for name in clusters:
            _offer(self.cluster, name, name, "A preset that comes with SchedRace")
        self.policies.show_choices(choices(registry, spec), ticked)
        self.restyle()

    def show_spec(self, spec: RaceSpec) -> None:
        """Fill the form from a spec; parameters and labels are kept for :meth:`spec`."""
        self._base = spec
        self.choose_workload(spec.workload)
        if Path(spec.workload).suffix:
            self.bring_cluster(spec.cluster)
        else:
            self.choose_cluster(spec.cluster)
        self.tasks.setValue(spec.tasks or AS_GIVEN)
        self.load.setValue(spec.load or AS_GIVEN)
        self.seed.setValue(min(spec.seed, LARGEST_SEED))
        self.drift.show_drift(spec.drift)
        self.warm.show_file(spec.warm_start)
        self.weights.show_weights(spec.weights)
        if self._registry is not None:
            self.policies.show_choices(choices(self._registry, spec), [lane.shown for lane in spec.schedulers])
        self.changed.emit()

    def spec(self) -> RaceSpec:
        """Return what would race now; raises InputError when nothing is ticked or all weights are 0."""
        return replace(self._chosen(), weights=self.weights.weights())

    def _chosen(self) -> RaceSpec:
        """Return the spec but for its weights."""
        from engine.spec import RaceSpec, SchedulerSpec

        base = self._base or RaceSpec()
        known = {lane.shown: lane for lane in base.schedulers}
        same_workload = self.workload.currentData() == base.workload
        return replace(
            base,
            workload=self.workload.currentData() or base.workload,
            workload_params=base.workload_params if same_workload else {},
            cluster=self.cluster.currentData() or base.cluster,
            schedulers=tuple(known.get(name, SchedulerSpec(name)) for name in self.policies.ticked()),
            seed=self.seed.value(),
            tasks=self.tasks.value() or None,
            load=round(self.load.value(), 4) or None,
            drift=self.drift.drift(),
            warm_start=self.warm.file,
        )

    def choose_workload(self, name: str) -> None:
        """Choose a workload: a generator's name, a file, or ``NAME:FILE``."""
        _offer(self.workload, Path(name).name if Path(name).suffix else name, name, name)
        self.workload.setCurrentIndex(self.workload.findData(name))

    def choose_cluster(self, name: str) -> None:
        """Choose a cluster: a preset or a file."""
        _offer(self.cluster, Path(name).name if Path(name).suffix else name, name, name)
        self.cluster.setCurrentIndex(self.cluster.findData(name))

    def bring_cluster(self, name: str) -> None:
        """Choose the cluster that the chosen workload's file names; it leaves with that workload."""
        self.choose_cluster(name)
        self._brought = name

    def say_workload(self, text: str) -> None:
        """Replace the line under the workload by what is known since it was read."""
        self.workload_about.setText(text)

    def lock(self, locked: bool) -> None:
        """Forbid or allow changes: a race that runs is not edited."""
        for field in (
            self.workload, self.workload_file, self.cluster, self.cluster_file,
            self.tasks, self.load, self.seed, self.drift, self.warm, self.new_policy,
        ):  # fmt: skip
            field.setEnabled(not locked)
        self.weights.lock(locked)
        self.policies.lock(locked)

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._look.tokens
        for button in (self.workload_file, self.cluster_file):
            button.setIcon(icon("folder", tokens.muted, tokens.faint))
        self.policies.restyle()

    def _workload_changed(self) -> None:
        from engine.spec import RaceSpec

        name = self.workload.currentData() or ""
        if self._brought and self._brought == self.cluster.currentData():
            self.choose_cluster(RaceSpec().cluster)  # what the command would race it on
        self._brought = ""
        is_default = name == "synthetic"
        if self._registry is not None:
            self.workload_about.setText(workload_summary(name, self._registry))
            self.tasks.setValue(2000 if is_default else AS_GIVEN)
            self.load.setValue(0.8 if is_default else AS_GIVEN)
        self.warm.forget_file()
        self.changed.emit()

    def _cluster_changed(self) -> None:
        if self._registry is not None:
            self.cluster_about.setText(cluster_summary(self.cluster.currentData() or ""))
        self.warm.forget_file()
        self.changed.emit()


def _offer(box: QComboBox, text: str, name: str, tip: str) -> None:
    if box.findData(name) < 0:
        box.addItem(text, name)
        box.setItemData(box.count() - 1, f"<p>{tip}</p>", Qt.ItemDataRole.ToolTipRole)


def _section(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("section")
    return label


def _about(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    label.setWordWrap(True)
    return label


def _file_button(tip: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


def _side_by_side(box: QComboBox, button: QToolButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    box.setMinimumContentsLength(8)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    row.addWidget(box, 1)
    row.addWidget(button)
    return row


def _number_field(field: NumberField, name: str, most: float, as_given: str) -> NumberField:
    field.setObjectName(name)
    field.setMaximum(most)  # type: ignore[arg-type]
    field.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    field.setGroupSeparatorShown(name == "tasks")
    field.setMinimumWidth(60)
    field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    field.lineEdit().setTextMargins(5, 0, 0, 0)
    if as_given:
        field.setSpecialValueText(as_given)
    return field
