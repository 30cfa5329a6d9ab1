"""The offer to go on with a race that was cut: a bar above the tabs, which keeps nobody from doing something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.icons import icon, pixmap
from app.notify import Notifier
from app.theme import Theme
from app.window.race_desk import RaceDesk
from app.worker import Errand
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from persistence.recording.cut_runs import CutRun


class CutRunBar(QFrame):
    """One sentence and what may be done about it; hidden until there is something to offer."""

    wants_resume = Signal()
    wants_keep = Signal()
    wants_quiet = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("notice")
        self._sign, self.text = QLabel(), QLabel()
        self.text.setWordWrap(True)
        self.resume, self.keep = QPushButton("Resume"), QPushButton("Keep as it is")
        self.resume.setToolTip(
            "<p>Races it once more from its start at full speed, compares every row with what is recorded, and goes on "
            "from there: the results are the same as if it had not been cut.</p>"
        )
        self.keep.setToolTip("<p>It stays interrupted. What is recorded stays usable, and it is not offered again.</p>")
        self.later = QToolButton()
        self.later.setObjectName("quiet")
        self.later.setToolTip("Not now: it is offered again at the next start")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(self._sign)
        layout.addWidget(self.text, 1)
        for button in (self.resume, self.keep, self.later):
            layout.addWidget(button)
        self.resume.clicked.connect(self.wants_resume)
        self.keep.clicked.connect(self.wants_keep)
        self.later.clicked.connect(self.wants_quiet)
        self.hide()

    def show_offer(self, sentence: str) -> None:
        """Show what was cut."""
        self.text.setText(sentence)
        self.restyle()
        self.show()

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._theme.tokens
        self._sign.setPixmap(pixmap("info", tokens.accent, 20))
        self.later.setIcon(icon("close", tokens.muted))


class ResumeDesk(QObject):
    """Offers the cut runs one after the other, the newest first."""

    def __init__(self, window: QWidget, theme: Theme, desk: RaceDesk, notifier: Notifier) -> None:
        super().__init__(window)
        self._desk, self._notifier = desk, notifier
        self._cut: list[CutRun] = []
        self.bar = CutRunBar(theme)
        self.bar.wants_resume.connect(self.resume)
        self.bar.wants_keep.connect(self.keep)
        self.bar.wants_quiet.connect(self.leave)
        desk.launched.connect(self.bar.hide)
        desk.over.connect(self._look_again)

    def offer(self, cut: Sequence[CutRun]) -> None:
        """Offer the first of these runs, unless something races."""
        from app.resumption import offer

        self._cut = list(cut)
        if not self._cut or self._desk.running:
            self.bar.hide()
            return
        more = f" {len(self._cut) - 1:,} more before it." if len(self._cut) > 1 else ""
        self.bar.show_offer(offer(self._cut[0]) + more)

    def resume(self) -> None:
        """Go on with the run that is offered; the form shows what it races."""
        from app.resumption import spec_of

        cut = self._cut[0]
        try:
            spec = spec_of(cut)
        except SchedRaceError as error:
            self._notifier.error(error, "Resuming the race")
            return
        self._desk.form.show_spec(spec)
        self._desk.resume(cut, spec)

    def keep(self) -> None:
        """Leave the run that is offered as it is, for good."""
        from persistence.recording.cut_runs import keep_as_it_is

        cut = self._cut.pop(0)
        try:
            keep_as_it_is(cut.folder.parent, cut.run)
        except SchedRaceError as error:
            self._notifier.error(error, "Keeping the run as it is")
        else:
            self._notifier.note(f"The run {cut.run} stays interrupted, with its rows.")
        self.offer(self._cut)

    def leave(self) -> None:
        """Offer nothing before the next start."""
        self.offer(())

    def _look_again(self) -> None:
        """One that was stopped again, or could not go on, is offered again, and the others that were cut."""
        if not self._cut:
            return
        self._cut = []
        from persistence.recording.cut_runs import cut_runs

        settings = self._desk.settings
        errand = Errand(lambda: cut_runs(settings().runs_dir), self)
        errand.answered.connect(self.offer)
        errand.start()
