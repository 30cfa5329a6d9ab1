"""What the tests of trace readers share: where the recorded traces are, how a file is read, and damaged files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.cluster import Cluster
from engine.errors import InputError
from engine.workload import Workload
from plugins.clusters import load_cluster
from plugins.workload import WorkloadPlugin, WorkloadRequest

TRACES = Path(__file__).parents[2] / "../shared/traces"
NOT_HERE = "the recorded traces (../shared/traces) are not here"

AWKWARD = ("", "-1", "nan", "inf", "1e308", "1e999", "0", "x", "9" * 30, "\x00", '"', "1.5", "-0", "٣")


def read(
    plugin: type[WorkloadPlugin],
    path: Path,
    cluster: Cluster | str = "default",
    tasks: int | None = None,
    load: float | None = None,
    **params: Any,
) -> Workload:
    """Return what a reader makes of a file."""
    racing_on = load_cluster(cluster) if isinstance(cluster, str) else cluster
    request = WorkloadRequest(racing_on, seed=1, tasks=tasks, load=load, path=path)
    return plugin(plugin.Params(**params)).load(request)


def is_read_or_refused(plugin: type[WorkloadPlugin], path: Path, cluster: Cluster | str, **params: Any) -> None:
    """Fail when a reader does anything but return a workload that can race or refuse with a sentence."""
    try:
        tasks = read(plugin, path, cluster, **params)
    except InputError as error:
        assert str(error)
    else:
        assert len(tasks) > 0
        assert (tasks.actual_s > 0).all()
        assert np.isfinite(tasks.actual_s).any(axis=1).all()


def damaged(valid: str) -> st.SearchStrategy[bytes]:
    """Return files that are nearly ``valid``: cut off, a cell or a stretch replaced; or anything at all."""
    at = st.integers(0, len(valid))
    cut = at.map(lambda i: valid[:i])
    cells = valid.replace("\t", ",").replace("\n", ",").split(",")
    cell = st.tuples(st.sampled_from(cells), st.sampled_from(AWKWARD)).map(lambda pair: valid.replace(*pair, 1))
    stretch = st.tuples(at, at, st.text(max_size=8)).map(lambda x: valid[: x[0]] + x[2] + valid[max(x[:2]) :])
    text = st.one_of(cut, cell, stretch, st.text(max_size=60))
    return st.one_of(text.map(lambda t: t.encode("utf-8", "surrogatepass")), st.binary(max_size=60))
