"""The built-in estimators that learn; ``nominal``, ``law`` and ``true`` are the engine's own."""

from __future__ import annotations

from engine.estimator import Estimator
from plugins.estimators.forest import Forest
from plugins.hookspecs import hookimpl


@hookimpl
def schedrace_estimators() -> list[type[Estimator]]:
    """Return the built-in estimators."""
    return [Forest]
