"""Who answers 'how many seconds?': the contract of estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.scheduler import NoParams

if TYPE_CHECKING:
    from engine.completion import Completion
    from engine.task import Task
    from engine.training import TrainingWindow
    from engine.workload import FloatArray

Seconds = Sequence[float]


@dataclass(frozen=True, slots=True, eq=False)
class EstimatorContext:
    """What an estimator may know of the race: nominal seconds and features, never the true ones.

    ``nominal_s`` is n x m (inf where a task cannot run), ``features`` n x k; ``window`` yields this scheduler's
    training samples; ``seed`` drives all its randomness. ``warm``: the window holds samples of an earlier race, and
    ``nominal_s`` and ``features`` their tasks, behind those of this one (:func:`engine.history.warmed`).
    """

    models: tuple[str, ...]
    nominal_s: FloatArray
    features: FloatArray
    feature_names: tuple[str, ...]
    window: TrainingWindow
    seed: int
    warm: bool = False


class Estimator:
    """Expected seconds of a task on each device model. Subclass it to bring your own learner.

    :meth:`seconds` is asked for every placement, so it must be fast. :meth:`observe` is told of every completion, after
    its samples have entered ``context.window``. A learner must stay deterministic: a model trained on the first k
    completions may only be used from a completion number fixed beforehand, however long the fit takes.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    Params: ClassVar[type] = NoParams
    learns: ClassVar[bool] = False
    """Whether completions are recorded as training samples for it."""

    def __init__(self, context: EstimatorContext, params: Any = None) -> None:
        self.context = context
        self.params: Any = self.Params() if params is None else params

    def seconds(self, task: Task) -> Seconds:
        """Return m seconds at speed 1, one for each device model; inf where the task cannot run."""
        raise NotImplementedError

    def observe(self, completion: Completion) -> None:
        """Called after each finished task of this scheduler; the default ignores it."""

    @property
    def active_models(self) -> int:
        """How many models have been put into use so far; 0 means that the nominal times still answer."""
        return 0

    def account(self) -> dict[str, Any] | None:
        """Return what has been learned, as a JSON object for the results; None where there is nothing to say."""
        return None

    def close(self) -> None:
        """End background work; called once, also after a failure."""
