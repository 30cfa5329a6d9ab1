"""One plugin, loaded and asked alone, so that a broken one becomes a record and takes nothing with it."""

from __future__ import annotations

import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from types import ModuleType

import pluggy

from engine.errors import InputError
from plugins import hookspecs
from plugins.discovery import Candidate
from plugins.kinds import KINDS, KindOfPlugin, check_thing, kind_of
from plugins.record import PluginRecord, Provided

Things = list[tuple[KindOfPlugin, type]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin's record, and the classes that it provides (none when it failed)."""

    record: PluginRecord
    things: Things


def load_plugin(candidate: Candidate) -> Loaded:
    """Load a plugin and check everything that it provides; whatever goes wrong is in the record."""
    record = PluginRecord(
        name=candidate.name,
        source=candidate.source,
        where=candidate.where,
        state="active",
        description=candidate.description,
        version=candidate.version,
    )
    if candidate.stranger:
        return Loaded(replace(record, state="waiting for trust", error=candidate.stranger), [])
    try:
        # what a stranger prints must not mix with what a command prints for programs (--json)
        with redirect_stdout(sys.stderr):
            plugin = candidate.load()
        things = things_of(plugin, candidate.name)
        provides = tuple(Provided(k.kind, thing.name, thing.summary) for k, thing in things)  # type: ignore[attr-defined]
        description, version = record.description or _first_line(plugin), record.version or _version(plugin)
    # a plugin may raise anything at all, also leave by sys.exit(); only Ctrl-C is the user's
    except (Exception, SystemExit) as error:
        return Loaded(failed(record, error), [])
    return Loaded(replace(record, description=description, version=version, provides=provides), things)


def failed(record: PluginRecord, error: BaseException) -> PluginRecord:
    """Return the record of a plugin that could not be used because of ``error``."""
    trace = "" if isinstance(error, InputError) else "".join(traceback.format_exception(error))
    return replace(record, state="failed", error=sentence(record.where, error), traceback=trace, provides=())


def sentence(where: str, error: BaseException) -> str:
    """Say what happened to the plugin, in which line of its file where that is known, and what to do."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, SyntaxError) and not error.lineno:  # null bytes, or an encoding that nobody knows
        return f"{where} is no Python source ({error.msg}). Save it as UTF-8 text, or take it away."
    if isinstance(error, SyntaxError):
        return f"{where} has a syntax error in line {error.lineno}: {error.msg}. Mend it and load it again."
    if isinstance(error, OSError) and error.filename == where:
        return f"{where} cannot be read: {error.strerror}. Check the file and its permissions."
    line = _line_in(where, error)
    if isinstance(error, SystemExit):
        return f"{where} leaves the program{line}; take the call of exit out."
    if isinstance(error, ModuleNotFoundError):
        return f"{where} needs the module '{error.name}'{line}, which is not installed; install it, or take it out."
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{where} raises {what}{line}."


def _line_in(where: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == where]
    return f" in line {lines[-1]}" if lines else ""


def things_of(plugin: object, name: str) -> Things:
    """Return what a plugin provides: a class itself, what its hooks return, else the classes that its module defines.

    Raises :class:`InputError` when that is nothing, or nothing usable.
    """
    if isinstance(plugin, type):
        kind = kind_of(plugin)
        things = [] if kind is None else [(kind, plugin)]
    else:
        things = _from_hooks(plugin, name) or (_defined_in(plugin) if isinstance(plugin, ModuleType) else [])
    if not things:
        bases = ", ".join(k.base.__name__ for k in KINDS)
        raise InputError(
            f"'{name}' provides nothing: it needs a subclass of one of {bases}, or a hook that returns one."
        )
    for kind, thing in things:
        check_thing(kind, thing)
    return things


def _from_hooks(plugin: object, name: str) -> Things:
    # a manager of its own: no hook of this plugin can disturb another one's
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name)
    manager.check_pending()
    things: Things = []
    for kind in KINDS:
        for answer in getattr(manager.hook, kind.hook)():
            if not isinstance(answer, list | tuple):
                raise InputError(f"{kind.hook} of '{name}' returned {answer!r}; it must return a list of classes.")
            things.extend((kind, thing) for thing in answer)
    return things


def _defined_in(module: ModuleType) -> Things:
    """Classes whose name begins with an underscore are their author's own."""
    own = [
        thing
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == module.__name__ and not name.startswith("_")
    ]
    return [(kind, thing) for thing in dict.fromkeys(own) if (kind := kind_of(thing)) is not None]


def _first_line(plugin: object) -> str:
    text = (getattr(plugin, "__doc__", None) or "").strip()
    return text.splitlines()[0] if text else ""


def _version(plugin: object) -> str:
    version = getattr(plugin, "__version__", "")
    return version if isinstance(version, str) else ""
