"""What is in the folder of an exported run, and the page that tells a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from persistence.exchange.sums import SUMS
from persistence.run import RunHeader
from persistence.schema import JOURNALED, journal_columns

CSV, PARQUET = "csv", "parquet"
README = "README.txt"
FILES = "files"
"""The folder of the workload and cluster files that race.toml names."""
PARTIAL = {"running": "was still going on", "interrupted": "was cut"}
"""By status: why an export holds a part of a race only."""

_TABLES = {
    "tasks": "what each task is; its true seconds stay hidden",
    "scheduler_results": "when, where and at what price each task ran, by scheduler",
    "training_data": "what learning schedulers learned from, in the order of samples",
    "metrics": "figures over simulated time, by scheduler and name",
}
_COLUMNS = {
    # a column that means something else in one table has that before its name
    "task": "number of the task in its workload, from 0",
    "arrival_s": "simulated second at which the task arrives",
    "name": "name of the task",
    "metrics.name": "name of the metric",
    "submitted_by": "user of the task",
    "memory_gb": "memory that it needs, GB",
    "transfer_gb": "data that go to its device, GB",
    "slots": "slots that it takes",
    "divisible": "whether it may be split over devices",
    "deadline_s": "simulated second by which it should end; empty: none",
    "training_data.nominal_s": "expected seconds of the task there",
    "nominal_s": "expected seconds on each device model, in the order of 'models' in run.json; inf: cannot run there",
    "features": "its features, in the order of 'feature_names' in run.json",
    "parents": "tasks that must end before it starts",
    "created_at": "when the row was recorded, UTC",
    "scheduler": "the policy that raced",
    "start_s": "simulated second of its first start",
    "finish_s": "simulated second of its end",
    "placement": "devices and the fraction of the task on each",
    "gpu_fraction": "fraction of the task that ran on GPUs",
    "energy_j": "energy above idle power, J (in summary.csv: of all devices, idle power included)",
    "cost": "price of the busy time, in the currency of the cluster",
    "sample": "number of the row in its series",
    "completion": "which completion of the scheduler it came from, from 1",
    "model": "device model, an index into 'models' in run.json",
    "fraction": "fraction of the task that was measured",
    "work_s": "seconds that the whole task takes on that model at speed 1, as observed",
    "at_s": "simulated second",
    "value": "value of the metric; its unit is in the metric's name",
}


def readme(header: RunHeader, status: str, kind: str, rows: Mapping[str, int], missing: Sequence[str]) -> str:
    """Return the text of README.txt."""
    lines = [
        f"Run {header.run} of SchedRace {header.app_version}",
        "",
        f"{header.workload}, {header.tasks:,} tasks on {header.cluster}, seed {header.seed}; "
        f"started {header.started_at:%Y-%m-%d %H:%M:%S} UTC.",
        f"Schedulers: {', '.join(header.schedulers)}.",
    ]
    if status in PARTIAL:
        lines += [f"The race {PARTIAL[status]} when this was written: it holds what was recorded by then."]
    lines += ["", "To have this run in another SchedRace (schedrace history lists it then):", ""]
    lines += ["    schedrace import-runs THIS_FOLDER", "", "To race it again:", "", "    schedrace race race.toml", ""]
    if missing:
        lines += ["For that these files are needed, which were not copied; write where they are into"]
        lines += ["race.toml:", "", *(f"    {name}" for name in missing), ""]
    lines += [
        "race.toml    what raced; files that it names are in 'files', unless a reader needs more of them",
        "run.json     what the run was started with",
        "result.json  how it ended, if it has",
        "summary.csv  a line for each scheduler: mean, percentiles and makespan in seconds, energy in joules",
        f"{SUMS}   checks that no file was changed on the way: sha256sum -c {SUMS}",
        "",
    ]
    for table in JOURNALED:
        lines += [f"{table}.{kind}: {rows.get(table, 0):,} rows, {_TABLES[table]}", *_described(table, kind), ""]
    lines += ["The order of rows tells nothing."]
    if kind == CSV:
        lines += ["Texts are in quotes, an empty field is no value, lists are in braces: {0.5,1.25}. UTF-8."]
    return "\n".join(lines) + "\n"


def _described(table: str, kind: str) -> list[str]:
    width = max(map(len, journal_columns(table)))
    return [
        f"    {name:<{width}}  {_COLUMNS.get(f'{table}.{name}') or _COLUMNS[name]}" for name in journal_columns(table)
    ]
