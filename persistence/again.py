"""Asking once more when SchedRace's own PostgreSQL has gone, as it does with the SchedRace that ran it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from persistence.errors import OwnServerStopped

TRIES = 10
"""Several that share a server may end one after the other; who has started it itself loses it no more."""
_P = ParamSpec("_P")
_R = TypeVar("_R")


def asked_again(work: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function that may be done twice begin anew where it raises :class:`OwnServerStopped`.

    It must connect by itself: connecting waits until the server is there again.
    """

    @functools.wraps(work)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for _ in range(TRIES - 1):
            try:
                return work(*args, **kwargs)
            except OwnServerStopped:
                continue
        return work(*args, **kwargs)

    return call
