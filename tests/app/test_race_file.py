"""Race files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.race_file import anchored, parse_race, race_toml, read_race
from engine.drift import Drift
from engine.errors import InputError
from engine.spec import RaceSpec, SchedulerSpec
from engine.weights import Weights

names = st.sampled_from(["mct", "mct+forest", "round_robin", "my_policy"])
values = st.one_of(
    st.booleans(), st.integers(-10, 10), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
params = st.dictionaries(st.sampled_from(["interval", "trees", "epsilon"]), values, max_size=3)
positive = st.floats(0.01, 90)
drifts = st.builds(Drift, st.sampled_from(["cpu", "gpu", "gpu-0"]), st.floats(0, 1), positive)


@st.composite
def specs(draw: st.DrawFn) -> RaceSpec:
    lanes = draw(st.lists(st.builds(SchedulerSpec, names, params), min_size=1, max_size=3, unique_by=lambda s: s.name))
    return RaceSpec(
        workload=draw(st.sampled_from(["synthetic", "cholesky", "kernels:/data/some where/k.csv"])),
        workload_params=draw(params),
        schedulers=tuple(lanes),
        weights=Weights(draw(positive), draw(positive), draw(positive)),
        seed=draw(st.integers(0, 2**63 - 1)),
        tasks=draw(st.none() | st.integers(1, 10**8)),
        load=draw(st.none() | positive),
        drift=tuple(draw(st.lists(drifts, max_size=2))),
        warm_start=draw(st.sampled_from(["", "/data/some where/learned.json"])),
    )


@given(specs())
def test_a_spec_survives_being_written_and_read(spec: RaceSpec) -> None:
    assert parse_race(race_toml(spec), "race.toml", Path("/nowhere")) == spec


def test_an_empty_file_is_the_default_race() -> None:
    assert parse_race("", "race.toml", Path("/nowhere")) == RaceSpec()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sed = 1", "unknown key 'sed'. Did you mean 'seed'?"),
        ("seed = 'a'", "seed is 'a'; it must be a whole number"),
        ("tasks = 0", "at least 1 task"),
        ("[cluster]\nnane = 'x'", "[cluster] has an unknown key 'nane'"),
        ("[weights]\ntime = -1", "weight of time is -1"),
        ("[weights]\nspeed = 1", "unknown key 'speed'"),
        ("[[scheduler]]\nepsilon = 1", "[[scheduler]] number 1 needs a name"),
        ("[[scheduler]]\nname = 'mct'\nepsilon = [1]", "epsilon must be a number"),
        ("scheduler = 'mct'", "headed [[scheduler]]"),
        ("workload = 'synthetic'", "headed [workload]"),
        ("drift = 0.5", "headed [[drift]]"),
        ("[[drift]]\ndevices = 'gpu'\nshare = 0.5", "unknown key 'share'. Did you mean 'at_share'?"),
        ("[[drift]]\ndevices = 'gpu'\nat_share = 0.5", "[[drift]] number 1 has no factor"),
        ("[[drift]]\ndevices = 1\nat_share = 0.5\nfactor = 1", "devices is 1; it must be a text"),
        ("[[drift]]\ndevices = 'gpu'\nat_share = 'x'\nfactor = 1", "at_share is 'x'; it must be a number"),
        ("[[drift]]\ndevices = 'gpu'\nat_share = 2\nfactor = 1", "it must be from 0 to 1"),
        ("warm_start = 3", "warm_start is 3; it must be the name of a file"),
        ("seed = ", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_race_file_is_said_with_the_file_and_the_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_race(text, "my.toml", Path("/nowhere"))
    assert "my.toml" in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_race_file_is_named() -> None:
    with pytest.raises(InputError, match=r"There is no race file '.*none\.toml'"):
        read_race(Path("none.toml"))


def test_a_file_that_a_race_names_is_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "tasks.csv").write_text("x")
    (tmp_path / "race.toml").write_text("[workload]\nname = 'csv_file:tasks.csv'\n")
    assert read_race(tmp_path / "race.toml").workload == f"csv_file:{tmp_path / 'tasks.csv'}"


def test_a_name_is_no_file_even_when_a_folder_entry_is_called_like_it(tmp_path: Path) -> None:
    (tmp_path / "synthetic").write_text("x")
    assert anchored("synthetic", tmp_path) == "synthetic"
