"""Which reader takes which file: never two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.choosing import choose_workload, cluster_for
from plugins.clusters import load_cluster
from plugins.registry import load_registry
from tests.plugins.reading import NOT_HERE, TRACES

READERS = {
    "openb/openb_pod_list_default.csv": ("openb", "openb"),
    "gpu/gavel_msr_seed0_6214e9_first1000.trace": ("gavel", "gavel"),
    "gpu/sia_philly_workload-1.csv": ("sia", "pollux"),
    "kernels/cgo17-nvidia.csv": ("kernels", None),
    "braun/u_c_hihi.0": ("etc_matrix", "machines:16"),
}


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
@pytest.mark.parametrize(("file", "reader", "cluster"), [(file, *taken) for file, taken in READERS.items()])
def test_a_recorded_trace_goes_to_its_reader_and_names_a_cluster_that_there_is(
    file: str, reader: str, cluster: str | None
) -> None:
    registry = load_registry()
    assert choose_workload(str(TRACES / file), registry).plugin.name == reader
    belongs_on = cluster_for(str(TRACES / file), registry)
    assert belongs_on == cluster
    assert belongs_on is None or load_cluster(belongs_on).devices


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
def test_no_recorded_file_is_taken_by_two_readers() -> None:
    workloads = load_registry().workloads.values()
    for path in filter(Path.is_file, TRACES.rglob("*")):
        with path.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(4096)
        taken_by = [plugin.name for plugin in workloads if plugin.recognises(path, head)]
        assert len(taken_by) <= 1, (path.name, taken_by)
