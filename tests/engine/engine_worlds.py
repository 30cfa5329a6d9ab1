"""Small random worlds for the engine's laws, and a policy that follows a script.

All numbers of an *exact* world are short binary fractions, so that sums are exact and many events fall on one instant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from engine.cluster import Cluster, Device, Link
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import Workload, workload

MODELS = ("cpu", "gpu")


def laws(examples: int) -> settings:
    """Hypothesis settings of a law: the same examples in every run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


def devices(*specs: dict[str, Any], link: Link | None = None, name: str = "test") -> Cluster:
    """Return a cluster; ``kind`` is cpu and ``model`` the kind unless a spec says otherwise."""
    built = []
    for index, spec in enumerate(specs):
        kind = spec.get("kind", "cpu")
        built.append(Device(index=index, **{"id": f"{kind}-{index}", "model": kind, **spec, "kind": kind}))
    return Cluster(name, tuple(built), link or Link())


@dataclass(frozen=True)
class Step:
    """What the script says about one task: where it goes, in which order, and after how many askings."""

    shares: tuple[tuple[int, float], ...]
    order: float | None = None
    patience: int = 0


@dataclass(frozen=True)
class World:
    """A workload, a cluster, and the placements of a scripted policy."""

    tasks: Workload
    cluster: Cluster
    script: tuple[Step, ...]

    def simulation(self, log: list[Any] | None = None, estimator: Any = "nominal") -> Simulation:
        """Return a new simulation of the scripted policy."""
        return Simulation(self.tasks, self.cluster, Scripted(self.script, [] if log is None else log), estimator)


class Scripted(Scheduler):
    """Places each task where the script says, when it has been asked often enough; logs what it is told."""

    name = "scripted"

    def __init__(self, script: Sequence[Step], log: list[Any]) -> None:
        super().__init__()
        self.script = script
        self.log = log
        self.asked: dict[int, int] = {}

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.log.append(("place", state.now, tuple(task.index for task in pending)))
        for task in pending:
            step = self.script[task.index]
            asked = self.asked[task.index] = self.asked.get(task.index, 0) + 1
            if asked > step.patience:
                yield Placement(task, step.shares, step.order)

    def observe(self, completion: Completion) -> None:
        self.log.append(("observe", completion.finish_s, completion.task.index))


def _quarters(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda k: k / 4)


@st.composite
def clusters(draw: st.DrawFn, links: bool = True, memory: bool = True) -> Cluster:
    """Return one to four devices of differing kinds, slots, speeds, memories and links."""
    specs = []
    for index in range(draw(st.integers(1, 4))):
        has_link = links and draw(st.booleans())
        idle_w = draw(st.sampled_from([0.0, 10.0, 35.0]))
        specs.append(
            {
                "kind": draw(st.sampled_from(MODELS)) if index else "cpu",
                "slots": draw(st.integers(1, 4)),
                "speed": draw(st.sampled_from([0.5, 1.0, 2.0])),
                "memory_gb": draw(st.sampled_from([1.0, 2.0, 4.0, math.inf])) if memory else math.inf,
                "link_gb_s": draw(st.sampled_from([0.5, 1.0, 4.0])) if has_link else None,
                "link_latency_s": draw(st.sampled_from([0.0, 0.25])) if has_link else 0.0,
                "idle_w": idle_w,
                "active_w": idle_w + draw(st.sampled_from([0.0, 40.0, 215.0])),
                "price_per_hour": draw(st.sampled_from([0.0, 1.5])),
            }
        )
    return devices(*specs)


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    graph: bool = False,
    data: bool = False,
    strict: bool = True,
    patience: bool = True,
    most: int = 12,
    exact: bool = True,
) -> World:
    """Return a world in which every scripted placement is legal.

    With ``data`` graph edges carry data over a link, ``strict`` lets placements carry an order, ``patience`` lets them
    wait; without ``exact`` the true seconds are arbitrary floats.
    """
    cluster = draw(clusters())
    n = draw(st.integers(1, most))
    wanted = [_task(draw, cluster, exact) for _ in range(n)]
    arrival_s = [k / 2 for k in draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))]
    parents = [sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if graph and i else [] for i in range(n)]
    sizes = [[draw(st.integers(0, 4)) / 4 for _ in p] for p in parents]
    if data:
        link = Link(gb_s=draw(st.sampled_from([1.0, 2.0])), latency_s=draw(st.sampled_from([0.0, 0.25])))
        cluster = Cluster(cluster.name, cluster.devices, link)
    mode = draw(st.sampled_from(["none", "all", "some"])) if strict else "none"
    script = []
    for _, shares in wanted:
        ordered = mode == "all" or (mode == "some" and draw(st.booleans()))
        script.append(
            Step(
                shares,
                float(draw(st.integers(0, 5))) if ordered else None,
                draw(st.integers(0, 2)) if patience else 0,
            )
        )
    columns = [task for task, _ in wanted]
    tasks = workload(
        "random world",
        MODELS,
        arrival_s,
        [c["actual_s"] for c in columns],
        etc_s=[c["etc_s"] for c in columns],
        memory_gb=[c["memory_gb"] for c in columns],
        transfer_gb=[c["transfer_gb"] for c in columns],
        slots=[c["slots"] for c in columns],
        divisible=[c["divisible"] for c in columns],
        parents=parents if graph else None,
        parents_gb=sizes if graph else None,
        users=[draw(st.sampled_from(["ada", "bob"])) for _ in range(n)],
    )
    return World(tasks, cluster, tuple(script))


def _task(draw: st.DrawFn, cluster: Cluster, exact: bool) -> tuple[dict[str, Any], tuple[tuple[int, float], ...]]:
    """Return a task's columns and the shares of a legal placement."""
    home = draw(st.sampled_from(cluster.devices))
    seconds = _quarters(1, 20) if exact else st.floats(0.01, 30.0)
    slots = draw(st.integers(1, home.slots))
    divisible = draw(st.booleans())
    memory_gb = draw(st.sampled_from([g for g in (0.0, 0.25, 0.5, 1.0, 3.0) if g <= home.memory_gb]))
    other = [d for d in cluster.devices if d.kind != home.kind]
    nowhere_else = bool(other) and draw(st.integers(0, 4)) == 0
    task = {
        "actual_s": [draw(seconds) for _ in MODELS],
        "etc_s": [draw(seconds) for _ in MODELS],
        "memory_gb": memory_gb,
        "transfer_gb": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "slots": slots,
        "divisible": divisible,
    }
    if nowhere_else:
        column = MODELS.index(other[0].kind)
        task["actual_s"][column] = task["etc_s"][column] = math.inf
    shares: tuple[tuple[int, float], ...] = ((home.index, 1.0),)
    partners = [
        d
        for d in cluster.devices
        if d.index != home.index and d.slots >= slots and not (nowhere_else and d.kind != home.kind)
    ]
    if divisible and partners and draw(st.booleans()):
        partner = draw(st.sampled_from(partners))
        fraction = draw(st.sampled_from([0.25, 0.5, 0.75]))
        if memory_gb * fraction <= partner.memory_gb:
            shares = ((home.index, 1.0 - fraction), (partner.index, fraction))
            if draw(st.booleans()):
                shares = shares[::-1]
    return task, shares


def shares_of(simulation: Simulation) -> list[tuple[int, int, float, float, float]]:
    """Return (task, device, fraction, start, end) of every placed share, by task and device; nan: not yet."""
    parts = simulation.ledger.parts()
    columns = (parts.task, parts.device, parts.fraction, parts.start_s, parts.end_s)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sorted(rows, key=lambda row: row[:2])


def contract_seconds(world: World, task: int, device: int, fraction: float, table: Any = None) -> float:
    """Return what design.md says a share takes: seconds / speed x fraction + latency + fraction x transfer / link."""
    spec = world.cluster.devices[device]
    whole = (world.tasks.actual_s if table is None else table)[task, MODELS.index(spec.model)]
    seconds = float(whole) / spec.speed * fraction
    if spec.link_gb_s is not None:
        seconds += spec.link_latency_s + fraction * float(world.tasks.transfer_gb[task]) / spec.link_gb_s
    return seconds
