"""What rounding alone has made is no difference."""

from __future__ import annotations

import numpy as np

from engine.rounding import beyond_rounding


def test_a_difference_in_the_last_bits_of_an_instant_is_none_and_any_larger_one_stays() -> None:
    at_s = 0.1 + 0.2
    assert beyond_rounding(at_s - 0.3, at_s) == 0.0 != at_s - 0.3
    assert beyond_rounding(1e-9, 0.3) == 1e-9
    assert beyond_rounding(np.array([2e-16, -1e-3]), np.array([1.0, 1.0])).tolist() == [0.0, -1e-3]
