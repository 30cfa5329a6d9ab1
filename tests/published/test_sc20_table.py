"""The table of RLScheduler (Zhang, Dai, He, Bao & Xie, SC 2020) for the trace Lublin-1: ten windows of 1024 jobs.

Mean bounded slowdown and utilisation as its published code computes them, and WFP3 and UNICEP with the waiting time put
right. The trace and the figures of each window are read where they lie and never copied here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.metrics import bounded_slowdown, finished_by
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from plugins.clusters import processors
from plugins.schedulers.f1 import F1
from plugins.schedulers.fcfs import Fcfs
from plugins.schedulers.sjf import Sjf
from plugins.schedulers.unicep import Unicep
from plugins.schedulers.wfp3 import Wfp3
from plugins.workload import WorkloadRequest
from plugins.workloads.swf import Swf, SwfParams

SHARED = Path(__file__).parents[2] / "../shared"
STARTS = (1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085)
JOBS, PROCESSORS = 1024, 256
RULES: dict[str, type[Scheduler]] = {"FCFS": Fcfs, "SJF": Sjf, "F1": F1, "WFP3": Wfp3, "UNI": Unicep}
TABLE = {  # rule: mean bounded slowdown without and with the paper's backfilling, from its README
    "FCFS": (7273.77, 235.82), "WFP3": (19753.53, 133.87), "UNI": (22274.74, 307.23), "SJF": (277.35, 73.31),
    "F1": (258.37, 75.07),
}  # fmt: skip
CORRECTED = {"WFP3": (337.34, 126.50), "UNI": (381.71, 103.10)}  # with the waiting time now - submit


def shared(name: str) -> Path:
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    return file


@cache
def reference() -> dict[str, Any]:
    return json.loads(shared("reference/rlscheduler_lublin1.json").read_text())


def params(rule: type[Scheduler], **wanted: object) -> Any:
    """Return the parameters of a rule; fcfs has neither a choice to commit to nor a waiting time."""
    return rule.Params(**{name: value for name, value in wanted.items() if name in rule.Params.__dataclass_fields__})  # type: ignore[attr-defined]


def windows(rule: type[Scheduler], chosen: Any) -> list[tuple[float, float]]:
    """Return mean bounded slowdown and that paper's utilisation of each window: up to the last start, not the end."""
    figures = []
    for start in STARTS:
        request = WorkloadRequest(processors(PROCESSORS), seed=0, tasks=JOBS, path=shared("traces/swf/lublin_256.swf"))
        tasks = Swf(SwfParams(skip=start)).load(request)
        simulation = Simulation(tasks, request.cluster, rule(chosen))
        simulation.advance()
        assert simulation.status == "finished", simulation.reason
        done = finished_by("", simulation)
        run_s = done.finish_s - done.start_s
        busy = float((run_s * tasks.slots[done.task]).sum())
        span_s = float(done.start_s.max() - done.arrival_s.min())
        slowdown = float(bounded_slowdown(done.start_s - done.arrival_s, run_s).mean())
        figures.append((slowdown, busy / PROCESSORS / span_s))
    return figures


@pytest.mark.parametrize("backfill", ["none", "sc20"])
@pytest.mark.parametrize("name", RULES)
def test_every_window_has_its_published_slowdown_and_utilisation(name: str, backfill: str) -> None:
    rule, column = RULES[name], int(backfill == "sc20")
    got = windows(rule, params(rule, commit=True, backfill=backfill, waiting="as_published"))
    for figure, metric in enumerate(("bsld", "utilisation")):
        expected = reference()[f"lublin_256.swf|backfill={column}|{metric}"]["per_window"][name]
        assert [row[figure] for row in got] == pytest.approx(expected, rel=1e-9)
    assert sum(row[0] for row in got) / len(got) == pytest.approx(TABLE[name][column], abs=0.0051)


@pytest.mark.parametrize("backfill", ["none", "sc20"])
@pytest.mark.parametrize("name", CORRECTED)
def test_with_the_true_waiting_time_two_rules_are_far_better_than_published(name: str, backfill: str) -> None:
    rule = RULES[name]
    got = windows(rule, params(rule, commit=True, backfill=backfill))
    assert sum(row[0] for row in got) / len(got) == pytest.approx(CORRECTED[name][backfill == "sc20"], abs=0.0051)


def test_sjf_that_chooses_anew_at_each_event_is_six_times_better_than_the_published_one() -> None:
    got = windows(Sjf, None)
    assert sum(row[0] for row in got) / len(got) == pytest.approx(47.16, abs=0.0051)


def test_the_windows_are_those_of_the_reference() -> None:
    entry = reference()["lublin_256.swf|backfill=0|bsld"]
    assert (tuple(entry["window_starts_0based"]), entry["window_len"]) == (STARTS, JOBS)
