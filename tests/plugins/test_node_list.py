"""The node lists of openb as clusters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from engine.cluster import Cluster
from engine.errors import InputError
from plugins.clusters import load_cluster
from tests.plugins.reading import NOT_HERE, TRACES, damaged

GOOD = "sn,cpu_milli,memory_mib,gpu,model\nnode-0,64000,262144,2,T4\nnode-1,32000,262144,0,\nnode-2,8000,61440,1,X9\n"


def test_every_card_is_a_device_of_1000_slots_and_a_known_model_draws_what_the_preset_says(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_text(GOOD)
    cluster = load_cluster(path)
    assert [device.id for device in cluster.devices] == ["node-0-0", "node-0-1", "node-2-0"]
    assert {device.slots for device in cluster.devices} == {1000}
    assert [device.active_w for device in cluster.devices] == [70.0, 70.0, 0.0]
    assert "NVIDIA T4" in cluster.devices[0].source
    assert "nothing is known" in cluster.devices[2].source


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2,T4", "2,", "line 2, column model: is empty, but the node has 2 GPUs"),
        ("2,T4", "-2,T4", "line 2, column gpu: -2 must be a whole number from 0 to 64"),
        ("2,T4", "1e9,T4", "line 2, column gpu: 1e9 must be a whole number"),
        ("node-0", "node 0", "line 2, column sn: 'node 0' must be a name without spaces"),
        ("node-2", "node-0", "two devices called 'node-0-0'"),
        ("gpu,", "gpus,", "has no column 'gpu'. Did you mean 'gpus'?"),
        (GOOD[34:], "", "lists no GPU"),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "nodes.csv"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_cluster(path)
    assert message in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged(GOOD))
def test_a_damaged_list_is_a_cluster_or_refused_and_never_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(content)
    try:
        assert isinstance(load_cluster(path), Cluster)
    except InputError as error:
        assert str(error)


@pytest.mark.skipif(not TRACES.is_dir(), reason=NOT_HERE)
@pytest.mark.parametrize("name", ["openb_node_list_gpu_node.csv", "openb_node_list_all_node.csv"])
def test_the_published_node_lists_have_the_6212_cards_of_the_preset(name: str) -> None:
    def cards(cluster: Cluster) -> list[tuple[str, int, float]]:
        return sorted((device.model, device.slots, device.active_w) for device in cluster.devices)

    assert cards(load_cluster(TRACES / "openb" / name)) == cards(load_cluster("openb"))
