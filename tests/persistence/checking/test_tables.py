"""What check-db counts, and what it estimates."""

from __future__ import annotations

from typing import Any

import pytest

import persistence.checking.tables
from persistence.checking.tables import table_facts
from persistence.database.opening import open_database
from persistence.settings import StorageSettings
from tests.persistence.million import Grid, fill

GRID = Grid(runs=2, tasks=300)
EXACT = {"tasks": 600, "scheduler_results": 3000, "training_data": 3000, "metrics": 3000}


@pytest.mark.parametrize(("limit", "estimated"), [(2_000_000, 0), (9_000, 1), (4_000, 2), (700, 3)])
def test_the_smallest_tables_are_counted_the_others_estimated_but_for_the_recent_runs(
    settings: StorageSettings, monkeypatch: pytest.MonkeyPatch, limit: int, estimated: int
) -> None:
    fill(settings, GRID)
    monkeypatch.setattr(persistence.checking.tables, "COUNTED_ROWS", limit)
    recent = GRID.names[-1]
    with open_database(settings).session() as cursor:
        facts = table_facts(cursor, [recent])
    about = [line.name for line in facts.checks if line.detail.startswith("about ")]
    assert len(about) == estimated
    assert "table tasks" not in about
    for table, rows in EXACT.items():
        assert facts.rows[table] == pytest.approx(rows, rel=0.05)
        assert facts.counted.of(table, recent) == rows / GRID.runs
        if f"table {table}" in about:
            assert facts.counted.of(table, GRID.names[0]) is None
        else:
            assert facts.rows[table] == rows


def test_the_window_that_is_looked_at_is_one_that_a_learner_asks_for(
    settings: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, Grid(runs=1, tasks=10_000))
    monkeypatch.setattr(persistence.checking.tables, "FEW_ROWS", 0)
    with open_database(settings).session() as cursor:
        cursor.execute("DELETE FROM schedrace.training_data WHERE scheduler <> 'mct'")
        cursor.execute("ANALYZE schedrace.training_data")  # one window is now all there is
        lines = {line.name: line for line in table_facts(cursor, []).checks}
    assert lines["window query"].status == "ok"


def test_a_table_that_postgresql_knows_nothing_of_is_analysed_and_looked_at_again(
    settings: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = persistence.checking.tables._index_used
    analysed: list[bool] = []

    def index_used(cursor: Any, query: Any) -> str:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stats WHERE tablename = 'training_data')")
        analysed.append(cursor.fetchone()[0])
        return used(cursor, query) if analysed[-1] else ""

    fill(settings, GRID)
    monkeypatch.setattr(persistence.checking.tables, "_index_used", index_used)
    with open_database(settings).session() as cursor:
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'schedrace.training_data'::regclass")
        lines = {line.name: line for line in table_facts(cursor, []).checks}
    assert (analysed[0], analysed[-1]) == (False, True)
    assert lines["window query"].status == "ok"
