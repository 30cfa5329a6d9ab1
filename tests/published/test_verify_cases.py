"""Every published case that comes with SchedRace holds, with the traces where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.verify.case import Case
from app.verify.published import published_cases
from app.verify.running import run_cases
from plugins.registry import Registry, load_registry

TRACES = Path(__file__).parents[3] / "shared" / "traces"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(plugins=[])


@pytest.mark.parametrize("case", published_cases(), ids=lambda case: case.id)
def test_the_published_figure_comes_out(case: Case, registry: Registry) -> None:
    (outcome,) = run_cases([case], TRACES if TRACES.is_dir() else None, registry)
    if outcome.status == "no data":
        pytest.skip(outcome.reason)
    assert outcome.status == "pass", outcome.reason
