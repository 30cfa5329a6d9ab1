"""The Lublin-Feitelson generator: its distributions against their formulas and against a trace made by the authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gamma, ks_2samp, kstest

from engine.errors import InputError
from engine.workload import Workload
from plugins.arrivals import load_of
from plugins.clusters import load_cluster, processors
from plugins.workload import WorkloadRequest
from plugins.workloads.lublin import Lublin, LublinParams, arrivals_s, half_hour_weights, job_sizes, run_seconds
from plugins.workloads.swf import Swf

JOBS = 20_000


def rng(stream: int = 0) -> np.random.Generator:
    return np.random.default_rng([7, stream])


def load(cluster: str = "processors:256", **more: object) -> Workload:
    params = LublinParams(processors=int(more.pop("machine", 0)))  # type: ignore[call-overload]
    return Lublin(params).load(WorkloadRequest(load_cluster(cluster), **{"seed": 3, "tasks": 500, **more}))  # type: ignore[arg-type]


def test_sizes_are_serial_or_powers_of_2_in_the_models_shares_and_never_above_the_machine() -> None:
    sizes = job_sizes(rng(), JOBS, 256)
    assert sizes.min() == 1 and sizes.max() == 256
    assert np.mean(sizes == 1) == pytest.approx(0.244, abs=0.01)
    # 0.244 + 0.576, and those of the others that round to a power of 2 by chance (the small ones)
    assert 0.82 < np.mean(np.log2(sizes) % 1 == 0) < 0.88
    # of the parallel jobs that are rounded 86 % were below 2^5.5, the medium
    assert np.mean(sizes[sizes > 1] <= 2**5.5) == pytest.approx(0.86, abs=0.02)


@pytest.mark.parametrize("machine", [1, 2, 3, 8, 100, 10_000_000])
def test_any_machine_gets_jobs_that_fit_it(machine: int) -> None:
    sizes = job_sizes(rng(), 5000, machine)
    assert sizes.min() == 1 and machine / 2 < sizes.max() <= machine


def test_run_times_are_hyper_gamma_and_longer_for_wide_jobs() -> None:
    for slots, short in ((1, 0.7746), (100, 0.24), (256, 0.0)):  # pa x slots + pb, at least 0
        seconds = run_seconds(rng(slots), np.full(JOBS, slots))
        assert seconds.min() >= 1 and seconds.max() <= np.exp(12)

        def cdf(log_s: np.ndarray, short: float = short) -> np.ndarray:
            whole = short * gamma.cdf(log_s, 4.2, scale=0.94) + (1 - short) * gamma.cdf(log_s, 312, scale=0.03)
            last = short * gamma.cdf(12, 4.2, scale=0.94) + (1 - short) * gamma.cdf(12, 312, scale=0.03)
            return whole / last

        # whole seconds: compared where they are fine enough
        log_s = np.log(seconds[seconds > 60] + 0.5)
        floor = cdf(np.array([np.log(61.0)]))[0]
        assert kstest(log_s, lambda x, floor=floor: (cdf(x) - floor) / (1 - floor)).statistic < 0.02


def test_arrivals_follow_the_day() -> None:
    weights = half_hour_weights()
    assert weights.mean() == pytest.approx(1.0)
    assert 12 <= weights.argmax() / 2 <= 15 and 4 <= weights.argmin() / 2 <= 6  # the afternoon, before dawn
    at = np.concatenate([arrivals_s(rng(i), JOBS) for i in range(5)])
    share = np.bincount((at % 86400 // 1800).astype(int), minlength=48) / len(at) * 48
    assert np.corrcoef(share, weights)[0, 1] > 0.97
    assert (np.diff(arrivals_s(rng(), JOBS)) >= 0).all()


def test_jobs_look_like_those_of_the_trace_that_the_authors_program_made() -> None:
    path = Path(__file__).parents[2] / "../shared/traces/swf/lublin_256.swf"
    if not path.exists():
        pytest.skip(f"{path.name} is not there (../shared is handed over beside the repository)")
    trace = Swf().load(WorkloadRequest(processors(256), seed=0, path=path))
    mine = load(tasks=10_000)
    assert ks_2samp(mine.slots, trace.slots).statistic < 0.02
    assert ks_2samp(mine.actual_s[:, 0], trace.actual_s[:, 0]).statistic < 0.02
    assert ks_2samp(np.diff(mine.arrival_s), np.diff(trace.arrival_s)).statistic < 0.03


def test_the_seed_decides_and_a_load_changes_arrivals_alone() -> None:
    first, again, other, loaded = load(), load(), load(seed=4), load(load=0.7)
    assert (first.arrival_s == again.arrival_s).all() and (first.actual_s == again.actual_s).all()
    assert (first.slots != other.slots).any()
    assert (loaded.slots == first.slots).all() and (loaded.actual_s == first.actual_s).all()
    assert load_of(loaded, processors(256)) == pytest.approx(0.7)


def test_a_cluster_with_gpus_gets_made_up_times_there_and_a_machine_too_large_is_refused() -> None:
    tasks = load("default")
    assert tasks.models == ("cpu", "gpu") and (tasks.slots == 1).all()
    assert len(tasks.notes) == 1 and "made up" in tasks.notes[0]
    assert load(machine=16).slots.max() == 16
    with pytest.raises(InputError, match=r"512 processors, .* no device .* more than 256\. Choose processors:512"):
        load(machine=512)
