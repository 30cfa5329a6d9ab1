"""Gives each lane its estimator, the engine's own or a plugin's, and checks what strangers answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import EstimateError, InputError
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.learner import Learner
from engine.shared import Shared
from engine.task import Task
from engine.training import TrainingLog
from engine.workload import Workload

EstimatorFactory = Callable[[EstimatorContext], Estimator]


class TableEstimator:
    """Seconds read from a fixed table: ``nominal`` (the ETC), ``law`` and ``true`` are three such tables.

    The engine alone builds the latter two; no plugin is ever handed the true seconds. ``name`` is the table's.
    """

    def __init__(self, name: str, columns: Sequence[Sequence[float]]) -> None:
        self.name = name
        self.active_models = 0
        self._columns = columns
        self._index = -1
        self._row: Seconds = ()

    def account(self) -> None:
        """A table learns nothing."""

    def seconds(self, task: Task) -> Seconds:
        """Return the task's row of the table."""
        index = task.index
        if index != self._index:  # rules ask for one task several times over
            self._row = tuple([column[index] for column in self._columns])
            self._index = index
        return self._row


def make_estimator(
    choice: str | EstimatorFactory, workload: Workload, shared: Shared, samples: TrainingLog, seed: int
) -> Estimator | TableEstimator:
    """Return the estimator of a lane; the tables of true seconds go nowhere else.

    Raises :class:`InputError` when the workload has no such times, and whatever a stranger's constructor raises.
    """
    if callable(choice):
        return choice(
            EstimatorContext(workload.models, workload.etc_s, workload.features, workload.feature_names, samples, seed)
        )
    if not shared.knows(choice):
        raise InputError(f"Workload '{workload.name}' has no '{choice}' times; use nominal, true or a learner.")
    return TableEstimator(choice, shared.table(choice))


def guarded(estimator: Estimator) -> Callable[[Task], Seconds]:
    """Return the estimator's ``seconds`` with its answers checked: m numbers above 0, inf where a task cannot run.

    The closure raises :class:`EstimateError` with the estimator's name.
    """
    if type(estimator).seconds is Learner.seconds:
        return estimator.seconds  # it has checked them, once a task: rules ask several times over
    models = len(estimator.context.models)

    def seconds(task: Task) -> Seconds:
        answer = estimator.seconds(task)
        try:
            possible = len(answer) == models and min(answer) > 0.0 and not any(s != s for s in answer)
        except TypeError:
            possible = False
        if not possible:
            raise EstimateError(
                f"estimator '{estimator.name}' answered {answer!r} seconds for {task}; it must give {models} numbers "
                "above 0."
            )
        return answer

    return seconds
