"""The file from which learners start warm: what it holds, and that nothing else is taken for one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import InputError
from engine.history import History
from persistence.history_file import FORMAT, history_text, read_history
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.synthetic import Synthetic

HISTORY = History(
    models=("cpu", "gpu"),
    feature_names=("log_size", "affinity", "log_memory", "kind"),
    model=np.array([0, 1, 0]),
    fraction=np.array([1.0, 0.3, 1.0]),
    work_s=np.array([0.1, 1 / 3, 7e-9]),
    nominal_s=np.array([[1.0, math.inf], [2.0, 0.1], [3.0, 4.0]]),
    features=np.array([[0.1, 0.2, 0.3, 1.0], [math.nan, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 5.0]]),
)


def text(history: History = HISTORY, cluster: str = "default") -> str:
    return history_text("a-run", "hybrid_ml", "synthetic", cluster, {"fits": 3}, history)


def test_what_is_written_is_read_to_the_bit_and_the_same_history_gives_the_same_text(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    path.write_text(text(), encoding="utf-8")
    stored = read_history(path)
    for name in ("model", "fraction", "work_s", "nominal_s", "features"):
        assert np.array_equal(getattr(stored.history, name), getattr(HISTORY, name), equal_nan=True)
    assert (stored.run, stored.scheduler, stored.metrics["fits"]) == ("a-run", "hybrid_ml", 3)
    assert stored.text == text() == text(stored.history)


def changed(**values: Any) -> str:
    """Return the text with other values and a digest that fits."""
    from persistence.history_file import _digest

    body = json.loads(text()) | values
    del body["digest"]
    return json.dumps({"digest": _digest(body), **body})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: "no JSON", "holds no training samples of SchedRace"),
        (lambda: "[1, 2]", "holds no training samples of SchedRace"),
        (lambda: "[" * 100_000, "holds no training samples of SchedRace"),
        (lambda: "{}", "holds no training samples of SchedRace"),
        (lambda: text().replace("0.3,", "0.4,", 1), "has been changed since it was written"),
        (lambda: changed(format="schedrace training samples 0"), f"this SchedRace reads '{FORMAT}'"),
        (lambda: changed(model=[0, 1, 2]), "a sample of no device model"),
        (lambda: changed(model=[]), "samples that cannot be"),
        (lambda: changed(work_s=[0.1, -1.0, 2.0]), "seconds that are not above 0"),
        (lambda: changed(work_s=[0.1, 1.0]), "samples that cannot be"),
        (lambda: changed(model=[1, 1, 0]), "a device model that cannot run it"),
        (lambda: changed(fraction=[1.0, 0.0, 1.0]), "a share that is not above 0"),
        (lambda: changed(features=[[1.0], [2.0], [3.0]]), "samples that cannot be"),
        (lambda: changed(run=7), "7 where a text belongs"),
    ],
)
def test_what_is_no_such_file_or_was_changed_is_refused_with_a_sentence(
    tmp_path: Path, content: Callable[[], str], said: str
) -> None:
    path = tmp_path / "learned.json"
    path.write_text(content(), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_history(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_history(tmp_path / "none.json")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(InputError, match="is larger than"):
        read_history(tmp_path / "large.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cluster": "small"}, "it knows the cluster small, here is default"),
        ({"feature_names": ["a", "b", "c", "d"]}, "it knows features a, b, c, d, here is log_size"),
        ({"models": ["cpu", "tpu"]}, "it knows device models cpu, tpu, here is cpu, gpu"),
    ],
)
def test_what_was_learned_elsewhere_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "learned.json"
    path.write_text(changed(**change), encoding="utf-8")
    cluster = load_cluster("default")
    tasks = Synthetic().load(WorkloadRequest(cluster, seed=1, tasks=10))
    with pytest.raises(InputError, match="does not fit this race") as caught:
        read_history(path).check_goes_with(tasks, cluster)
    assert said in str(caught.value)
    path.write_text(text(), encoding="utf-8")
    read_history(path).check_goes_with(tasks, cluster)
