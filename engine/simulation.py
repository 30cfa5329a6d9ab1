"""One scheduler on one workload and one cluster. The order of events is the law of :mod:`engine.event_loop`."""

from __future__ import annotations

import math
import traceback
from heapq import heappop, heappush
from itertools import count

from engine.cluster import Cluster
from engine.decision_clock import DecisionClock
from engine.device_state import DeviceState
from engine.errors import InputError, sentence_of
from engine.estimating import EstimatorFactory, TableEstimator, guarded, make_estimator
from engine.estimator import Estimator
from engine.event_loop import run_events
from engine.ledger import Ledger
from engine.pending import Pending
from engine.placement import Shares
from engine.placement_rules import checked
from engine.precedence import Precedence
from engine.results import Status
from engine.scheduler import Scheduler
from engine.shared import SecondsColumn, Shared
from engine.state import ClusterState
from engine.task import Task
from engine.telling import Telling, observers_of
from engine.training import TrainingLog
from engine.watchdog import Interrupted
from engine.weights import Weights
from engine.workload import Workload

_DATA_FIRST = -(2**62)  # data that arrive sort before the finishes of the same instant


class Simulation:
    """Resumable: :meth:`advance` runs a bounded number of events up to a simulated second.

    ``estimator`` is 'nominal', 'law', 'true' or a factory. ``status`` is 'running' until all tasks have finished or
    the scheduler is disqualified (``reason``, ``traceback``). ``models`` counts the learned models in use so far, the
    first since ``model_since_s``; ``devices`` are the live ones, for those who draw them; ``strangers`` are the
    modules of the scheduler and its estimator; ``decisions`` knows how long ``place`` takes; ``memory_refused`` are
    the shares that, ready at the head of a queue with slots free, had to wait for memory. An event is one instant of
    arrivals, one finish of a share or one arrival of data.
    """

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        scheduler: Scheduler,
        estimator: str | EstimatorFactory = "nominal",
        *,
        weights: Weights | None = None,
        shared: Shared | None = None,
        seed: int = 0,
    ) -> None:
        shared = shared or Shared(workload)
        self.columns = shared.columns
        self.cluster = cluster
        divisible = any(self.columns.divisible)
        self.ledger = Ledger(len(workload), len(cluster.devices), divisible=divisible)
        self.status: Status = "running"
        self.reason: str | None = None
        self.traceback: str | None = None
        samples = TrainingLog(workload.features)
        self.estimator = self._start_estimator(estimator, workload, shared, samples, seed)
        self.samples = samples if isinstance(self.estimator, Estimator) and self.estimator.learns else None
        # whose lines a reason names
        self.strangers = {type(scheduler).__module__}
        if isinstance(self.estimator, Estimator):
            self.strangers.add(type(self.estimator).__module__)
        self.models = 0
        self.model_since_s = math.nan
        models = cluster.columns_in(workload.models)
        self.devices = [DeviceState(d, model) for d, model in zip(cluster.devices, models, strict=True)]
        self._shared = shared
        # by device: the seconds of whole tasks; None where they depend on when a share starts
        self._whole_true_s = [None if device.drifts else shared.whole_s("true", device) for device in self.devices]
        # by model, for shares of tasks and devices that drift
        self._true_s = shared.table("true") if divisible or None in self._whole_true_s else ()
        # what is believed, where that stands in a table: by model, by device of whole tasks, and without the launch
        self._believed_s: tuple[SecondsColumn, ...] | None = None
        self._whole_believed_s: list[SecondsColumn] | None = None
        busy_s: list[SecondsColumn] | None = None
        if isinstance(self.estimator, TableEstimator):
            name = self.estimator.name
            self._believed_s = shared.table(name)
            self._whole_believed_s = [shared.whole_s(name, device) for device in self.devices]
            busy_s = [shared.busy_s(name, device) for device in self.devices]
        self._precedence = Precedence(self.columns, self.ledger, cluster)
        self._arrivals = shared.arrivals
        self._pending = Pending(workload.has_parents)
        self._events: list[tuple[float, int, int]] = []  # second, start number, part
        self._numbers = count(1)  # of starts and placements: what comes first at a tie
        self._data_events = 0
        self._open_parts: dict[int, int] = {}  # tasks with extra shares: those that have not ended
        expected = guarded(self.estimator) if isinstance(self.estimator, Estimator) else self.estimator.seconds
        self._state = ClusterState(
            cluster.without_drift(),
            self.devices,
            self.columns,
            self._precedence,
            expected,
            weights or Weights(),
            self._whole_believed_s,
            busy_s,
        )
        self._expected = expected
        self._place = scheduler.place
        self.decisions = DecisionClock(scheduler.place)
        self._events_run = 0
        self.memory_refused: set[int] = set()
        self._has_parents = workload.has_parents
        self._telling: Telling | None = None
        observers = observers_of(scheduler, self.estimator)
        if observers or self.samples is not None:
            self._telling = Telling(self.columns, self.ledger, self.devices, self.samples, workload.etc_s, observers)

    def _start_estimator(
        self, choice: str | EstimatorFactory, workload: Workload, shared: Shared, samples: TrainingLog, seed: int
    ) -> Estimator | TableEstimator:
        try:
            return make_estimator(choice, workload, shared, samples, seed)
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # a stranger's constructor
            self.disqualify(f"its estimator could not start: {sentence_of(error)}", traceback.format_exc())
            return TableEstimator("nominal", shared.table("nominal"))

    @property
    def _next_arrival_s(self) -> float:
        position = self._state.arrivals
        return self.columns.arrival_s[self._arrivals[position]] if position < len(self._arrivals) else math.inf

    @property
    def next_s(self) -> float:
        """Second of the next event; inf when the simulation has ended."""
        if self.status != "running":
            return math.inf
        return min(self._events[0][0], self._next_arrival_s) if self._events else self._next_arrival_s

    @property
    def now_s(self) -> float:
        """Second of the latest event."""
        return self._state.now

    @property
    def arrived(self) -> int:
        """Tasks that have arrived."""
        return self._state.arrivals

    @property
    def completions(self) -> int:
        """Tasks of which every share has ended."""
        return len(self.ledger.finished)

    @property
    def progress(self) -> tuple[int, int, int]:
        """What changes with every call that the scheduler has answered: tasks arrived and pending, shares ended."""
        return self.arrived, len(self._pending), len(self.ledger.ended)

    def advance(self, until_s: float = math.inf, events: float = math.inf) -> int:
        """Run events not later than ``until_s``, at most ``events`` of them; return how many were run.

        A scheduler that raises, breaks the contract or starves tasks is disqualified. Nothing is raised but what
        interrupts it from outside: KeyboardInterrupt, or the :class:`Interrupted` of a watchdog.
        """
        done = 0
        try:
            while done < events and self.status == "running":
                ran = run_events(self, until_s, events - done)
                done += ran
                if not self._events and self._next_arrival_s == math.inf:
                    self._end()
                elif not ran:
                    break
        except (KeyboardInterrupt, Interrupted):
            raise
        except BaseException as error:  # a policy is a stranger's code: whatever it raises is data
            self.disqualify(sentence_of(error, self.strangers), traceback.format_exc())
        return done

    def stop(self) -> None:
        """End a running simulation as it is."""
        if self.status == "running":
            self.status = "stopped"

    def close(self) -> None:
        """End the estimator's background work."""
        if isinstance(self.estimator, Estimator):
            self.estimator.close()

    # --- what the event loop leaves to methods: parents, data, strict queues, a close look, what that lets pass ------

    def _tell(self, telling: Telling, task: int) -> None:
        telling.tell(task, self.completions)
        self.models = self.estimator.active_models
        if self.models and math.isnan(self.model_since_s):
            self.model_since_s = self.now_s

    def _release_children(self, task: int) -> None:
        """Wake all that waited for this task before any queue advances: the first-placed of them goes first."""
        woken: list[DeviceState] = []
        for child, parts in self._precedence.release(task):
            self._pending._now_ready(child)
            woken.extend(self._wake_when_due(child, part) for part in parts)
        for device in woken:
            self._advance_queue(device)

    def _wake_when_due(self, task: int, part: int) -> DeviceState:
        """Wake the placed share of a ready task, at once or when its data come; return its device."""
        device = self.devices[self.ledger.device[part]]
        due_s = self._precedence.data_ready_s(task, device.index)
        if due_s > self.now_s:
            self._data_events += 1
            heappush(self._events, (due_s, _DATA_FIRST + self._data_events, part))
        else:
            device.wake(part)
        return device

    def _data_arrive(self, part: int) -> None:
        """Wake this share and all others whose data come at the same instant, then advance their queues."""
        woken = [part]
        while self._events and self._events[0][0] == self.now_s and self._events[0][1] < 0:
            woken.append(heappop(self._events)[2])
        devices = [self.devices[self.ledger.device[part]] for part in woken]
        for part, device in zip(woken, devices, strict=True):
            device.wake(part)
        for device in devices:
            self._advance_queue(device)

    def _put_checked(self, placement: object) -> None:
        """Take a placement that the event loop did not see to be legal at once."""
        task, shares, order = checked(placement, self._pending, self._state)
        self._pending._remove(task.index)
        if len(shares) == 1:
            device, fraction = shares[0]
            self.ledger.device[task.index] = device
            self.ledger.placed_s[task.index] = self.now_s
            self._put(task.index, task, device, fraction, order)
        else:
            self._put_split(task, shares, order)

    def _put_split(self, task: Task, shares: Shares, order: float | None) -> None:
        if self.ledger.add_split(task.index, shares, self.now_s) >= self.ledger.halves:
            self._open_parts[task.index] = len(shares)
        for part, (device, fraction) in zip(self.ledger.parts_of(task.index), shares, strict=True):
            self._put(part, task, device, fraction, order)

    def _put(self, part: int, task: Task, device_index: int, fraction: float, order: float | None) -> None:
        """Start a share that was just placed, or let it wait."""
        index, columns, device = task.index, self.columns, self.devices[device_index]
        if order is not None:
            device.make_strict()
        here = not self._has_parents or self._precedence.may_start(index, device_index, self.now_s)
        # as DeviceState.seconds, without the call
        believed_s = self._expected(task)[device.model] / device.speed * fraction
        if device.has_link:
            believed_s += device.latency_s + fraction * columns.transfer_gb[index] * device.per_gb_s
        memory_gb = columns.memory_gb[index] * fraction
        slots = columns.slots[index]
        if here and slots <= device.free_slots and memory_gb <= device.free_memory_gb and not device.ready:
            self._start(device, part, index, fraction, believed_s, slots, memory_gb)
            return
        rank = math.inf if order is None else order
        device.enqueue((rank, next(self._numbers), part, index, believed_s, slots, memory_gb, fraction), here)
        if here:
            if device.strict:
                self._advance_queue(device)
            elif memory_gb > device.free_memory_gb and slots <= device.free_slots and device.ready[0][2] == part:
                self.memory_refused.add(part)
        elif self._precedence.is_ready(index):
            self._wake_when_due(index, part)
        else:
            self._precedence.wait(index, part)

    def _advance_queue(self, device: DeviceState) -> None:
        ready = device.ready
        while ready:
            _, _, part, task, seconds, slots, memory_gb, fraction = ready[0]
            if slots > device.free_slots:
                break
            if memory_gb > device.free_memory_gb:
                if not device.strict or self._precedence.may_start(task, device.index, self.now_s):
                    self.memory_refused.add(part)
                break
            if device.strict and not self._precedence.may_start(task, device.index, self.now_s):
                break
            ready.popleft()
            # exactly zero when the queue is empty, so that rounding never builds up
            device.queued_s = device.queued_s - seconds if ready or device.waiting else 0.0
            self._start(device, part, task, fraction, seconds, slots, memory_gb)

    def _start(
        self,
        device: DeviceState,
        part: int,
        task: int,
        fraction: float,
        believed_s: float,
        slots: int,
        memory_gb: float,
    ) -> None:
        now_s = self.now_s
        seconds = self._true_seconds(device, task, fraction)
        device.running[part] = (now_s + believed_s, slots, memory_gb)
        device.free_slots -= slots
        if device.pooled:
            if device._replay is not None and not device._replay.starts_as_played(part, now_s):
                device._replay = None
            if memory_gb:
                device.count_memory()
        else:
            device._end_s = now_s + believed_s
        self.ledger.start_s[part] = now_s
        heappush(self._events, (now_s + seconds, next(self._numbers), part))

    def _true_seconds(self, device: DeviceState, task: int, fraction: float) -> float:
        """Return how long a share truly takes that starts now: as :meth:`DeviceState.seconds`, at the speed of now."""
        whole_s = self._whole_true_s[device.index]
        if whole_s is not None and fraction == 1.0:
            return whole_s[task]
        speed = device.speed
        if device.drifts:
            speed *= device.spec.speed_factor(self.now_s)
        seconds = self._true_s[device.model][task] / speed * fraction
        if device.has_link:
            seconds += device.latency_s + fraction * self.columns.transfer_gb[task] * device.per_gb_s
        return seconds

    # --- ending ---------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        unfinished = len(self._arrivals) - self.completions
        if not unfinished:
            self.status = "finished"
            return
        waiting = len(self._pending)
        first = self._pending.first if waiting else None
        where = f"{waiting} tasks were never placed, the first is {first}" if waiting else (
            f"{unfinished} placed tasks wait for ever in device queues (a strict order that contradicts the parents?)"
        )  # fmt: skip
        self.disqualify(f"starved: nothing is left to happen, but {where}.", None)

    def disqualify(self, reason: str, trace: str | None = None) -> None:
        """End this simulation for a reason that the user will read; the other lanes of its race go on."""
        self.status = "disqualified"
        self.reason = reason
        self.traceback = trace
