"""The linear part of the forest: kinds and slopes from few samples, whatever lies far off, with the same bits."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from plugins.estimators.ridge import Ridge, fit_ridge, mean_ridge

EFFECT = np.array([0.0, 1.0, -0.5, 0.3, 2.0])


def planted(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (two measures, a kind) and what is planted in them."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 5, n)
    rows = np.column_stack([rng.normal(0, 3, n), rng.uniform(-1, 1, n), kind]).astype(float)
    return rows, 0.4 * rows[:, 0] - 1.5 * rows[:, 1] + EFFECT[kind]


def answers(model: Ridge, rows: np.ndarray) -> np.ndarray:
    return np.array([model.at(row) for row in rows.tolist()])


def test_it_finds_slopes_and_the_effects_of_kinds_from_a_few_samples_and_goes_on_beyond_them() -> None:
    model, left = fit_ridge(*planted(60))
    rows, truth = planted(500, seed=2)
    rows[:, 0] *= 4.0  # four times as far as anything it has seen
    truth = 0.4 * rows[:, 0] - 1.5 * rows[:, 1] + EFFECT[rows[:, 2].astype(int)]
    assert np.abs(answers(model, rows) - truth).mean() < 0.1 * np.abs(truth - truth.mean()).mean()
    assert left.std() < 0.15


def test_what_it_leaves_over_is_what_its_answers_miss() -> None:
    rows, target = planted(80)
    target = target + np.random.default_rng(4).uniform(-0.5, 0.5, 80)  # none of it far off
    model, left = fit_ridge(rows, target)
    np.testing.assert_allclose(target - answers(model, rows), left, atol=1e-12)
    assert abs(left.mean()) < 1e-12


def test_a_few_samples_that_lie_far_off_move_it_little() -> None:
    rows, target = planted(100)
    clean, _ = fit_ridge(rows, target + np.random.default_rng(3).normal(0, 0.1, 100))
    wild = target + np.random.default_rng(3).normal(0, 0.1, 100)
    wild[::20] += 50.0  # a task that hung
    model, _ = fit_ridge(rows, wild)
    moved = np.abs(answers(model, rows) - answers(clean, rows)).mean()
    plain = np.linalg.lstsq(np.column_stack([rows, np.ones(100)]), wild, rcond=None)[0]
    assert moved < 0.2
    assert np.abs(np.column_stack([rows, np.ones(100)]) @ plain - target).mean() > 1.0


def test_where_most_targets_differ_by_rounding_alone_the_others_still_count() -> None:
    rng = np.random.default_rng(6)
    kind = (rng.random(100) < 0.4).astype(float)
    rows = np.column_stack([rng.normal(size=100), kind])
    model, _ = fit_ridge(rows, math.log(3.0) * kind + rng.normal(0, 1e-16, 100))
    assert model.at([0.0, 1.0]) - model.at([0.0, 0.0]) == pytest.approx(math.log(3.0), abs=0.05)


def test_a_kind_that_was_never_seen_has_no_effect_of_its_own() -> None:
    rows, target = planted(60)
    model, _ = fit_ridge(rows, target)
    assert np.isfinite(model.at([0.0, 0.0, 17.0]))
    assert 17.0 not in model.levels[2]


def test_a_constant_column_tells_nothing_though_its_mean_is_not_exactly_its_value() -> None:
    rows, target = planted(60)
    rows = np.column_stack([rows, np.full(60, 0.1), np.full(60, np.log(0.3))])
    assert (rows.std(axis=0)[3:] > 0.0).any()  # rounding
    model, left = fit_ridge(rows, target)
    assert model.slopes[3:] == (0.0, 0.0)
    assert model.at([1.0, 0.0, 2.0, 0.1, np.log(0.3)]) == model.at([1.0, 0.0, 2.0, 0.2, 5.0])
    assert left.std() < 0.15
    alone, left = fit_ridge(np.full((10, 1), 0.1), np.full(10, 2.5))
    assert alone.at([0.2]) == pytest.approx(2.5) and np.abs(left).max() < 1e-12


def test_the_mean_of_models_answers_the_mean_of_their_answers() -> None:
    models = [fit_ridge(*planted(40, seed))[0] for seed in range(3)]
    rows, _ = planted(20, 9)
    expected = np.mean([answers(model, rows) for model in models], axis=0)
    np.testing.assert_allclose(answers(mean_ridge(models), rows), expected, atol=1e-12)


@pytest.mark.parametrize("processor", ["Haswell", "Prescott"])
def test_the_bits_do_not_depend_on_the_processor_that_a_numerics_library_is_made_for(processor: str) -> None:
    program = "import tests.plugins.test_ridge as t; print(repr(t.fit_ridge(*t.planted(70))[0]))"
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "OPENBLAS_CORETYPE": processor, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert other.stdout.strip() == repr(fit_ridge(*planted(70))[0])
