"""A first plugin of one's own: a working, commented file written into the plugins folder."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

from engine.errors import InputError, did_you_mean
from plugins.kinds import KINDS
from plugins.record import PluginKind
from plugins.registry import load_registry

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TEMPLATES = files("resources") / "template"


def new_plugin(folder: Path, name: str, kind: str = "scheduler") -> Path:
    """Write ``<name>.py`` into the folder (made if it is missing) and return its path.

    Raises :class:`InputError` for an unknown kind, a name that is taken or cannot be used, and a file that exists.
    """
    if kind not in get_args(PluginKind):
        raise InputError(f"There is no kind of plugin called '{kind}'.{did_you_mean(kind, get_args(PluginKind))}")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(f"'{name}' cannot be a plugin's name; use small letters, digits and _, a letter first.")
    if name in _taken(kind):
        raise InputError(f"The {kind} name '{name}' is taken by SchedRace; choose another.")
    path = folder / f"{name}.py"
    text = (_TEMPLATES / f"{kind}.py.txt").read_text(encoding="utf-8")
    text = text.replace("__NAME__", name).replace("__CLASS__", _class_name(name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise InputError(f"'{error.filename or path}' exists already; choose another name, or edit it.") from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be written: {error.strerror}. Check the plugins folder.") from error
    return path


def _taken(kind: str) -> set[str]:
    reserved = {name for entry in KINDS if entry.kind == kind for name in entry.reserved}
    provided = (thing for record in load_registry(plugins=[]).plugins for thing in record.provides)
    return reserved | {thing.name for thing in provided if thing.kind == kind}


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) or name
