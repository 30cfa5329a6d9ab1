"""Whether what was learned still holds: a device that is slower, another law, or only noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.change import Change, ChangeWatch
from engine.workload import FloatArray

BATCH = 15


def watched(errors: FloatArray) -> list[Change]:
    """Return the changes found in errors that come in batches, one at each completion from 1 on."""
    watch, found = ChangeWatch(), []
    for first in range(0, len(errors), BATCH):
        batch = errors[first : first + BATCH]
        change = watch.see(np.arange(first + 1, first + 1 + len(batch)), batch)
        found += [change] if change is not None else []
    return found


def noise(seed: int, n: int = 300, sigma: float = 0.2) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, sigma, n)


def test_noise_is_no_change_in_100_races_nor_are_a_few_outliers() -> None:
    assert not any(watched(noise(seed, 900)) for seed in range(100))
    wild = [np.where(np.random.default_rng(seed).random(300) < 0.05, -2.3, noise(seed)) for seed in range(50)]
    assert not any(watched(errors) for errors in wild)


def test_errors_that_fall_while_it_learns_are_no_change() -> None:
    falling = [noise(seed) * np.linspace(3.0, 1.0, 300) for seed in range(50)]
    assert not any(watched(errors) for errors in falling)


@pytest.mark.parametrize("at", [150, 157])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_device_that_becomes_slower_or_faster_is_found_with_its_factor_and_its_instant(
    at: int, factor: float
) -> None:
    for seed in range(20):
        errors = noise(seed)
        errors[at:] -= math.log(factor)
        first = watched(errors)[0]
        assert abs(first.until - at) <= 5
        assert first.drift == pytest.approx(math.log(factor), abs=0.3)


def test_another_law_is_told_from_a_slower_device_and_is_found_once() -> None:
    right = 0
    for seed in range(20):
        errors = noise(seed)
        errors[157:] += np.random.default_rng(seed + 99).normal(0.0, 0.8, 143)
        found = watched(errors)
        assert found and all(150 <= change.until <= 200 for change in found)
        right += len(found) == 1 and found[0].drift is None  # of eight errors, all may be too short by chance
    assert right >= 18


def test_what_is_not_certain_yet_is_seen_together_with_what_comes() -> None:
    errors = noise(4)
    errors[150:] *= 3
    watch = ChangeWatch()
    assert not watch.knows
    watch.see(np.arange(150), errors[:150])
    assert watch.knows
    found = [watch.see(np.arange(i, i + 3), errors[i : i + 3]) for i in range(150, 240, 3)]
    first = next(change for change in found if change is not None)
    assert found.index(first) > 3
    assert 150 <= first.until < 180 and first.drift is None
