"""Where plugins come from: the built-in packages, installed packages (entry points), and the drop-in folder."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import platformdirs

from plugins.record import Source

ENTRY_POINT_GROUP = "schedrace"
DROP_IN_PACKAGE = "schedrace_dropin"
FOLDER_VARIABLE = "SCHEDRACE_PLUGINS"
ONLY_VARIABLE = "SCHEDRACE_LOAD_PLUGINS"
BUILT_IN = ("plugins.schedulers", "plugins.estimators", "plugins.workloads", "plugins.storage")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not loaded yet. ``stranger`` names the reason why its code must not be run."""

    name: str
    source: Source
    where: str
    load: Callable[[], object]
    description: str = ""
    version: str = ""
    stranger: str = ""


def plugins_folder() -> Path:
    """The drop-in folder: ``SCHEDRACE_PLUGINS``, else ``plugins`` in the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_path("schedrace")) / "plugins"


def only_these() -> frozenset[str] | None:
    """The plugins that ``SCHEDRACE_LOAD_PLUGINS`` (names and commas; empty: none) lets in beside the built-in ones."""
    names = os.environ.get(ONLY_VARIABLE)
    return None if names is None else frozenset(name.strip() for name in names.split(","))


def built_in() -> list[Candidate]:
    """Return the plugins that come with SchedRace."""
    try:
        version = metadata.version("schedrace")
    except metadata.PackageNotFoundError:  # run from a source tree
        version = ""
    return [
        Candidate(
            module.rpartition(".")[2], "built-in", module, partial(importlib.import_module, module), version=version
        )
        for module in BUILT_IN
    ]


def given(plugins: Iterable[object]) -> list[Candidate]:
    """Return plugins that the caller holds in its hands: modules or classes."""
    return [
        Candidate(getattr(plugin, "__name__", repr(plugin)), "given", repr(plugin), partial(_itself, plugin))
        for plugin in plugins
    ]


def _itself(plugin: object) -> object:
    return plugin


def installed() -> list[Candidate]:
    """Return the plugins of installed packages, in the order of their names."""
    found = metadata.entry_points(group=ENTRY_POINT_GROUP)
    return [_installed(point) for point in sorted(found, key=lambda point: (point.name, point.value))]


def _installed(point: metadata.EntryPoint) -> Candidate:
    package = point.dist
    return Candidate(
        point.name,
        "entry point",
        f"{package.name}: {point.value}" if package else point.value,
        point.load,
        description=_summary(package) if package else "",
        version=package.version if package else "",
    )


def _summary(package: metadata.Distribution) -> str:
    # typed without .get(), and a missing key gives None
    return package.metadata["Summary"] or ""


def drop_ins(folder: Path) -> list[Candidate]:
    """Return the ``*.py`` files of the folder in the order of their names, except those that begin with ``_`` or ``.``.

    A folder that does not exist holds none; one that cannot be read raises OSError.
    """
    if not folder.exists():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "._")
    return [drop_in(path) for path in paths]


def drop_in(path: Path) -> Candidate:
    """Return the plugin in one file."""
    return Candidate(path.stem, "drop-in", str(path), partial(load_file, path), stranger=_stranger(path))


def _stranger(path: Path) -> str:
    """A file that another account put into the folder is not run before its user has made it his own."""
    if os.name != "posix" or os.geteuid() == 0:
        return ""
    try:
        owner = path.stat().st_uid
    except OSError:  # a dangling link: loading it gives the reason
        return ""
    if owner in (0, os.geteuid()):
        return ""
    return f"{path} belongs to another account (user id {owner}). To trust it, replace it by a copy of your own."


class _SourceOnly(SourceFileLoader):
    """Always compiles the source: bytecode is trusted by the second, and an edit can follow the last one faster."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: Any = self.source_to_code(self.get_data(path), path)
        assert isinstance(code, CodeType)
        return code


def load_file(path: Path) -> ModuleType:
    """Run the file as module ``schedrace_dropin.<stem>`` and return it; anything that it raises comes through."""
    name = f"{DROP_IN_PACKAGE}.{path.stem}"
    spec = spec_from_file_location(name, path, loader=_SourceOnly(name, str(path)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    # dataclasses and typing look a class's module up here
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
