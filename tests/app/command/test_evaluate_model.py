"""``schedrace evaluate-model``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.evaluation import choosing, queues

from ..evaluation.kernels import write_planted
from .conftest import Command

SCORE = ["accuracy", "accuracy_interval", "speedup_over_static", "geomean_speedup"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few races and trees: what is proved here is not how good they are."""
    monkeypatch.setattr(queues, "SEEDS", 2)
    monkeypatch.setattr(choosing, "TREES", 20)


def test_the_object_has_the_keys_that_the_help_names_and_is_the_same_again(schedrace: Command, tmp_path: Path) -> None:
    path = write_planted(tmp_path / "kernels.csv")
    said, again = (schedrace("evaluate-model", path, "--json") for _ in range(2))
    assert said.status == 0
    assert said.out == again.out
    found = json.loads(said.out)
    assert list(found) == ["rows", "programs", "gpu_share", "protocols", "baselines", "leakage", "race"]
    assert (found["rows"], found["programs"]) == (84, 14)
    assert set(found["protocols"]) == {"stratified", "grouped"}
    for protocol in found["protocols"].values():
        assert list(protocol)[:4] == SCORE
        assert protocol["accuracy"] > 0.75
        assert all(list(other) == SCORE for other in protocol["others"].values())
    assert found["protocols"]["grouped"]["same_program_in_training"] == 0.0
    assert {"name": "DeepTune", "accuracy": 0.8029}.items() <= found["baselines"][-1].items()
    assert [row["name"] for row in found["race"]["schedulers"]] == list(queues.SCHEDULERS)
    assert all(row["mean_response_s"] > 0 for row in found["race"]["schedulers"])


def test_the_table_shows_the_honest_protocol_first_and_names_the_leak(schedrace: Command, tmp_path: Path) -> None:
    said = schedrace("evaluate-model", write_planted(tmp_path / "kernels.csv"))
    assert said.status == 0
    assert said.out.startswith("kernels.csv: 84 kernels of 14 programs")
    assert said.out.index("Grouped by program, 10 folds") < said.out.index("Stratified, 10 folds")
    assert "DeepTune, NVIDIA GTX 970" in said.out
    assert "The stratified folds leak" in said.out
    assert "congestion+true" in said.out


def test_a_bad_cell_is_told_by_line_and_column(schedrace: Command, tmp_path: Path) -> None:
    path = write_planted(tmp_path / "kernels.csv")
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace(",64,", ",many,")
    path.write_text("\n".join(lines))
    said = schedrace("evaluate-model", path)
    assert (said.status, said.out) == (2, "")
    assert "line 4, column wgsize: 'many' is not a number" in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column 'benchmark'"),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(
    text: str | None, sentence: str, schedrace: Command, tmp_path: Path
) -> None:
    path = tmp_path / "kernels.csv"
    if text is not None:
        path.write_text(text)
    said = schedrace("evaluate-model", path, "--json")
    assert (said.status, said.out) == (2, "")
    assert sentence in said.err


def test_kernels_of_one_program_cannot_be_grouped(schedrace: Command, tmp_path: Path) -> None:
    said = schedrace("evaluate-model", write_planted(tmp_path / "kernels.csv", programs=1, kernels=40))
    assert said.status == 2
    assert "All kernels are of the program 'suite-1.0-p0'" in said.err
