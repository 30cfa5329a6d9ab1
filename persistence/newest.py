"""The newest training samples of all runs, from which a learner starts warm.

Only samples of the same features and device models can be learned from together: those of the newest run that has any
decide (:class:`persistence.kin.Kin`). The order is that of ``created_at``; samples of one instant are in the order of
their values, so that database and journals agree about which are the last. While the database is silent the journals
of this machine answer alone: what other machines have recorded is then missing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.training import TrainingSamples
from persistence.errors import JournalError
from persistence.journal.columns import undamaged
from persistence.journal.reader import JournalReader
from persistence.journal.samples import TABLE, TAIL_BYTES, as_samples, created_at_us, sample_table
from persistence.kin import DatedSamples, Kin
from persistence.recording.wanted_again import believed
from persistence.storage import CLEANED_UP

_LAST_LINE_BYTES = 16 * 1024
_log = logging.getLogger(__name__)


class SampledJournals:
    """The journals of this machine that hold samples, with how far each goes."""

    def __init__(self, runs_dir: Path) -> None:
        self._readers: dict[str, JournalReader] = {}
        self._sizes: dict[str, int] = {}
        for path in runs_dir.glob(f"*/{TABLE}.csv"):
            reader = JournalReader(path.parent)
            size = path.stat().st_size
            if size > reader.first(TABLE) and (path.parent / "run.json").exists():
                self._readers[reader.run], self._sizes[reader.run] = reader, size

    def behind(self, offsets: Mapping[str, Mapping[str, int]]) -> list[str]:
        """Return the runs whose samples a database with these offsets does not hold in full: not arrived yet, or
        refused as data."""
        return [run for run, reader in self._readers.items() if self._is_behind(reader, offsets.get(run, {}))]

    def kin(self, runs: Iterable[str] | None = None) -> list[Kin]:
        """Return the kin of these runs (None: of all); a journal that cannot be read has none."""
        found = []
        for run in self._readers if runs is None else runs:
            with contextlib.suppress(JournalError):  # check-db names it
                found.append(Kin.of(self._readers[run].header()))
        return found

    def newest(self, like: Kin, kin: Sequence[Kin], limit: int) -> DatedSamples | None:
        """Return the last ``limit`` samples of those of these runs that go with ``like``; None when there are none.

        A journal that is damaged there is left out, with a warning in the log.
        """
        last = []
        for run in (each.run for each in kin if each.goes_with(like)):
            with _damage_in_the_log():
                if (at_us := self._last_us(run)) is not None:
                    last.append((at_us, run))
        found: DatedSamples | None = None
        for at_us, run in sorted(last, reverse=True):
            if found is not None and len(found) >= limit and at_us < found.created_at_us[0]:
                break  # and so are all samples of the runs that ended sooner
            with _damage_in_the_log():
                more = self._tail(run, limit)
                found = newest_of([more] if found is None else [found, more], limit)
        return found

    def _is_behind(self, reader: JournalReader, offsets: Mapping[str, int]) -> bool:
        offsets = believed(reader, offsets)
        arrived = offsets.get(TABLE, 0) >= self._sizes[reader.run] and not reader.rejected(TABLE)
        return CLEANED_UP not in offsets and not arrived

    def _last_us(self, run: str) -> int | None:
        """Return when the last whole row was recorded; None where the first one is just being written."""
        at_us, _, _ = self._table(run, _LAST_LINE_BYTES)
        return int(at_us[-1]) if len(at_us) else None

    def _tail(self, run: str, limit: int) -> DatedSamples:
        """Return the last ``limit`` rows, and those of the same instant as the first of them."""
        size = TAIL_BYTES
        while True:
            at_us, table, whole = self._table(run, size)
            enough = len(at_us) > limit and at_us[0] < at_us[-limit]
            if whole or enough:
                first = int(np.searchsorted(at_us, at_us[-limit])) if len(at_us) > limit else 0
                with undamaged(self._readers[run], TABLE):
                    return DatedSamples(at_us[first:], as_samples(table.slice(first)))
            size *= 2

    def _table(self, run: str, size: int) -> tuple[Any, Any, bool]:
        """Return times and rows at the end of a journal, one at least if it has any, and whether these are all."""
        reader, end = self._readers[run], self._sizes[run]
        while True:
            first = reader.first(TABLE)
            start = max(first, end - size)
            table = sample_table(reader, start, end, whole=start == first)
            if len(table) or start == first:
                with undamaged(reader, TABLE):
                    return created_at_us(table["created_at"]), table, start == first
            size *= 2


@contextlib.contextmanager
def _damage_in_the_log() -> Iterator[None]:
    try:
        yield
    except JournalError as error:
        _log.warning("%s", error)


def newest_of(parts: Sequence[DatedSamples], limit: int) -> DatedSamples:
    """Return the last ``limit`` samples of all parts, in order."""
    at_us = np.concatenate([part.created_at_us for part in parts])
    samples = [part.samples for part in parts]
    columns = {f.name: np.concatenate([getattr(each, f.name) for each in samples]) for f in fields(TrainingSamples)}
    features = columns.pop("features")
    keys = [at_us, *columns.values(), *features.T]
    order = np.lexsort(keys[::-1])[-limit:]
    picked = {name: column[order] for name, column in columns.items()}
    return DatedSamples(at_us[order], TrainingSamples(**picked, features=features[order]))
