"""The contract of a storage, and which storage the settings mean."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.errors import InputError, did_you_mean
from persistence.errors import StorageError, StorageImpossible
from persistence.problem_file import keep_problem
from persistence.run import RunHeader
from persistence.settings import StorageSettings, file_that_asks_for

RESULT = "result"
CLEANED_UP = "cleaned_up"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a storage did with a chunk of rows: ``rows`` it now holds, ``rejected`` ones that it refuses for ever, each
    with the reason."""

    rows: int
    rejected: tuple[tuple[bytes, str], ...] = ()


class StoragePlugin:
    """A storage consumes the bytes of the journals, and remembers in the same transaction how far it has got.

    Rows are CSV lines as ``persistence.schema`` lists their columns (without ``run``). One instance is used by one
    thread; several instances may work at once, also from several processes. Every call raises :class:`StorageError` (a
    sentence) when it cannot be done now, after which :meth:`connect` is called again, or :class:`StorageImpossible`.
    No call may block for more than a few seconds.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    """One sentence for the settings."""
    is_journal: ClassVar[bool] = False
    """Whether the journal itself is the storage: its rows go nowhere, and need not be durable before that."""

    def __init__(self, settings: StorageSettings) -> None:
        self.settings = settings

    @property
    def kind(self) -> str:
        """What is shown as the kind of storage, once connected."""
        return self.name

    @property
    def where(self) -> str:
        """Where the rows are, for a person; never a password."""
        raise NotImplementedError

    def connect(self) -> None:
        """Connect, or connect again, and make the storage ready (create or migrate its tables)."""
        raise NotImplementedError

    def offsets(self) -> Mapping[str, Mapping[str, int]]:
        """Return for each known run and table up to which byte its journal has arrived; under ``RESULT`` 2 when the
        run's result is stored, 1 when it is known to be interrupted, and ``CLEANED_UP`` when it shall not come back."""
        raise NotImplementedError

    def begin(self, header: RunHeader) -> Mapping[str, int] | None:
        """Make a run known, if it is not, and return its :meth:`offsets`; None for a run that was cleaned up.

        Called before the first :meth:`take`.
        """
        raise NotImplementedError

    def bring_back(self, run: str) -> None:
        """Let a run that was cleaned up be recorded again from its first row on; nothing happens to any other.

        For storages that remember what was cleaned up; others need not listen.
        """

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        """Store whole lines of one table and, in the same transaction, that the journal has arrived up to byte ``end``.

        Rows that are there already are left alone, so that a replay doubles nothing. ``end`` may be less than before: a
        journal that lost its end comes again.
        """
        raise NotImplementedError

    def stands_at(self, run: str, step: int, clock_s: float) -> None:
        """Hear that a running race has finished ``step`` tasks, all schedulers together, by the simulated second.

        For storages that want to say later where a race was cut; it may be kept until the next :meth:`take`. Others
        need not listen.
        """

    def finish(self, run: str, result: Mapping[str, Any] | None) -> None:
        """Store a run's result (``result.json`` of its journal); None: it was interrupted. May be called again."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connection; never raises."""


class Storage:
    """The storage of this process. ``kind`` is what works: ``csv`` while the wanted one has never answered.

    ``problem`` is the sentence that says why it does not answer now, else None. Thread-safe.
    """

    def __init__(self, settings: StorageSettings, plugin: type[StoragePlugin] | None, why: str) -> None:
        self.settings = settings
        self.plugin = plugin
        self._why = why
        self._lock = threading.Lock()
        self._answered: StoragePlugin | None = None
        self._problem: str | None = None

    @property
    def kind(self) -> str:
        """``none``, ``csv``, ``postgresql``, ``postgresql-embedded`` or what a plugin calls itself."""
        if self.plugin is None:
            return "none"
        return self._answered.kind if self._answered else "csv"

    @property
    def answered(self) -> bool:
        """Whether the wanted storage has ever answered."""
        return self._answered is not None

    @property
    def where(self) -> str:
        """Where the rows are, for a person."""
        if self.plugin is None:
            return ""
        return self._answered.where if self._answered else str(self.settings.runs_dir)

    @property
    def why(self) -> str:
        """Why this storage and not another one."""
        with self._lock:
            if self._answered is None and self._problem:
                return self._problem
            return self._why

    @property
    def problem(self) -> str | None:
        """Why the storage does not answer at the moment, or None."""
        with self._lock:
            return self._problem

    def connect(self) -> StoragePlugin:
        """Return a connected instance for the calling thread; raises :class:`StorageError`."""
        if self.plugin is None:
            raise StorageImpossible("Nothing is stored, as asked for (storage 'none').")
        try:
            instance = self._connected(self.plugin)
        except StorageError as error:
            self.note(str(error))
            raise
        with self._lock:
            self._answered, self._problem = instance, None
        return instance

    def _connected(self, plugin: type[StoragePlugin]) -> StoragePlugin:
        try:
            instance = plugin(self.settings)
            try:
                instance.connect()
            except BaseException:
                instance.close()
                raise
        except StorageError:
            raise
        except Exception as error:  # a defect in a stranger's plugin must not take the race with it
            raise StorageError(
                f"The storage '{plugin.name}' failed to connect: {error!r}. Rows are kept in the journal."
            ) from error
        return instance

    def note(self, problem: str | None) -> None:
        """Remember why the storage does not answer (None: it does)."""
        with self._lock:
            new = problem is not None and problem != self._problem
            self._problem = problem
        if problem is not None and new:
            keep_problem(self.settings.data_dir, problem)


def open_storage(settings: StorageSettings, plugins: Mapping[str, type[StoragePlugin]]) -> Storage:
    """Return the storage that the settings ask for, tried once; what cannot be had is replaced by CSV, with the reason.

    May take a second (our own PostgreSQL is created at the first use), so a window calls it off its thread. Raises
    :class:`InputError` for a kind that nobody provides.
    """
    if settings.kind == "none":
        return Storage(settings, None, "Nothing is stored, as asked for.")
    name = "postgresql" if settings.kind == "auto" else settings.kind
    if name not in plugins:
        file = file_that_asks_for(name)
        asked = f", which the settings file {file} asks for" if file else ""
        raise InputError(f"There is no storage '{name}'{asked}.{did_you_mean(name, ['auto', 'none', *plugins])}")
    storage = Storage(settings, plugins[name], _reason(settings))
    try:
        storage.connect().close()
    except StorageImpossible as error:
        storage = Storage(settings, plugins["csv"], str(error))
        storage.connect().close()
    except StorageError:
        pass  # noted in the storage; the recorder goes on trying, the journal keeps everything meanwhile
    return storage


def _reason(settings: StorageSettings) -> str:
    if settings.kind not in ("auto", "postgresql"):
        return f"Storage '{settings.kind}' was asked for."
    if settings.url:
        return f"The URL comes from {settings.url_source}."
    return "No database URL is set, so SchedRace runs its own PostgreSQL."
