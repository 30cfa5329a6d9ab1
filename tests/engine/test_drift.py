"""Drift: devices that change their speed during a race."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.drift import Drift, SpeedChange, drifted, speed_changes
from engine.errors import InputError

CLUSTER = Cluster(
    "three", (Device(0, "a", "cpu", "cpu"), Device(1, "b", "gpu", "gpu"), Device(2, "c", "gpu", "gpu"))
)  # fmt: skip
ARRIVALS = np.array([10.0, 30.0, 50.0])


def test_a_drift_slows_its_devices_from_a_share_of_the_arrivals_on_and_no_others() -> None:
    cluster = drifted(CLUSTER, [Drift("gpu", 0.5, 0.25), Drift("c", 0.75, 2.0)], ARRIVALS)
    assert [device.speed_at for device in cluster.devices] == [(), ((30.0, 0.25),), ((30.0, 0.25), (40.0, 0.5))]


def test_it_is_multiplied_with_the_changes_of_speed_that_the_cluster_has_itself() -> None:
    slow = replace(CLUSTER.devices[0], speed_at=((20.0, 0.5), (40.0, 1.0)))
    cluster = drifted(Cluster("one", (slow,)), [Drift("cpu", 0.5, 0.1)], ARRIVALS)
    assert cluster.devices[0].speed_at == ((20.0, 0.5), (30.0, 0.05), (40.0, 0.1))


def test_without_drift_the_cluster_is_the_same() -> None:
    assert drifted(CLUSTER, [], ARRIVALS) is CLUSTER


def test_where_all_tasks_arrive_at_once_it_begins_with_them() -> None:
    cluster = drifted(CLUSTER, [Drift("a", 0.5, 0.5)], np.array([7.0, 7.0]))
    assert cluster.devices[0].speed_at == ((7.0, 0.5),)


def test_the_changes_of_a_cluster_are_told_in_order_and_together_where_they_are_the_same() -> None:
    cluster = drifted(CLUSTER, [Drift("gpu", 0.5, 0.5), Drift("a", 0.0, 2.0)], ARRIVALS)
    assert speed_changes(cluster) == (SpeedChange(10.0, 2.0, ("a",)), SpeedChange(30.0, 0.5, ("b", "c")))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("", 0.5, 0.5), "names no devices"),
        (("gpu", 1.5, 0.5), "'gpu@1.5=0.5' begins at 1.5; it must be from 0 to 1"),
        (("gpu", math.nan, 0.5), "begins at nan"),
        (("gpu", 0.5, 0.0), "has the factor 0; it must be from 0.001 to 1000"),
        (("gpu", 0.5, math.inf), "has the factor inf"),
    ],
)
def test_a_drift_that_means_nothing_is_refused(given: tuple[str, float, float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        Drift(*given)
    assert said in str(caught.value)


def test_one_that_concerns_no_device_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"'gpus@0.5=0.5' concerns no device of cluster 'three'.*Did you mean 'gpu'"):
        drifted(CLUSTER, [Drift("gpus", 0.5, 0.5)], ARRIVALS)
