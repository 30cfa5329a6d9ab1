"""Rows to record, and the storages to record them in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from engine.records import FinishedTasks
from engine.training import TrainingLog
from persistence.run import RunHeader, new_run_id
from plugins.storage.csv import CsvStorage
from plugins.storage.postgresql import PostgresqlStorage

PLUGINS = {"csv": CsvStorage, "postgresql": PostgresqlStorage}
DEVICES = ("cpu-0", "cpu-1", "gpu-0")


def header(tasks: int = 100, schedulers: tuple[str, ...] = ("mct",)) -> RunHeader:
    return RunHeader(
        run=new_run_id(),
        started_at=datetime.now(UTC),
        app_version="0.1.0",
        workload="synthetic",
        cluster="default",
        seed=7,
        tasks=tasks,
        schedulers=schedulers,
        device_ids=DEVICES,
        models=("cpu", "gpu"),
        feature_names=("size", "affinity"),
        race_toml="seed = 7\n",
    )


def finished(first: int, n: int, scheduler: str = "mct") -> FinishedTasks:
    """Tasks ``first`` to ``first + n``, every second one split over two devices."""
    rng = np.random.default_rng(first)
    arrival = rng.random(n) * 100
    start = arrival + rng.random(n)
    shares = 1 + np.arange(n) % 2
    devices = np.concatenate([np.arange(s) + 1 for s in shares])
    return FinishedTasks(
        scheduler=scheduler,
        task=np.arange(first, first + n),
        arrival_s=arrival,
        start_s=start,
        finish_s=start + rng.random(n) + 1e-9,
        gpu_fraction=rng.random(n),
        energy_j=rng.random(n) * 1e6,
        cost=rng.random(n) / 3,
        share_start=np.concatenate([[0], np.cumsum(shares)]),
        share_device=devices,
        share_fraction=np.repeat(1 / shares, shares),
    )


def training_log(completions: int, seed: int = 0) -> TrainingLog:
    """A log in which every third completion has two samples."""
    rng = np.random.default_rng(seed)
    log = TrainingLog(rng.random((completions, 2)) * 10.0 ** rng.integers(-200, 200, (completions, 2)))
    for completion in range(1, completions + 1):
        for model in range(2 if completion % 3 == 0 else 1):
            log.append(completion, completion - 1, model, 0.5, float(rng.random()), float(rng.random()) + 1e-300)
    return log
