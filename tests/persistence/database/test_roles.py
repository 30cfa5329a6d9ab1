"""The roles of ``resources/sql/roles.sql`` on a real server: each can do its work, and nothing else."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from persistence.checking.report import check_database
from persistence.database.connection import engine_for
from persistence.database.connection import test_connection as check_connection
from persistence.database.migrate import run_migrations
from persistence.database.opening import open_database
from persistence.embedded.binaries import find_binaries
from persistence.recording.cut_runs import cut_runs
from persistence.schema import SCHEMA_VERSION
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from tests.faults.test_resumption import Command
from tests.persistence.records import PLUGINS

Execute = Callable[..., list[tuple[object, ...]]]
RACE = ("--tasks", 400, "--schedulers", "mct,hybrid_ml", "--json")
RESULTS = 800
NOT_ITS_WORK = (
    "DELETE FROM schedrace.tasks",
    "TRUNCATE schedrace.metrics",
    "DROP TABLE schedrace.metrics",
    "DROP SCHEMA schedrace CASCADE",
    "ALTER TABLE schedrace.runs ADD COLUMN more text",
    "DROP INDEX schedrace.training_data_created_at_idx",
    "CREATE INDEX ON schedrace.tasks (arrival_s)",
    "CREATE TABLE schedrace.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "CREATE FUNCTION schedrace.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "UPDATE schedrace.alembic_version SET version_num = '9999'",
    "COPY schedrace.runs TO PROGRAM 'cat'",
    "COPY schedrace.runs TO '/tmp/runs'",
    "SET ROLE sr_owner",
    "ALTER ROLE sr_app SUPERUSER",
)


@dataclass(frozen=True, slots=True)
class Roles:
    """The settings of each role on one database, and of the administrator who made them."""

    administrator: StorageSettings
    execute: Execute

    def of(self, role: str) -> StorageSettings:
        assert self.administrator.url is not None
        user = self.administrator.url.split("//")[1].split("@")[0]
        return self.administrator.with_url(self.administrator.url.replace(f"//{user}@", f"//{role}@"), "the test")

    def run_file(self) -> None:
        """As its first lines say."""
        binaries = find_binaries(None)
        assert binaries is not None and self.administrator.url is not None
        url = self.administrator.url.replace("+psycopg2", "")
        script = str(files("resources") / "sql" / "roles.sql")
        command = [binaries.bin / "psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", url, "--file", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr

    def owners(self) -> set[str]:
        rows = self.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'schedrace'", self.administrator.url)
        return {str(row[0]) for row in rows}


def rows_written(command: Command) -> int:
    storage = command.summary()["storage"]
    assert isinstance(storage, dict) and storage["kind"] == "postgresql"
    return int(storage["rows_written"])


def forget_roles(execute: Execute, database_url: str) -> None:
    for (role,) in execute("SELECT rolname FROM pg_roles WHERE rolname IN ('sr_cleanup', 'sr_app', 'sr_owner')"):
        execute(f"DROP OWNED BY {role} CASCADE", database_url)
        execute(f"DROP ROLE {role}")


@pytest.fixture(params=["a superuser", "the owner of the database"])
def roles(
    request: pytest.FixtureRequest, settings: StorageSettings, database_url: str, execute: Execute
) -> Iterator[Roles]:
    name = f"administrator_{uuid.uuid4().hex[:8]}"
    roles = Roles(settings, execute)
    if request.param != "a superuser":
        execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
        execute(f"ALTER DATABASE {database_url.split('/')[3].split('?')[0]} OWNER TO {name}")
        roles = Roles(roles.of(name), execute)
    try:
        yield roles
    finally:
        forget_roles(execute, database_url)
        if request.param != "a superuser":
            execute(f"ALTER DATABASE {database_url.split('/')[3].split('?')[0]} OWNER TO schedrace")
            execute(f"DROP OWNED BY {name} CASCADE", database_url)
            execute(f"DROP ROLE {name}")


@pytest.mark.parametrize("roles", ["the owner of the database"], indirect=True)
def test_the_recording_role_races_resumes_and_checks_and_the_other_cleans_up(roles: Roles, tmp_path: Path) -> None:
    roles.run_file()
    open_database(roles.administrator).engine.dispose()
    assert roles.owners() == {"sr_owner"}
    app = replace(roles.of("sr_app"), data_dir=tmp_path / "data")

    Command(app, "--tasks", 4000, "--schedulers", "mct,oracle").kill_at(1)
    (cut,) = cut_runs(app.runs_dir)
    assert rows_written(Command(app, "--resume", cut.run, "--json")) == cut.wanted
    assert rows_written(Command(app, *RACE)) == RESULTS
    report = check_database(app, PLUGINS)
    assert report.healthy, [check for check in report.checks if check.status == "fail"]
    (rights,) = [check.detail for check in report.checks if check.name == "rights"]
    assert rights.startswith("TEMP, and SELECT, INSERT, UPDATE on") and "cleaning up needs another role" in rights

    service = SimulationDataService.open(app)
    runs = [row.run for row in service.get_runs()]
    problem = str(service.cleanup_problem())
    service.close()
    assert "'sr_app' may not delete" in problem
    service = SimulationDataService.open(replace(roles.of("sr_cleanup"), data_dir=app.data_dir))
    cleaned = service.cleanup_old_data(runs=runs)
    assert [(each.run, each.kept) for each in cleaned] == [(run, None) for run in reversed(runs)]
    assert service.get_runs() == []
    service.close()
    assert list(app.runs_dir.iterdir()) == []


@pytest.mark.parametrize("role", ["sr_app", "sr_cleanup"])
def test_what_is_no_work_of_a_role_is_refused(roles: Roles, role: str) -> None:
    open_database(roles.administrator).engine.dispose()
    roles.run_file()
    refused = [statement for statement in NOT_ITS_WORK if _is_refused(str(roles.of(role).url), statement)]
    allowed = set(NOT_ITS_WORK) - set(refused)
    assert allowed == (set() if role == "sr_app" else {"DELETE FROM schedrace.tasks"})


def _is_refused(url: str, statement: str) -> bool:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege:
        return True
    finally:
        connection.close()
    return False


def test_the_file_may_be_run_again_and_takes_over_tables_that_are_there(roles: Roles) -> None:
    open_database(roles.administrator).engine.dispose()
    assert "sr_owner" not in roles.owners()
    roles.run_file()
    roles.run_file()
    assert roles.owners() == {"sr_owner"}
    assert check_connection(str(roles.of("sr_app").url)).ok


def test_an_update_is_left_to_a_role_that_owns_the_tables(
    roles: Roles, database_url: str, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    roles.run_file()
    with engine_for(str(roles.administrator.url)).begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE sr_owner")
        run_migrations(connection, "0001")
    app = roles.of("sr_app")
    report = check_connection(str(app.url))
    assert not report.ok and "of an older SchedRace (schema 0001" in report.sentence
    assert "'sr_app' may not change them" in report.sentence and "schedrace check-db" in report.sentence
    open_database(roles.administrator).engine.dispose()
    assert "its tables are brought from schema 0001" in caplog.text
    assert roles.owners() == {"sr_owner"}
    assert check_connection(str(app.url)).ok
    assert open_database(app).kind == "postgresql"
    assert execute("SELECT version_num FROM schedrace.alembic_version", database_url) == [(SCHEMA_VERSION,)]
