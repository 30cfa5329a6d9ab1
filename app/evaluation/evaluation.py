"""The whole evaluation of a file: every way to choose, under both protocols."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.evaluation import choosing
from app.evaluation.folds import grouped, program_of, seen_before, stratified
from app.evaluation.scoring import Score, choices, score
from plugins.workloads.kernels import read_kernels

OURS = "extra trees"
WAYS = {
    OURS: choosing.extra_trees,
    "forest, as it races": choosing.racing_forest,
    "Grewe et al. 2013, re-run": choosing.grewe_tree,
    "best static device": choosing.static,
}
GROUPED, STRATIFIED = "grouped", "stratified"


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to part training and test. ``same_kernel``, ``same_program``: for which share of the tests the kernel
    itself (with another data set), or another one of its program, was in training; ``scores`` by :data:`WAYS`."""

    folds: int
    same_kernel: float
    same_program: float
    scores: dict[str, Score]

    @property
    def score(self) -> Score:
        """That of our model."""
        return self.scores[OURS]

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object: our score, and under ``others`` those of the other ways."""
        return {
            **self.score.as_json(),
            "model": OURS,
            "folds": self.folds,
            "same_kernel_in_training": self.same_kernel,
            "same_program_in_training": self.same_program,
            "others": {name: of.as_json() for name, of in self.scores.items() if name != OURS},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found on a file. ``gpu_share``: of the kernels that are faster on the GPU."""

    rows: int
    programs: int
    gpu_share: float
    protocols: dict[str, Protocol]


def evaluate(path: Path) -> Evaluation:
    """Read the measured kernels and evaluate; :class:`engine.errors.InputError` for a file that cannot be used."""
    kernels = read_kernels(path)
    programs = [program_of(benchmark) for benchmark in kernels.benchmarks]
    best = choosing.best_device(kernels)
    protocols = {}
    for name, folds in ((STRATIFIED, stratified(best)), (GROUPED, grouped(programs))):
        scores = {way: score(kernels, programs, choices(make(kernels), folds)) for way, make in WAYS.items()}
        protocols[name] = Protocol(
            folds=len(folds),
            same_kernel=seen_before(kernels.benchmarks, folds),
            same_program=seen_before(programs, folds),
            scores=scores,
        )
    return Evaluation(len(kernels.names), len(set(programs)), float(best.mean()), protocols)
