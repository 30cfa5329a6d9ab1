"""PostgreSQL: the journal's bytes unchanged through COPY, the journal's offset in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from persistence.again import asked_again
from persistence.run import RunHeader
from persistence.storage import StoragePlugin, Taken

if TYPE_CHECKING:  # the list of plugins is shown before a database is needed: the driver is imported on connecting
    from persistence.database.opening import Database
    from persistence.database.repositories import BulkRepository


class PostgresqlStorage(StoragePlugin):
    """Ships into the database of the settings, or into our own PostgreSQL where no URL is set."""

    name = "postgresql"
    summary = "PostgreSQL: the given URL, else SchedRace's own server, started on demand without any set-up."
    _database: Database | None = None
    _connection: Any = None
    _state: tuple[int, float] | None = None

    @property
    def kind(self) -> str:
        """``postgresql``, or ``postgresql-embedded`` for our own server."""
        return self._open.kind

    @property
    def where(self) -> str:
        """The server and database, or the data folder of our own."""
        return self._open.where

    @property
    def _open(self) -> Database:
        if self._database is None:
            raise RuntimeError("connect() comes first")
        return self._database

    @asked_again
    def connect(self) -> None:
        """Connect, migrate, and make the stage tables."""
        from persistence.database.opening import open_database
        from persistence.database.repositories import BULK

        self.close()
        self._state = None
        self._database = open_database(self.settings)
        self._connection = self._database.connect()
        with self._transaction() as cursor:
            for repository in BULK:
                repository(cursor).prepare()

    def offsets(self) -> Mapping[str, Mapping[str, int]]:
        """See the base class."""
        from persistence.database.repositories import RunRepository

        with self._transaction() as cursor:
            return RunRepository(cursor).offsets()

    def begin(self, header: RunHeader) -> Mapping[str, int] | None:
        """See the base class."""
        from persistence.database.repositories import RunRepository

        with self._transaction() as cursor:
            return RunRepository(cursor).begin(header)

    def bring_back(self, run: str) -> None:
        """See the base class."""
        from persistence.database.repositories import RunRepository

        with self._transaction() as cursor:
            RunRepository(cursor).bring_back(run)

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        """See the base class. One INSERT a transaction, in journal order: no deadlocks between writers."""
        import psycopg2

        from persistence.database.faults import refuses_rows
        from persistence.database.repositories import BULK, RunRepository

        with self._transaction() as cursor:
            repository = next(kind for kind in BULK if kind.table == table)(cursor)
            rejected: list[tuple[bytes, str]] = []
            try:
                repository.upsert(run, rows)
            except psycopg2.Error as error:
                if not refuses_rows(error):
                    raise
                cursor.connection.rollback()
                _upsert_one_by_one(repository, cursor, run, rows, rejected)
            RunRepository(cursor).advance(run, table, end)
            self._store_state(cursor, run)
        self._state = None
        return Taken(rows.count(b"\n") - len(rejected), tuple(rejected))

    def stands_at(self, run: str, step: int, clock_s: float) -> None:
        """See the base class. It goes with the next rows: no transaction of its own."""
        self._state = (step, clock_s)

    def finish(self, run: str, result: Mapping[str, Any] | None) -> None:
        """See the base class."""
        from persistence.database.repositories import RunRepository

        with self._transaction() as cursor:
            RunRepository(cursor).finish(run, result)
            self._store_state(cursor, run)
        self._state = None

    def close(self) -> None:
        """See the base class."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None

    def _store_state(self, cursor: Any, run: str) -> None:
        from persistence.database.state import SimulationStateRepository

        if self._state is not None:
            SimulationStateRepository(cursor).upsert(run, *self._state)

    def _transaction(self) -> Any:
        return self._open.transaction(self._connection)


def _upsert_one_by_one(
    repository: BulkRepository, cursor: Any, run: str, rows: bytes, rejected: list[tuple[bytes, str]]
) -> None:
    """Insert what can be inserted, halving the chunk down to the rows that the database refuses."""
    import psycopg2

    from persistence.database.faults import refuses_rows

    cursor.execute("SAVEPOINT chunk")
    try:
        repository.upsert(run, rows)
        repository.clear()
        cursor.execute("RELEASE SAVEPOINT chunk")
    except psycopg2.Error as error:
        if not refuses_rows(error):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT chunk; RELEASE SAVEPOINT chunk")
        lines = rows.splitlines(keepends=True)
        if len(lines) == 1:
            rejected.append((rows, f"{error.pgcode} {error.diag.message_primary}"))
            return
        half = len(lines) // 2
        for part in (lines[:half], lines[half:]):
            _upsert_one_by_one(repository, cursor, run, b"".join(part), rejected)
