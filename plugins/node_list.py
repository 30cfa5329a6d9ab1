"""The node lists of Alibaba's cluster-trace-gpu-v2023 ('openb') as clusters: a device for each GPU card.

``openb_node_list_*.csv`` has ``sn, cpu_milli, memory_mib, gpu, model``, a node a row. A card has 1000 slots, as the
workload ``openb`` asks for them; nodes without GPUs make no device. What a model draws is taken from the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.cluster import Cluster, Device
from engine.errors import InputError
from plugins.workloads.rows import Row, rows_of
from plugins.workloads.table import open_table

COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_MOST_CARDS_A_NODE, _MOST_CARDS = 64, 100_000
_MILLI = 1000


def read_node_list(path: Path, known: Mapping[str, Device]) -> Cluster:
    """Return the cards of a node list; ``known`` holds a device for each GPU model whose watts are known.

    Raises :class:`InputError` with the line and column at fault.
    """
    devices: list[Device] = []
    with open_table(path) as table:
        for row in rows_of(table, COLUMNS):
            devices.extend(_cards(row, known, first_index=len(devices)))
            if len(devices) > _MOST_CARDS:
                raise InputError(f"'{path}', line {row.line}: there are more than {_MOST_CARDS:,} GPUs.")
        table.problems.refuse()
    if not devices:
        raise InputError(f"'{path}' lists no GPU; the pods of 'openb' that race all need one.")
    return Cluster(path.stem, tuple(devices))


def _cards(row: Row, known: Mapping[str, Device], first_index: int) -> list[Device]:
    """Return the devices of a node, ``openb-node-0000-0`` and so on."""
    count = row.whole("gpu", low=0, high=_MOST_CARDS_A_NODE)
    node, model = row.text("sn"), row.text("model")
    if not node or not node.isprintable() or any(character in node for character in " =\"',"):
        row.problems.add(row.line, "sn", f"'{node}' must be a name without spaces, quotes, commas and '='")
    if count and not model:
        row.problems.add(row.line, "model", f"is empty, but the node has {count} GPUs")
    like = known.get(model, Device(0, "", "gpu", model, slots=_MILLI, source="nothing is known of what it draws"))
    figures = like.source.partition("; ")[2] or like.source  # without how many cards the preset has
    return [replace(like, index=first_index + card, id=f"{node}-{card}", source=figures) for card in range(count)]
