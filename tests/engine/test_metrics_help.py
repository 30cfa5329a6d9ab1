"""The help page of the figures keeps up with the results."""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files

from engine.results import SchedulerResult


def test_every_figure_of_a_result_is_defined_in_the_help() -> None:
    page = files("resources").joinpath("help/metrics.md").read_text(encoding="utf-8")
    shown = [field.name for field in fields(SchedulerResult) if field.name != "traceback"]
    assert [name for name in shown if f"`{name}`" not in page] == []
