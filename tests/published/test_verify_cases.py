"""Every published case that comes with SchedRace holds, with the traces where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.verify.case import Case
from app.verify.published import published_cases
from app.verify.running import run_cases
from plugins.registry import Registry, load_registry

TRACES = Path(__file__).parents[3] / "shared" / "traces"


LONG = {"md1-0.7-wait", "md1-0.9-wait", "mm1-0.9-wait", "mm3-wait", "mm4-wait", "mm4-waited", "mm16-wait"}
"""Queues of three to six seconds each whose like test_queueing_theory proves: in `make soak`."""


def cases() -> list[Any]:
    """Return the cases as parameters."""
    marks = {True: [pytest.mark.soak], False: []}
    return [pytest.param(case, id=case.id, marks=marks[case.id in LONG]) for case in published_cases()]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(plugins=[])


@pytest.mark.parametrize("case", cases())
def test_the_published_figure_comes_out(case: Case, registry: Registry) -> None:
    (outcome,) = run_cases([case], TRACES if TRACES.is_dir() else None, registry)
    if outcome.status == "no data":
        pytest.skip(outcome.reason)
    assert outcome.status == "pass", outcome.reason
