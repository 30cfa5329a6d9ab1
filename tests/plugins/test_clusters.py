from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InputError
from plugins.clusters import load_cluster, parse_cluster, preset_names

GOOD = """
name = "lab"
[[device]]
id = "cpu"
kind = "cpu"
model = "cpu"
count = 2
[[device]]
id = "big"
kind = "gpu"
model = "v100"
slots = 2
memory_gb = 16
link_gb_s = 12
speed_at = [[60.0, 0.5], [120, 1]]
[link]
gb_s = 5.0
"""


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("default", "4 CPU + 2 GPU"),
        ("small", "1 CPU + 1 GPU"),
        ("large", "16 CPU + 4 GPU"),
        ("workstation", "1 CPU + 1 GPU"),
        ("dgx", "2 CPU + 8 GPU"),
        ("mixed_rack", "4 CPU + 12 GPU"),
        ("kernels_nvidia", "1 CPU + 1 GPU"),
        ("kernels_amd", "1 CPU + 1 GPU"),
        ("kernels_h100", "1 CPU + 1 GPU"),
        ("openb", "6212 GPU"),
        ("gavel", "3 GPU"),
        ("pollux", "1 GPU"),
    ],
)
def test_the_presets_are_what_they_are_said_to_be(name: str, summary: str) -> None:
    assert load_cluster(name).summary() == summary


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_draws_power_names_its_sources_and_says_what_is_assumed(name: str) -> None:
    cluster = load_cluster(name)
    assert cluster.name == name
    assert all(device.active_w > device.idle_w > 0 for device in cluster.devices)
    assert all(len(device.source) > 40 for device in cluster.devices)


def test_the_default_preset_is_named_first() -> None:
    assert preset_names()[0] == "default"


def test_a_file_describes_devices_with_all_their_figures(tmp_path: Path) -> None:
    path = tmp_path / "größe.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    cluster = load_cluster(path)
    assert [device.id for device in cluster.devices] == ["cpu-0", "cpu-1", "big"]
    big = cluster.devices[2]
    assert (big.index, big.slots, big.memory_gb, big.link_gb_s) == (2, 2, 16.0, 12.0)
    assert big.speed_factor(61.0) == 0.5
    assert cluster.link.gb_s == 5.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("slots = 2", "slot = 2", "device 'big' has an unknown key 'slot'. Did you mean 'slots'?"),
        ("slots = 2", "slots = 0", "slots = 0; it must be a whole number from 1"),
        ("slots = 2", "slots = 1.5", "slots = 1.5; it must be a whole number"),
        ("slots = 2", "idle_w = -5", "device 'big' has idle_w = -5.0; it must be 0 or more"),
        ("slots = 2", "idle_w = 5", "draws 0.0 W when active but 5.0 W when idle"),
        ('kind = "gpu"', 'kind = "tpu"', "device 'big' has kind 'tpu'; use cpu or gpu"),
        ('model = "v100"', "", "device 'big' has no model"),
        ('id = "big"', 'id = "b=g"', "needs an id without spaces, quotes, commas and '='"),
        ('id = "big"', 'id = "cpu-0"', "two devices called 'cpu-0'"),
        ("memory_gb = 16", 'memory_gb = "16"', "memory_gb = '16'; it must be a number"),
        ("memory_gb = 16", "memory_gb = true", "memory_gb = True; it must be a number"),
        ("memory_gb = 16", "memory_gb = nan", "memory_gb = nan; it must be above 0"),
        ("[[60.0, 0.5], [120, 1]]", "[60.0]", "speed_at as a list of [second, factor]"),
        ("[[60.0, 0.5], [120, 1]]", "[[60.0, 0.0]]", "factors above 0"),
        ("gb_s = 5.0", "gbs = 5.0", "[link] has an unknown key 'gbs'. Did you mean 'gb_s'?"),
        ('name = "lab"', "", "needs a name"),
        ('name = "lab"', 'name = "lab', "is not valid TOML"),
    ],
)
def test_each_mistake_is_a_sentence_that_names_file_and_device(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_cluster(GOOD.replace(old, new), "lab.toml")
    assert message in str(caught.value)
    assert "lab.toml" in str(caught.value)


def test_a_file_without_devices_is_refused() -> None:
    with pytest.raises(InputError, match="describes no device"):
        parse_cluster('name = "empty"', "empty.toml")


def test_an_unknown_preset_is_met_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match="Did you mean 'default'"):
        load_cluster("defualt")


def test_a_missing_file_and_a_file_that_is_no_text_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no cluster file"):
        load_cluster(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes('name = "größe"'.encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_cluster(tmp_path / "latin.toml")
