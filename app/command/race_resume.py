"""``schedrace race --resume``: what goes with it, and the run that it means."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from persistence.recording.cut_runs import CutRun
    from persistence.settings import StorageSettings

OF_THE_RACE = (
    "file",
    "workload",
    "tasks",
    "load",
    "seed",
    "cluster",
    "schedulers",
    "param",
    "weights",
    "drift",
    "warm_start",
)
"""Options that say what races: a run that is resumed says so itself."""


def asked_run(options: argparse.Namespace, settings: StorageSettings | None) -> CutRun | None:
    """Return the cut run that ``--resume`` names, None without it. Raises :class:`InputError`, and
    :class:`persistence.errors.JournalBusy` at once while another SchedRace resumes it."""
    if options.resume is None:
        return None
    given = [name for name in OF_THE_RACE if getattr(options, name) not in (None, [])]
    if given:
        option = "a race file" if given[0] == "file" else f"--{given[0].replace('_', '-')}"
        raise InputError(
            f"--resume goes on with a race as it was, and {option} would make it another one; leave one of them out."
        )
    if settings is None:
        raise InputError("--resume goes on with a record, but --storage none records nothing; leave one of them out.")
    from app.resumption import cut_run
    from persistence.recording.cut_runs import check_free

    cut = cut_run(settings, options.resume)
    check_free(cut)
    return cut
