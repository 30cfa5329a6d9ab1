"""Training samples of one run as a file, from which learners of other races start (resources/help/learning.md)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import InputError
from engine.history import History

if TYPE_CHECKING:
    from engine.cluster import Cluster
    from engine.workload import Workload

FORMAT = "schedrace training samples 1"
"""Changes whenever a file must be read otherwise; a file of another format is refused."""
MOST_BYTES = 64 * 1024 * 1024
_AGAIN = "Write it again with: schedrace race --warm-start RUN"


@dataclass(frozen=True, slots=True, eq=False)
class StoredHistory:
    """A history and where it comes from.

    ``run`` and ``scheduler`` are whose samples these are, raced on ``cluster`` with ``workload``; ``metrics`` is what
    that learner said of itself at the end of the run; ``app_version`` wrote the file, of which ``text`` is the whole.
    """

    run: str
    scheduler: str
    workload: str
    cluster: str
    metrics: Mapping[str, Any]
    app_version: str
    history: History
    text: str

    def check_goes_with(self, tasks: Workload, cluster: Cluster) -> None:
        """Raise :class:`InputError` when a learner of such tasks on such a cluster cannot start from these samples."""
        compared = (  # what, stored, raced
            ("the cluster", self.cluster, cluster.name),
            ("device models", ", ".join(self.history.models), ", ".join(tasks.models)),
            ("features", ", ".join(self.history.feature_names), ", ".join(tasks.feature_names)),
        )
        for what, stored, raced in compared:
            if stored != raced:
                raise InputError(
                    f"The warm start from run '{self.run}' does not fit this race: it knows {what} "
                    f"{stored or '(none)'}, here is {raced or '(none)'}. Start from a run of the same cluster and kind "
                    "of workload."
                )


def history_text(
    run: str, scheduler: str, workload: str, cluster: str, metrics: Mapping[str, Any], history: History
) -> str:
    """Return the text of the file that holds a history; the same history gives the same text."""
    body = {
        "format": FORMAT,
        "app_version": version("schedrace"),
        "run": run,
        "scheduler": scheduler,
        "workload": workload,
        "cluster": cluster,
        "metrics": dict(metrics),
        "window": len(history),
        "models": list(history.models),
        "feature_names": list(history.feature_names),
        "model": history.model.tolist(),
        "fraction": history.fraction.tolist(),
        "work_s": history.work_s.tolist(),
        "nominal_s": [_finite_or_none(row) for row in history.nominal_s.tolist()],
        "features": [_finite_or_none(row) for row in history.features.tolist()],
    }
    return json.dumps({"digest": _digest(body), **body}, ensure_ascii=False, allow_nan=False) + "\n"


def read_history(path: Path) -> StoredHistory:
    """Return what a file holds. Raises :class:`InputError` with what is wrong with it; nothing of it is executed."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"The warm start '{path}' is larger than {MOST_BYTES:,} bytes; it is none of SchedRace.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"There is no file '{path}' to start warm from. Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The warm start '{path}' cannot be read: {error}.") from error
    try:
        body = json.loads(text)
        form = body.pop("format")
        digest = body.pop("digest")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"'{path}' holds no training samples of SchedRace. {_AGAIN}") from error
    if form != FORMAT:
        raise InputError(f"'{path}' has the format '{form}'; this SchedRace reads '{FORMAT}'. {_AGAIN}")
    if digest != _digest({"format": form, **body}):
        raise InputError(f"'{path}' has been changed since it was written: its digest does not fit. {_AGAIN}")
    try:
        return StoredHistory(
            **{name: _text(body[name]) for name in ("run", "scheduler", "workload", "cluster", "app_version")},
            metrics=dict(body["metrics"]),
            history=_history(body),
            text=text,
        )
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"'{path}' holds samples that cannot be: {error}. {_AGAIN}") from error


def _history(body: Mapping[str, Any]) -> History:
    models, names = tuple(map(_text, body["models"])), tuple(map(_text, body["feature_names"]))
    rows = len(body["model"])
    history = History(
        models=models,
        feature_names=names,
        model=np.array(body["model"], dtype=np.int64).reshape(rows),
        fraction=np.array(body["fraction"], dtype=np.float64).reshape(rows),
        work_s=np.array(body["work_s"], dtype=np.float64).reshape(rows),
        nominal_s=_table(body["nominal_s"], math.inf, rows, len(models)),
        features=_table(body["features"], math.nan, rows, len(names)),
    )
    if not rows or not ((history.model >= 0) & (history.model < len(models))).all():
        raise ValueError("a sample of no device model")
    if not (np.isfinite(history.work_s) & (history.work_s > 0)).all() or not (history.nominal_s > 0).all():
        raise ValueError("seconds that are not above 0")
    if not np.isfinite(history.nominal_s[np.arange(rows), history.model]).all():
        raise ValueError("a task on a device model that cannot run it")
    if not ((history.fraction > 0) & (history.fraction <= 1)).all():
        raise ValueError("a share that is not above 0 and at most 1")
    return history


def _table(rows: Sequence[Sequence[float | None]], unknown: float, height: int, width: int) -> Any:
    values = [[unknown if value is None else value for value in row] for row in rows]
    return np.array(values, dtype=np.float64).reshape(height, width)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text belongs")
    return value


def _finite_or_none(values: Sequence[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
