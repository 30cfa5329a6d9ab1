"""Clusters from TOML: the presets that come with SchedRace, and files that users write (resources/help/formats.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.cluster import Cluster, Device, Link
from engine.errors import InputError, did_you_mean

_PRESETS = files("resources") / "clusters"
_TEXTS = ("id", "kind", "model", "source")
_NUMBERS = (
    "speed", "memory_gb", "link_gb_s", "link_latency_s", "idle_w", "active_w", "price_per_hour",
)  # fmt: skip
_DEVICE_KEYS = (*_TEXTS, *_NUMBERS, "count", "slots", "speed_at")
_MAX_COUNT = 10_000


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets, the default one first."""
    names = sorted(entry.name.removesuffix(".toml") for entry in _PRESETS.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: name != "default"))


def processors(count: int) -> Cluster:
    """Return a parallel machine as job logs (SWF) see it: one pool of processors, any of which serves any job."""
    return Cluster(f"processors:{count}", (Device(0, "processors", "cpu", "cpu", slots=count),))


def machines(count: int) -> Cluster:
    """Return the machines of an ETC matrix: ``m0`` .. each of a model of its own, one task at a time."""
    devices = (Device(i, f"m{i}", "cpu", f"m{i}") for i in range(count))
    return Cluster(f"machines:{count}", tuple(devices))


_COUNTED: Mapping[str, Callable[[int], Cluster]] = {"processors": processors, "machines": machines}
_MOST_COUNTED = {"processors": 10_000_000, "machines": _MAX_COUNT}


def _counted(text: str) -> Cluster | None:
    """Return the cluster that ``processors:N`` or ``machines:N`` means, None for any other text."""
    name, colon, number = text.partition(":")
    if not colon or name not in _COUNTED:
        return None
    most = _MOST_COUNTED[name]
    if not number.isdecimal() or not 1 <= int(number) <= most:
        raise InputError(f"'{text}' is no cluster: write {name}:N with a whole number from 1 to {most:,}.")
    return _COUNTED[name](int(number))


def load_cluster(name_or_path: str | Path) -> Cluster:
    """Return the preset of this name, the cluster that ``processors:N`` or ``machines:N`` means, else the one that the
    TOML file, or the CSV of an openb node list, describes.

    Raises :class:`InputError` with the file, the device and the key at fault.
    """
    text = str(name_or_path)
    counted = _counted(text)
    if counted is not None:
        return counted
    if text in preset_names():
        return parse_cluster((_PRESETS / f"{text}.toml").read_text(encoding="utf-8"), f"preset '{text}'")
    path = Path(text).expanduser()
    if not path.is_file():
        if path.suffix == ".toml" or len(path.parts) > 1:
            raise InputError(f"There is no cluster file '{text}'. Check the path, or use {_choices()}.")
        raise InputError(
            f"There is no cluster called '{text}'.{did_you_mean(text, preset_names())} Or name a TOML file, "
            "processors:N for one pool of N processors, or machines:N for N machines."
        )
    if path.suffix.lower() == ".csv":
        return _node_list(path)
    try:
        return parse_cluster(path.read_text(encoding="utf-8-sig"), text)
    except UnicodeDecodeError as error:
        raise InputError(f"Cluster file '{text}' is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"Cluster file '{text}' cannot be read: {error.strerror}.") from error


def _node_list(path: Path) -> Cluster:
    """Return the cards of an openb node list; the preset knows what each model draws."""
    from plugins.node_list import read_node_list  # its tables come with all the readers of workloads

    preset = load_cluster("openb")
    return read_node_list(path, {device.model: device for device in preset.devices})


def _choices() -> str:
    return "one of the presets " + ", ".join(preset_names())


def parse_cluster(text: str, where: str) -> Cluster:
    """Return the cluster that a TOML text describes; ``where`` names the file in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not valid TOML: {error}.") from error
    _only_known(where, "the file", data, ("name", "device", "link"))
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f'{where} needs a name, such as name = "my-cluster".')
    rows = data.get("device")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{where} describes no device; it needs at least one [[device]] table.")
    devices: list[Device] = []
    for number, row in enumerate(rows, start=1):
        devices.extend(_devices(where, number, row, first_index=len(devices)))
    try:
        return Cluster(name, tuple(devices), _link(where, data.get("link", {})))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _devices(where: str, number: int, row: Mapping[str, Any], first_index: int) -> list[Device]:
    """Return the devices of one table: ``count = 4`` of ``cpu`` makes cpu-0 .. cpu-3, without ``count`` it is one."""
    device = f"device '{row['id']}'" if isinstance(row.get("id"), str) else f"device {number}"
    _only_known(where, device, row, _DEVICE_KEYS)
    for key in ("id", "kind", "model"):
        if key not in row:
            raise InputError(f"{where}: {device} has no {key}.")
    fields: dict[str, Any] = {key: _text(where, device, key, row[key]) for key in _TEXTS if key in row}
    fields |= {key: _number(where, device, key, row[key]) for key in _NUMBERS if key in row}
    if "slots" in row:
        fields["slots"] = _whole(where, device, "slots", row["slots"])
    fields["speed_at"] = _speed_at(where, device, row.get("speed_at", []))
    if "count" not in row:
        return [Device(index=first_index, **fields)]
    count = _whole(where, device, "count", row["count"])
    base = fields.pop("id")
    return [Device(index=first_index + i, id=f"{base}-{i}", **fields) for i in range(count)]


def _link(where: str, table: Any) -> Link:
    if not isinstance(table, dict):
        raise InputError(f"{where}: link must be a table: [link] with gb_s and latency_s.")
    _only_known(where, "[link]", table, ("gb_s", "latency_s"))
    return Link(**{key: _number(where, "[link]", key, value) for key, value in table.items()})


def _only_known(where: str, what: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    names = tuple(known)
    for key in table:
        if key not in names:
            raise InputError(f"{where}: {what} has an unknown key '{key}'.{did_you_mean(key, names)}")


def _text(where: str, device: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or (not value and key != "source"):
        raise InputError(f"{where}: {device} has {key} = {value!r}; it must be a text in quotes.")
    if key == "id" and (not value.isprintable() or any(c in value for c in " =\"',")):
        raise InputError(f"{where}: {device} needs an id without spaces, quotes, commas and '=' (results use them).")
    return value


def _number(where: str, device: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {device} has {key} = {value!r}; it must be a number.")
    return float(value)


def _whole(where: str, device: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_COUNT:
        raise InputError(f"{where}: {device} has {key} = {value!r}; it must be a whole number from 1 to {_MAX_COUNT}.")
    return value


def _speed_at(where: str, device: str, value: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise InputError(f"{where}: {device} needs speed_at as a list of [second, factor], such as [[60.0, 0.5]].")
    return tuple((_number(where, device, "speed_at", at), _number(where, device, "speed_at", f)) for at, f in value)
