"""``schedrace race --warm-start``: what one race has learned, the next one starts from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.warm_start import BESIDE
from tests.app.command.conftest import Command
from tests.app.cut_races import cut

RACE = ("race", "--tasks", 200, "--seed", 5, "--schedulers", "mct,hybrid_ml", "--param", "forest.interval=20")
CSV = ("--storage", "csv")


@pytest.fixture
def recorded(schedrace: Command, own_folders: Path) -> str:
    """Race with a learner; return the run."""
    return str(json.loads(schedrace(*RACE, *CSV, "--json").out)["run"])


def learned(summary: dict) -> dict:
    row = next(row for row in summary["schedulers"] if row["name"] == "hybrid_ml")
    return row["learning"]


def test_the_next_race_starts_from_it_and_gives_the_same_bits_from_its_own_folder_alone(
    schedrace: Command, recorded: str, own_folders: Path, tmp_path: Path
) -> None:
    cold = json.loads(schedrace(*RACE, *CSV, "--json").out)
    warm = json.loads(schedrace(*RACE, *CSV, "--warm-start", recorded, "--json", "--out", tmp_path).out)
    assert learned(warm)["fits"] == learned(cold)["fits"] + 1
    assert warm["digest"] != cold["digest"]
    folder = own_folders / "data" / "runs" / warm["run"]
    assert f'warm_start = "{BESIDE}"' in (folder / "race.toml").read_text()
    for path in (own_folders / "data" / "learned").iterdir():
        path.unlink()
    for race in (folder / "race.toml", tmp_path / "race.toml"):
        assert json.loads(schedrace("race", race, "--storage", "none", "--json").out)["digest"] == warm["digest"]
    file = json.loads(schedrace(*RACE, "--storage", "none", "--warm-start", folder / BESIDE, "--json").out)
    assert file["digest"] == warm["digest"]


def test_a_warm_race_that_was_cut_goes_on_to_the_same_digest(
    schedrace: Command, recorded: str, own_folders: Path
) -> None:
    warm = json.loads(schedrace(*RACE, *CSV, "--warm-start", "last", "--json").out)
    folder = own_folders / "data" / "runs" / warm["run"]
    cut(folder, {"scheduler_results": 0.5, "training_data": 0.4, "metrics": 0.0})
    assert json.loads(schedrace("race", *CSV, "--resume", "last", "--json").out)["digest"] == warm["digest"]


def test_the_database_and_the_journal_make_the_same_file(
    schedrace: Command, database_url: str, own_folders: Path
) -> None:
    run = json.loads(schedrace(*RACE, "--db-url", database_url, "--json").out)["run"]
    made = []
    for storage in (("--db-url", database_url), CSV):
        assert schedrace(*RACE, *storage, "--warm-start", run, "--quiet").status == 0
        made.append((own_folders / "data" / "learned" / f"{run}.json").read_bytes())
    assert made[0] == made[1]
    stored = json.loads(made[0])
    assert (stored["run"], stored["scheduler"], stored["cluster"]) == (run, "hybrid_ml", "default")
    assert stored["metrics"]["fits"] > 0 and len(stored["model"]) > 200


def test_last_is_the_newest_run_on_the_same_cluster_in_which_somebody_learned(
    schedrace: Command, recorded: str, own_folders: Path
) -> None:
    assert schedrace("race", "--tasks", 20, "--schedulers", "mct", *CSV, "--quiet").status == 0
    assert schedrace(*RACE, *CSV, "--warm-start", "last", "--quiet").status == 0
    assert schedrace(*RACE, *CSV, "--cluster", "small", "--quiet").status == 0
    assert schedrace(*RACE, *CSV, "--warm-start", "last", "--quiet").status == 0
    learned = {path.name for path in (own_folders / "data" / "learned").iterdir()}
    assert f"{recorded}.json" in learned
    assert {json.loads((own_folders / "data" / "learned" / name).read_text())["cluster"] for name in learned} == {
        "default"
    }


def test_what_cannot_be_started_from_is_a_sentence_and_no_race(
    schedrace: Command, recorded: str, own_folders: Path, tmp_path: Path
) -> None:
    runs = own_folders / "data" / "runs"
    changed = tmp_path / "changed.json"
    assert schedrace(*RACE, *CSV, "--warm-start", recorded, "--quiet").status == 0
    changed.write_text((own_folders / "data" / "learned" / f"{recorded}.json").read_text().replace("0.", "1.", 1))
    without = json.loads(schedrace("race", "--tasks", 20, "--schedulers", "mct", *CSV, "--json").out)["run"]
    before = sorted(path.name for path in runs.iterdir())
    for options, said in (
        ((*CSV, "--warm-start", "none.json"), "There is no file 'none.json' to start warm from"),
        ((*CSV, "--warm-start", "20200101-000000-abcdef"), "20200101-000000-abcdef"),
        ((*CSV, "--warm-start", without), "holds no training samples: no learner raced in it"),
        (("--storage", "none", "--warm-start", "last"), "--storage none reads and records nothing"),
        ((*CSV, "--warm-start", changed), "has been changed since it was written"),
        (
            (*CSV, "--warm-start", recorded, "--cluster", "small"),
            "does not fit this race: it knows the cluster default",
        ),
        ((*CSV, "--warm-start", recorded, "--workload", "lu"), "does not fit this race: it knows"),
    ):
        answer = schedrace(*RACE[:-2], *options)
        assert (answer.status, answer.out) == (2, "")
        assert said in answer.err
        assert answer.err.count("\n") == 1
    assert sorted(path.name for path in runs.iterdir()) == before


def test_without_recorded_samples_last_says_how_to_record_some(schedrace: Command, own_folders: Path) -> None:
    answer = schedrace(*RACE, *CSV, "--warm-start", "last")
    assert answer.status == 2
    assert "nothing to start warm from. Record one with: schedrace race --schedulers mct,hybrid_ml" in answer.err


def test_a_race_in_which_nobody_learns_says_that_it_has_no_effect(schedrace: Command, recorded: str) -> None:
    answer = schedrace("race", "--tasks", 20, "--schedulers", "mct", *CSV, "--warm-start", "last")
    assert answer.status == 0
    assert "Nobody in this race learns, so the warm start has no effect." in answer.err


def test_an_exported_run_takes_along_what_it_started_from(
    schedrace: Command, recorded: str, own_folders: Path, tmp_path: Path
) -> None:
    warm = json.loads(schedrace(*RACE, *CSV, "--warm-start", "last", "--json").out)
    exported = json.loads(schedrace("export", warm["run"], "--out", tmp_path / "out", *CSV, "--json").out)
    assert exported["missing"] == []
    (race,) = (tmp_path / "out").rglob("race.toml")
    assert json.loads(schedrace("race", race, "--storage", "none", "--json").out)["digest"] == warm["digest"]
