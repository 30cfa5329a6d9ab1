"""From a recorded run to the file from which learners of later races start warm."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import InputError
from engine.history import History
from engine.training import TrainingSamples
from persistence.history_file import history_text
from persistence.service import LAST, WINDOW, SimulationDataService

_RUNS_LOOKED_AT = 50


def run_to_start_from(service: SimulationDataService, name: str, cluster: str) -> str:
    """Return the run that a user means; ``last`` is the newest on this cluster in which a learner has learned
    something."""
    if name != LAST:
        return service.named(name)
    for row in service.get_runs(_RUNS_LOOKED_AT):
        if row.cluster == cluster and any(len(samples) for samples in _samples(service, row.run).values()):
            return row.run
    raise InputError(
        f"None of the last {_RUNS_LOOKED_AT} recorded runs on the cluster '{cluster}' holds training samples, so there "
        "is nothing to start warm from. Record one with: schedrace race --schedulers mct,hybrid_ml"
    )


def stored_history(service: SimulationDataService, run: str) -> str:
    """Return the text of the file with the latest samples of a run: those of the learner that has most of them (they
    see the same tasks, so those of two would count the same noise twice). Raises :class:`InputError` without any."""
    header = service.get_run_header(run)
    scheduler, samples = max(_samples(service, run).items(), key=lambda item: len(item[1]))
    if not len(samples):
        raise InputError(
            f"The run '{run}' holds no training samples: no learner raced in it. Start warm from one with hybrid_ml, "
            "or another learner."
        )
    return history_text(
        run=run,
        scheduler=scheduler,
        workload=header.workload,
        cluster=header.cluster,
        metrics=_metrics(service, run, scheduler),
        history=History(
            models=header.models,
            feature_names=header.feature_names,
            model=samples.model,
            fraction=samples.fraction,
            work_s=samples.work_s,
            nominal_s=_nominal_s(service, run, samples),
            features=samples.features,
        ),
    )


def _samples(service: SimulationDataService, run: str) -> dict[str, TrainingSamples]:
    """Return the latest samples of each scheduler of a run, without shares so short that they took no time."""
    found = {}
    for scheduler in service.get_run_header(run).schedulers:
        samples = service.get_latest_training_data(run, scheduler, limit=WINDOW)
        found[scheduler] = samples.where(samples.work_s > 0)
    return found


def _nominal_s(service: SimulationDataService, run: str, samples: TrainingSamples) -> Any:
    """Return the nominal seconds of the samples' tasks on every device model."""
    first, last = int(samples.task.min()), int(samples.task.max()) + 1
    by_task = {row["task"]: row["nominal_s"] for row in service.get_tasks(run, first, last)}
    return np.array([by_task[task] for task in samples.task.tolist()], dtype=np.float64)


def _metrics(service: SimulationDataService, run: str, scheduler: str) -> dict[str, Any]:
    """Return what the learner said of itself at the end of the run; nothing where it is not over or not known."""
    rows = (service.get_result(run) or {}).get("schedulers") or []
    return next((row.get("learning") or {} for row in rows if row.get("name") == scheduler), {})
