"""The engine's contract once more, slowly and literally, for one scripted policy: lists and searches, no heap."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from engine_worlds import World, contract_seconds


@dataclass
class _Share:
    task: int
    device: int
    fraction: float
    rank: float
    number: int
    start_s: float = math.nan
    end_s: float = math.nan
    started: int = 0


@dataclass
class SlowSimulation:
    """Runs a world by the sentences of design.md, section engine; compare ``log``, ``status`` and ``shares``."""

    world: World
    log: list[Any] = field(default_factory=list)
    shares: list[_Share] = field(default_factory=list)
    status: str = "running"
    now_s: float = 0.0

    def __post_init__(self) -> None:
        w = self.world.tasks
        n = len(w)
        bounds = w.parent_start.tolist()
        self.parents = [w.parent_index[bounds[i] : bounds[i + 1]].tolist() for i in range(n)]
        self.edge_gb = [w.parent_gb[bounds[i] : bounds[i + 1]].tolist() for i in range(n)]
        self.to_come = sorted(range(n), key=lambda i: (w.arrival_s[i], i))
        self.pending: list[int] = []
        self.finish_s: dict[int, float] = {}
        self.strict = [False] * len(self.world.cluster.devices)
        self.data_due: list[tuple[float, int]] = []  # second, device
        self.asked = [0] * n
        self.starts = 0
        while self._next_instant():
            pass
        self.status = "finished" if len(self.finish_s) == n else "disqualified"

    # --- instants -------------------------------------------------------------------------------------------------

    def _next_instant(self) -> bool:
        arrival_s = float(self.world.tasks.arrival_s[self.to_come[0]]) if self.to_come else math.inf
        running = [s for s in self.shares if s.started and math.isnan(s.end_s)]
        first_end = min(running, key=lambda s: (self._ends_at(s), s.started), default=None)
        end_s = self._ends_at(first_end) if first_end else math.inf
        data_s = min((at_s for at_s, _ in self.data_due), default=math.inf)
        self.now_s = min(arrival_s, end_s, data_s)
        if self.now_s == math.inf:
            return False
        if data_s == self.now_s:
            here = [device for at_s, device in self.data_due if at_s == self.now_s]
            self.data_due = [(at_s, device) for at_s, device in self.data_due if at_s > self.now_s]
            for device in here:
                self._advance(device)
        elif arrival_s == self.now_s:
            while self.to_come and self.world.tasks.arrival_s[self.to_come[0]] == self.now_s:
                self.pending.append(self.to_come.pop(0))
            self._ask()
        else:
            assert first_end is not None
            self._finish(first_end)
        return True

    def _ends_at(self, share: _Share) -> float:
        return share.start_s + contract_seconds(self.world, share.task, share.device, share.fraction)

    def _finish(self, share: _Share) -> None:
        share.end_s = self.now_s
        task = share.task
        touched = []
        complete = all(not math.isnan(s.end_s) for s in self.shares if s.task == task)
        if complete:
            self.finish_s[task] = self.now_s
            for child, parents in enumerate(self.parents):
                if task in parents and self._ready(child):
                    for s in (s for s in self.shares if s.task == child):
                        if self._data_s(child, s.device) > self.now_s:
                            self.data_due.append((self._data_s(child, s.device), s.device))
                        else:
                            touched.append(s.device)
        for device in (*touched, share.device):
            self._advance(device)
        if complete:
            self.log.append(("observe", self.now_s, task))
        if self.pending:
            self._ask()

    # --- rules ----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        while self.pending:
            before = len(self.pending)
            self.log.append(("place", self.now_s, tuple(self.pending)))
            for task in list(self.pending):
                self.asked[task] += 1
                if self.asked[task] > self.world.script[task].patience:
                    self._place(task)
            if len(self.pending) == before:
                return

    def _place(self, task: int) -> None:
        self.pending.remove(task)
        step = self.world.script[task]
        for device, fraction in step.shares:
            rank = math.inf if step.order is None else step.order
            self.shares.append(_Share(task, device, fraction, rank, len(self.shares)))
            self.strict[device] |= step.order is not None
            if self._ready(task) and self._data_s(task, device) > self.now_s:
                self.data_due.append((self._data_s(task, device), device))
            self._advance(device)

    def _advance(self, device: int) -> None:
        while True:
            queue = [s for s in self.shares if s.device == device and not s.started]
            if self.strict[device]:
                queue.sort(key=lambda s: (s.rank, s.number))
                queue = queue[:1]
            queue = [s for s in queue if self._ready(s.task) and self._data_s(s.task, device) <= self.now_s]
            if not queue or not self._room(queue[0]):
                return
            self.starts += 1
            queue[0].started = self.starts
            queue[0].start_s = self.now_s

    def _ready(self, task: int) -> bool:
        return all(parent in self.finish_s for parent in self.parents[task])

    def _data_s(self, task: int, device: int) -> float:
        link, latest = self.world.cluster.link, 0.0
        for parent, gb in zip(self.parents[task], self.edge_gb[task], strict=True):
            there = sum(s.fraction for s in self.shares if s.task == parent and s.device == device)
            sent = (link.latency_s + gb * (1.0 - there) / link.gb_s) if there < 1.0 else 0.0
            latest = max(latest, self.finish_s[parent] + sent)
        return latest

    def _room(self, share: _Share) -> bool:
        w, spec = self.world.tasks, self.world.cluster.devices[share.device]
        running = [s for s in self.shares if s.device == share.device and s.started and math.isnan(s.end_s)]
        slots = sum(int(w.slots[s.task]) for s in running)
        memory_gb = math.fsum(float(w.memory_gb[s.task]) * s.fraction for s in running)
        return (
            slots + int(w.slots[share.task]) <= spec.slots
            and memory_gb + float(w.memory_gb[share.task]) * share.fraction <= spec.memory_gb
        )
