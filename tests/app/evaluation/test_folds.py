"""Which kernels are tested while others are learned from."""

from __future__ import annotations

import numpy as np
import pytest

from app.evaluation.folds import FOLDS, Fold, grouped, program_of, seen_before, stratified
from engine.errors import InputError

BEST = np.array([0] * 60 + [1] * 40)
PROGRAMS = [f"suite-p{i % 13}" for i in range(100)]


def test_a_program_is_all_of_a_benchmark_but_its_kernel() -> None:
    assert program_of("npb-3.3-BT-x_solve1") == "npb-3.3-BT"
    assert program_of("amd-app-sdk-3.0-ScanLargeArrays-blockAddition") == "amd-app-sdk-3.0-ScanLargeArrays"
    assert program_of("alone") == "alone"


def test_every_kernel_is_tested_once_and_never_learned_from_then() -> None:
    for folds in (stratified(BEST), grouped(PROGRAMS)):
        assert len(folds) == FOLDS
        assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(100))
        assert all(sorted([*fold.train.tolist(), *fold.test.tolist()]) == list(range(100)) for fold in folds)


def test_stratified_folds_keep_the_ratio_of_best_devices() -> None:
    assert [(BEST[fold.test] == 1).sum() / len(fold.test) for fold in stratified(BEST)] == [0.4] * FOLDS


def test_stratified_folds_are_those_of_the_published_seed() -> None:
    from sklearn.model_selection import StratifiedKFold

    published = StratifiedKFold(n_splits=10, shuffle=True, random_state=204).split(np.zeros((100, 4)), BEST)
    assert [fold.test.tolist() for fold in stratified(BEST)] == [test.tolist() for _, test in published]


def test_grouped_folds_never_split_a_program_and_stratified_ones_do() -> None:
    assert seen_before(PROGRAMS, grouped(PROGRAMS)) == 0.0
    assert seen_before(PROGRAMS, stratified(BEST)) > 0.9


def test_seen_before_counts_the_tests_whose_name_was_in_training() -> None:
    folds = [Fold(np.array([2, 3]), np.array([0, 1])), Fold(np.array([0, 1]), np.array([2, 3]))]
    assert seen_before(["a", "b", "a", "c"], folds) == 0.5


def test_few_programs_or_few_kernels_of_a_device_make_fewer_folds_and_one_none() -> None:
    assert len(grouped(["a", "b", "a", "c"])) == 3
    assert len(stratified(np.array([0, 0, 0, 1, 1]))) == 2
    with pytest.raises(InputError, match="All kernels are of the program 'a'"):
        grouped(["a", "a"])
    with pytest.raises(InputError, match="there is nothing to predict"):
        stratified(np.array([0, 0, 0, 1]))
