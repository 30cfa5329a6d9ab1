"""Tells a scheduler and its estimator what has finished."""

from __future__ import annotations

from collections.abc import Callable

from engine.completion import Completion, ShareResult
from engine.device_state import DeviceState
from engine.estimating import TableEstimator
from engine.estimator import Estimator
from engine.ledger import Ledger
from engine.scheduler import Scheduler
from engine.task import TaskColumns
from engine.training import TrainingLog
from engine.workload import FloatArray


class Telling:
    """Builds a :class:`Completion` of each finished task, and a training sample of each of its shares.

    Only used where someone observes: a scheduler or estimator with an ``observe`` of its own, or one that learns.
    ``samples`` is the log of a learning estimator, ``nominal_s`` the ETC matrix.
    """

    def __init__(
        self,
        columns: TaskColumns,
        ledger: Ledger,
        devices: list[DeviceState],
        samples: TrainingLog | None,
        nominal_s: FloatArray,
        observers: list[Callable[[Completion], None]],
    ) -> None:
        self._columns = columns
        self._ledger = ledger
        self._devices = devices
        self._samples = samples
        self._nominal_s = nominal_s
        self._observers = observers

    def tell(self, task: int, number: int) -> None:
        """The task has finished as this scheduler's completion ``number``; samples first, then observers."""
        completion = self._completion(task, number)
        if self._samples is not None:
            for share in completion.shares:
                nominal_s = float(self._nominal_s[task, share.model])
                self._samples.append(number, task, share.model, share.fraction, nominal_s, share.work_s)
        for observe in self._observers:
            observe(completion)

    def _completion(self, task: int, number: int) -> Completion:
        slots = self._columns.slots[task]
        shares, energy_j, cost = [], 0.0, 0.0
        for part in self._ledger.parts_of(task):
            share = self._share(task, part)
            spec = self._devices[share.device].spec
            busy_s = (share.end_s - share.start_s) * slots / spec.slots
            energy_j += busy_s * (spec.active_w - spec.idle_w)
            cost += busy_s * spec.price_per_hour / 3600.0
            shares.append(share)
        return Completion(
            number=number,
            task=self._columns.tasks[task],
            shares=tuple(shares),
            arrival_s=self._columns.arrival_s[task],
            start_s=min(share.start_s for share in shares),
            finish_s=max(share.end_s for share in shares),
            energy_j=energy_j,
            cost=cost,
        )

    def _share(self, task: int, part: int) -> ShareResult:
        ledger = self._ledger
        device = self._devices[ledger.device[part]]
        fraction, start_s, end_s = ledger.fraction(part), ledger.start_s[part], ledger.end_s[part]
        overhead_s = device.latency_s + fraction * self._columns.transfer_gb[task] * device.per_gb_s
        work_s = (end_s - start_s - overhead_s) * device.speed / fraction
        return ShareResult(device.index, device.model, fraction, start_s, end_s, work_s)


def observers_of(scheduler: Scheduler, estimator: Estimator | TableEstimator) -> list[Callable[[Completion], None]]:
    """Return the ``observe`` methods that do something, the estimator's first."""
    result: list[Callable[[Completion], None]] = []
    if isinstance(estimator, Estimator) and type(estimator).observe is not Estimator.observe:
        result.append(estimator.observe)
    if type(scheduler).observe is not Scheduler.observe:
        result.append(scheduler.observe)
    return result
