"""HEFT of anrg-saga 2.0.2, run by the peers' Python: JSON on stdin, JSON on stdout.

In: ``cost`` of each task, ``edges`` as [parent, child, GB], ``speed`` of each node and the ``link_gb_s`` between any
two. Out: ``seconds`` of the planning alone, and the plan's ``makespan_s``.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

from saga import Network, TaskGraph
from saga.schedulers.heft import HeftScheduler


def main() -> None:
    """Plan the one graph that stdin holds."""
    asked = json.load(sys.stdin)
    graph = TaskGraph.create(
        [(str(task), cost) for task, cost in enumerate(asked["cost"])],
        [(str(parent), str(child), gb) for parent, child, gb in asked["edges"]],
    )
    nodes = [str(node) for node in range(len(asked["speed"]))]
    links = [(a, b, asked["link_gb_s"]) for a, b in itertools.combinations(nodes, 2)]
    network = Network.create(list(zip(nodes, asked["speed"], strict=True)), links)
    began = time.perf_counter()
    plan = HeftScheduler().schedule(network, graph)
    print(json.dumps({"seconds": time.perf_counter() - began, "makespan_s": plan.makespan}))


if __name__ == "__main__":
    main()
