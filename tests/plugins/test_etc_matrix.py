"""Reading and drawing ETC matrices."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from engine.errors import Cancelled, InputError
from engine.simulation import Simulation
from engine.workload import Workload
from plugins.choosing import choose_workload, cluster_for
from plugins.clusters import load_cluster
from plugins.registry import load_registry
from plugins.schedulers.max_min import MaxMin
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met
from plugins.schedulers.min_min import MinMin
from plugins.schedulers.olb import Olb
from plugins.workload import WorkloadRequest
from plugins.workloads.braun import MACHINE_RANGE, TASK_RANGE, Braun, BraunParams
from plugins.workloads.etc_matrix import EtcMatrix
from tests.engine.engine_worlds import laws
from tests.plugins.reading import NOT_HERE, TRACES, damaged, is_read_or_refused, read

SMALL = "2 3 0\n4.5\n2.0\n9.0\n1.0\ninf\n3.5\n"
MATRIX = [[4.5, 2.0, 9.0], [1.0, np.inf, 3.5]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.0"
    path.write_text(SMALL)
    return path


@pytest.mark.parametrize("text", [SMALL, "2 3\n4.5 2.0 9.0\n1 inf 3.5", "2 3 0\r\n4.5 2 9\r\n\r\n1e0 Infinity 3.5\r\n"])
def test_a_value_a_line_or_a_task_a_line_is_the_same_matrix(file: Path, text: str) -> None:
    file.write_text(text)
    tasks = read(EtcMatrix, file, "machines:3")
    assert tasks.models == ("m0", "m1", "m2")
    assert tasks.actual_s.tolist() == tasks.etc_s.tolist() == MATRIX
    assert tasks.arrival_s.tolist() == [0.0, 0.0]
    assert not tasks.divisible.any()


def test_the_account_says_what_was_read_and_taken_to_be_so(file: Path) -> None:
    tasks = read(EtcMatrix, file, "machines:3", tasks=1, load=0.5, divisible=True)
    assert len(tasks) == 1 and tasks.divisible.all()
    said = " ".join(tasks.notes)
    for part in ("Read 2 tasks from 'small.0': 1 race, 1 were left out", "true ones too", "load has no effect"):
        assert part in said


def test_it_is_recognised_and_names_its_machines(file: Path) -> None:
    registry = load_registry(plugins=[])
    assert choose_workload(str(file), registry).plugin is EtcMatrix
    assert cluster_for(str(file), registry) == "machines:3"


@pytest.mark.parametrize(
    "head",
    [
        "", "2\n1.0\n", "2 3 1\n1.0\n", "2 3 0\n", "2 3 0\n1 2\n", "2 3 0\nx\n", "2 3 0\n-1\n", "2 -3\n1\n", "0 3\n1\n",
        "2 99999\n1\n", "arrival_s,actual_cpu_s\n0,1\n", "; Computer: X\n1 0 -1 5 1\n", " 3 2\n 0 0 0\n 1 5 1\n",
        '{"name": 1}\n', "\x00\x01\n\x02", "٣ ٢\n1\n", "1" * 5000 + " 2\n1\n",
    ],
)  # fmt: skip
def test_other_files_are_not_recognised(head: str) -> None:
    assert not EtcMatrix.recognises(Path("a.0"), head)


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
@pytest.mark.parametrize("name", ["u_c_hihi.0", "u_c_lolo.0", "u_i_hihi.0", "u_i_hilo.0", "u_s_hihi.0", "u_s_lohi.0"])
def test_the_benchmark_instances_are_read_whole(name: str) -> None:
    path = TRACES / "braun" / name
    tasks = read(EtcMatrix, path, "machines:16")
    assert tasks.actual_s.shape == (512, 16)
    assert tasks.actual_s.ravel().tolist() == np.loadtxt(path, skiprows=1).tolist()
    assert "Read 512 tasks" in tasks.notes[0] and "none was left out" in tasks.notes[0]
    if name.startswith("u_c"):
        assert (np.diff(tasks.actual_s, axis=1) >= 0).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: an ETC matrix begins with its size"),
        ("hello\n", "line 1: an ETC matrix begins with its size"),
        ("2 3 7\n", "line 1: an ETC matrix begins with its size"),
        ("0 3\n", "line 1: has the size 0 x 3"),
        ("9999999999999999999 3\n1\n", "line 1: has the size"),
        ("2 3 0\n1\n2\n", "line 3: the file ends after 2 of the 2 x 3 values"),
        ("999999999 9999 0\n1\n", "the file ends after 1 of the 999,999,999 x 9,999 values"),
        ("1 2 0\n1\n2\n\n3\n", "line 5: goes on after the 1 x 2 values"),
        ("1 2 0\n1\nx\n", "line 3, column m1: 'x' is not a number"),
        ("1 2 0\n1\nnan\n", "line 3, column m1: 'nan' is not a finite number"),
        ("1 2 0\n-4 1\n", "line 2, column m0: -4 must be above 0"),
        ("1 2 0\n0 1\n", "line 2, column m0: 0 must be above 0"),
        ("1 2 0\n1 1e300\n", "line 2, column m1: 1e300 is above 1e+15 s"),
        ("2 2 0\n1 1\ninf inf\n", "can run on no device model. Tasks are counted from 0"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_machine_and_nothing_is_read(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        read(EtcMatrix, file, "machines:3")
    assert said in str(refused.value) and str(file) in str(refused.value)


def test_a_binary_file_is_refused_and_reading_can_be_cancelled(file: Path) -> None:
    def stop(share: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        EtcMatrix().load(WorkloadRequest(load_cluster("machines:3"), seed=1, path=file, progress=stop))
    file.write_bytes(b"2 3 0\n\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read(EtcMatrix, file, "machines:3")


@laws(150)
@given(damaged(SMALL.replace("\n", "\t\n")))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.0"
        path.write_bytes(content)
        is_read_or_refused(EtcMatrix, path, "machines:3")
        head = content.decode("utf-8", "replace")
        named = EtcMatrix.cluster_of(path, head)
        assert EtcMatrix.recognises(path, head) <= (named is not None)
        assert named is None or load_cluster(named).devices


def drawn(consistency: str, task: str, machine: str, seed: int = 1) -> Workload:
    params = BraunParams(consistency=consistency, task_heterogeneity=task, machine_heterogeneity=machine)
    return Braun(params).load(WorkloadRequest(load_cluster("machines:16"), seed))


@pytest.mark.parametrize("consistency", ["consistent", "inconsistent", "semi"])
@pytest.mark.parametrize("task", ["high", "low"])
@pytest.mark.parametrize("machine", ["high", "low"])
def test_a_drawn_matrix_has_the_ranges_and_the_order_of_its_class(consistency: str, task: str, machine: str) -> None:
    tasks = drawn(consistency, task, machine)
    etc_s = tasks.actual_s
    assert etc_s.shape == (512, 16)
    largest = TASK_RANGE[task] * MACHINE_RANGE[machine]
    # the mean of a product of two uniform variables; 512 baselines leave it about 3 % wide
    assert etc_s.mean() == pytest.approx((1 + TASK_RANGE[task]) * (1 + MACHINE_RANGE[machine]) / 4, rel=0.1)
    assert etc_s.min() >= 1.0 and 0.5 * largest < etc_s.max() < largest
    assert (np.diff(etc_s, axis=1) >= 0).all() == (consistency == "consistent")
    assert (np.diff(etc_s[:, ::2], axis=1) >= 0).all() == (consistency != "inconsistent")
    assert not (np.diff(etc_s[:, 1::2], axis=1) >= 0).all() or consistency == "consistent"
    assert not tasks.arrival_s.any()


def test_the_seed_decides_and_the_cluster_gives_the_columns() -> None:
    one, same, other = (drawn("semi", "high", "low", seed).actual_s for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    tasks = Braun(BraunParams(divisible=True)).load(WorkloadRequest(load_cluster("default"), 1, tasks=5, load=0.5))
    assert tasks.models == ("cpu", "gpu") and len(tasks) == 5 and tasks.divisible.all()
    assert "load has no effect" in tasks.notes[-1]


@pytest.mark.parametrize("consistency", ["consistent", "inconsistent", "semi"])
@pytest.mark.parametrize(("task", "machine"), [("high", "high"), ("low", "low"), ("high", "low"), ("low", "high")])
def test_the_heuristics_rank_on_fresh_matrices_as_the_paper_found(consistency: str, task: str, machine: str) -> None:
    """Min-min is ahead of MCT, MCT of max-min and OLB; MET is last where some machine is best for all, else OLB."""
    cluster = load_cluster("machines:16")
    total_s = {rule.name: 0.0 for rule in (MinMin, Mct, MaxMin, Olb, Met)}
    for seed in (1, 2):
        tasks = drawn(consistency, task, machine, seed)
        for rule in (MinMin, Mct, MaxMin, Olb, Met):
            simulation = Simulation(tasks, cluster, rule())
            simulation.advance()
            total_s[rule.name] += simulation.now_s
    assert total_s["min_min"] < total_s["mct"] < min(total_s["max_min"], total_s["olb"])
    assert max(total_s, key=total_s.__getitem__) == ("olb" if consistency == "inconsistent" else "met")
