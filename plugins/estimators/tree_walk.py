"""Regression trees as nested tuples: walking them costs a hundredth of a one-row scikit-learn prediction."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from typing import Any

Tree = tuple[int, float, Any, Any]
"""``(column, threshold, tree where at most that, tree where more)``, or ``(-1, value, None, None)`` for a leaf."""


_importing = threading.Lock()


def scikit_learn(module: str = "") -> Any:
    """Return scikit-learn, or a module of it, imported when it is first needed: that takes a second.

    One thread at a time: of two that begin at once, one finds it half imported and fails.
    """
    with _importing:
        return importlib.import_module(f"sklearn.{module}" if module else "sklearn")


def export(fitted: Any) -> Tree:
    """Return a fitted scikit-learn regression tree as tuples."""
    tree = fitted.tree_
    left, right, value = tree.children_left.tolist(), tree.children_right.tolist(), tree.value[:, 0, 0].tolist()
    nodes: list[Any] = list(zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True))
    for node in reversed(range(len(nodes))):  # a child has a higher number than its parent
        column, threshold = nodes[node]
        if column < 0:
            nodes[node] = (-1, value[node], None, None)
        else:
            nodes[node] = (column, threshold, nodes[left[node]], nodes[right[node]])
    root: Tree = nodes[0]
    return root


def mean_prediction(trees: Sequence[Tree], row: Sequence[float]) -> float:
    """Return the mean of the trees' answers for one row of features."""
    total = 0.0
    for tree in trees:
        column, threshold, low, high = tree
        while column >= 0:
            column, threshold, low, high = low if row[column] <= threshold else high
        total += threshold  # a leaf's value stands there
    return total / len(trees)
