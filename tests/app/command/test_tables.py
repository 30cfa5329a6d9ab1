"""Tables in a terminal of 80 columns: nothing is cut, columns of less importance go instead."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from app.command import history_tables
from app.command.report import print_schedulers
from app.command.tables import Column, print_table

LONG = "congestion+forest_of_randomised_trees_by_anna"


def terminal(width: int = 80) -> Console:
    return Console(width=width, file=io.StringIO(), force_terminal=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(name: str, mean_s: float, status: str = "finished") -> dict[str, Any]:
    figures = dict.fromkeys(("p95_response_s", "mean_wait_s", "makespan_s", "energy_j", "regret"), 1234.5)
    return {
        "name": name,
        "status": status,
        "mean_response_s": mean_s,
        "cost": 0.0123,
        "utilisation": {"cpu": 0.8, "gpu": 0.9},
        **figures,
    }


def test_a_race_in_80_columns_has_every_figure_whole_and_says_which_column_is_not_there() -> None:
    console = terminal()
    rows = [row("mct", 1234.5), row("a_policy_of_some_length", 12345.6), row("bad", 0.0, "disqualified")]
    print_schedulers(console, "synthetic, 300 tasks", rows, {"mean_response_s": 12.5, "makespan_s": 1234.0})
    said = printed(console)
    table, _, rest = said.partition("Not shown here: ")
    assert all(len(line) <= 80 for line in table.splitlines()) and "…" not in said
    assert "a_policy_of_some_length" in table and "12,346 s" in table and "disqualified" in table
    assert "12.5 s" in table and "1.23 kJ" in table
    assert rest.startswith("mean wait, makespan, ")


def test_where_there_is_room_all_columns_are_there() -> None:
    console = terminal(160)
    print_schedulers(console, "synthetic", [row("mct", 1.0)], None)
    assert "makespan" in printed(console) and "Not shown" not in printed(console)


def test_the_more_important_columns_stay_and_a_smaller_one_may_take_the_room_of_a_larger() -> None:
    console = terminal(20)
    columns = [Column("name", ["mct"]), Column("wide", ["x" * 15], 1), Column("last", ["y"], 3), Column("b", ["z"], 2)]
    print_table(console, columns)
    said = printed(console)
    assert "Not shown here: wide." in said and "y" in said and "z" in said and "x" not in said.replace("next", "")


def test_a_name_is_never_cut_and_a_line_that_is_too_long_is_said() -> None:
    console = terminal(40)
    print_table(console, [Column("name", [LONG]), Column("share", ["50%"], 1)])
    said = printed(console)
    assert LONG in said and "The table is 47 characters wide, and the terminal 40" in said
    assert console.width == 40


def test_the_list_of_runs_keeps_run_workload_and_best_in_80_columns() -> None:
    run = {"run": "20261126-133849-2a6139", "started_at": "2026-11-26T13:38:49+00:00", "status": "interrupted"}
    run |= {"workload": "a_trace_of_some_length", "cluster": "mixed_rack", "tasks": 2000, "storage": "csv"}
    run |= {"ranking": ["oracle", "congestion+forest"], "mean_response_s": [1.0, 2.0]}
    table = history_tables.run_columns([run])
    console = terminal()
    print_table(console, table)
    said = printed(console)
    for whole in (run["run"], "a_trace_of_some_length", "congestion+forest"):
        assert whole in said
    assert "…" not in said and max(map(len, said.partition("Not shown")[0].splitlines())) <= 80


@pytest.mark.parametrize("width", [80, 200])
def test_the_matrix_of_wins_of_many_is_whole_in_every_terminal(width: int) -> None:
    console = terminal(width)
    names = [f"scheduler_number_{n}" for n in range(8)]
    wins = {"schedulers": names, "sooner": [[30] * 8] * 8, "tasks": [[60] * 8] * 8}
    history_tables.print_wins(console, wins)
    said = printed(console)
    heading = next(line for line in said.splitlines() if line.strip().startswith("scheduler "))
    assert heading.split() == ["scheduler", *names]
    assert ("characters wide, and the terminal 80" in said) == (width == 80)
