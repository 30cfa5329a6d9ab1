"""Who was sooner, task by task."""

from __future__ import annotations

import numpy as np

from persistence.comparison import win_loss


def test_who_is_sooner_by_rounding_alone_ties() -> None:
    finish_s = np.array([0.3, 2.0, 0.1 + 0.2, 1.0])
    got = win_loss(("a", "b"), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), finish_s)
    assert got.ties.tolist() == [[0, 1], [1, 0]]
    assert got.sooner.tolist() == [[0, 0], [1, 0]]
