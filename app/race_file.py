"""Race files: a :class:`RaceSpec` as TOML, written by every run, opened by the window and the command."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.drift import Drift
from engine.errors import InputError, did_you_mean
from engine.spec import RaceSpec, SchedulerSpec
from engine.weights import Weights

TABLES = ("workload", "cluster", "scheduler", "weights", "seed", "tasks", "load", "drift", "warm_start")
WEIGHTS = ("time", "energy", "cost")
DRIFT = ("devices", "at_share", "factor")


def race_toml(spec: RaceSpec) -> str:
    """Return the text of a race file; :func:`parse_race` gives the spec back."""
    import tomli_w

    document: dict[str, Any] = {"seed": spec.seed}
    if spec.tasks is not None:
        document["tasks"] = spec.tasks
    if spec.load is not None:
        document["load"] = spec.load
    if spec.warm_start:
        document["warm_start"] = spec.warm_start
    document["workload"] = {"name": spec.workload, **spec.workload_params}
    document["cluster"] = {"name": spec.cluster}
    document["weights"] = {name: getattr(spec.weights, name) for name in WEIGHTS}
    # headed one by one: tomli_w would write short tables as one inline list
    lanes = [f"[[scheduler]]\n{tomli_w.dumps(_scheduler_table(lane))}" for lane in spec.schedulers]
    drifts = [f"[[drift]]\n{tomli_w.dumps({key: getattr(drift, key) for key in DRIFT})}" for drift in spec.drift]
    return "\n".join([tomli_w.dumps(document), *lanes, *drifts])


def read_race(path: Path) -> RaceSpec:
    """Return the spec in a race file; a workload or cluster file that it names is looked for beside it.

    Raises :class:`InputError` with the file and the place at fault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"There is no race file '{path}'.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The race file '{path}' cannot be read: {error}.") from error
    return parse_race(text, str(path), path.parent)


def parse_race(text: str, where: str, folder: Path) -> RaceSpec:
    """Return the spec in the text of a race file called ``where``; files that it names are in ``folder``."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The race file '{where}' is not TOML: {error}.") from error
    place = f"The race file '{where}'"
    _only(place, document, TABLES)
    try:
        return _spec(place, document, folder)
    except InputError as error:
        if str(error).startswith(place):
            raise
        raise InputError(f"{place}: {error}") from error


def describes_cluster(path: Path) -> bool:
    """Return whether a TOML file is a cluster: it lists devices, and nothing that only a race has."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False  # whoever reads it as a race says what is wrong with it
    return "device" in document and not set(document) & set(TABLES)


def anchored(name: str, folder: Path) -> str:
    """Return ``name`` (``NAME``, ``FILE`` or ``NAME:FILE``) with a FILE that is in ``folder`` made absolute.

    A race file then finds its workload from wherever it is opened.
    """
    if Path(name).is_absolute():
        return name
    if Path(name).suffix and (folder / name).is_file():
        return str((folder / name).resolve())
    plugin, colon, file = name.partition(":")
    if colon and file and (folder / file).is_file():
        return f"{plugin}:{(folder / file).resolve()}"
    return name


def _spec(place: str, document: Mapping[str, Any], folder: Path) -> RaceSpec:
    default = RaceSpec()
    workload = dict(_table(place, document, "workload"))
    cluster = dict(_table(place, document, "cluster"))
    weights = _table(place, document, "weights")
    _only(f"{place}, [cluster]", cluster, ("name",))
    _only(f"{place}, [weights]", weights, WEIGHTS)
    tasks = _value(place, document, "tasks", (int,))
    load = _value(place, document, "load", (int, float))
    return RaceSpec(
        workload=anchored(_name(f"{place}, [workload]", workload, default.workload), folder),
        workload_params=_params(f"{place}, [workload]", workload),
        cluster=anchored(_name(f"{place}, [cluster]", cluster, default.cluster), folder),
        schedulers=_schedulers(place, document) or default.schedulers,
        weights=Weights(**{name: _value(place, weights, name, (int, float)) for name in weights}),
        seed=_value(place, document, "seed", (int,)) or 0,
        tasks=tasks,
        load=None if load is None else float(load),
        drift=_drift(place, document),
        warm_start=anchored(_warm_start(place, document), folder),
    )


def _warm_start(place: str, document: Mapping[str, Any]) -> str:
    file = document.get("warm_start", "")
    if not isinstance(file, str):
        raise InputError(f"{place}: warm_start is {file!r}; it must be the name of a file, a text in quotes.")
    return file


def _drift(place: str, document: Mapping[str, Any]) -> tuple[Drift, ...]:
    drifts = []
    for number, row in enumerate(_tables(place, document, "drift"), 1):
        at = f"{place}, [[drift]] number {number}"
        _only(at, row, DRIFT)
        for key in DRIFT:
            if key not in row:
                raise InputError(f"{at} has no {key}.")
        if not isinstance(row["devices"], str):
            raise InputError(f"{at}: devices is {row['devices']!r}; it must be a text in quotes: cpu, gpu or an id.")
        numbers = [float(_value(at, row, key, (int, float))) for key in ("at_share", "factor")]
        drifts.append(Drift(row["devices"], *numbers))
    return tuple(drifts)


def _schedulers(place: str, document: Mapping[str, Any]) -> tuple[SchedulerSpec, ...]:
    lanes = []
    for number, row in enumerate(_tables(place, document, "scheduler"), 1):
        rest = dict(row)
        at = f"{place}, [[scheduler]] number {number}"
        name = _name(at, rest, None)
        label = rest.pop("label", "")
        if not isinstance(label, str):
            raise InputError(f"{at}: label is {label!r}; it must be a text in quotes.")
        lanes.append(SchedulerSpec(name, _params(at, rest), label))
    return tuple(lanes)


def _scheduler_table(lane: SchedulerSpec) -> dict[str, Any]:
    head = {"name": lane.name} | ({"label": lane.label} if lane.label else {})
    return {**head, **lane.params}


def _name(place: str, table: dict[str, Any], default: str | None) -> str:
    name = table.pop("name", default)
    if not isinstance(name, str) or not name:
        raise InputError(f"{place} needs a name, a text in quotes.")
    return name


def _params(place: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in table.items():
        if not isinstance(value, (bool, int, float, str)):
            raise InputError(f"{place}: {key} must be a number, a text or true/false.")
    return table


def _table(place: str, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"{place}: '{key}' must be a table headed [{key}].")
    return table


def _tables(place: str, document: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    rows = document.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{place}: '{key}' must be tables headed [[{key}]].")
    return rows


def _value(place: str, table: Mapping[str, Any], key: str, kinds: tuple[type, ...]) -> Any:
    value = table.get(key)
    if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        kind = "a number" if float in kinds else "a whole number"
        raise InputError(f"{place}: {key} is {value!r}; it must be {kind}.")
    return value


def _only(place: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise InputError(f"{place} has an unknown key '{key}'.{did_you_mean(key, known)}")
