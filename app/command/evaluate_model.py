"""``schedrace evaluate-model``: how well the better device of measured kernels is predicted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.evaluation.evaluation import Evaluation, Protocol
    from app.evaluation.queues import Queues

SUMMARY = "predict the faster device of measured kernels, compare with what is published, and race them"

DETAILS = """\
FILE is a CSV of kernels measured on a CPU and a GPU (resources/help/formats.md, 'Measured kernels'). From its static
counts alone the faster device of each kernel is predicted by a model that was trained on others: grouped by program
(no program is ever in training and test at once), and in the published protocol (stratified 10-fold, seed 204), which
leaks. Then the kernels race with queues. Takes about fifteen seconds; nothing is recorded.

--json prints one object (shares from 0 to 1):
  rows, programs, gpu_share (of the kernels that are faster on the GPU)
  protocols: stratified and grouped, each with accuracy, accuracy_interval (95 %, programs drawn),
    speedup_over_static (mean of the kernels' speed-ups over the best static device), geomean_speedup, model, folds,
    same_kernel_in_training and same_program_in_training (shares of the tests), others (the same scores by name)
  baselines: a list of name, platform, accuracy, speedup_over_static, protocol, source, as published
  leakage: a sentence
  race: cluster, load, seeds, schedulers: a list of name, mean_response_s, half_width_s (of the 95 % interval)

exit status: 0 done; 1 a scheduler failed; 2 wrong usage, as a file that cannot be used; 130 stopped by Ctrl-C."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a CSV of measured kernels")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(options: argparse.Namespace) -> int:
    """Evaluate, race, print."""
    from app.evaluation.evaluation import evaluate
    from app.evaluation.queues import SEEDS, race_kernels
    from app.output import json_text
    from plugins.registry import load_registry

    found = evaluate(options.file)
    if not options.json:
        print(_predicted(options.file.name, found), flush=True)
    print(f"Racing the kernels with {SEEDS} seeds ...", file=sys.stderr, flush=True)
    queues = race_kernels(options.file, load_registry(plugins=[]))
    print(json_text(summary(found, queues)) if options.json else f"\n{_raced(queues)}")
    return 0


def summary(found: Evaluation, queues: Queues) -> dict[str, Any]:
    """Return the object of ``--json``."""
    from app.evaluation.published import BASELINES

    return {
        "rows": found.rows,
        "programs": found.programs,
        "gpu_share": found.gpu_share,
        "protocols": {name: protocol.as_json() for name, protocol in found.protocols.items()},
        "baselines": [baseline.as_json() for baseline in BASELINES],
        "leakage": leakage(found.protocols["stratified"]),
        "race": queues.as_json(),
    }


def leakage(stratified: Protocol) -> str:
    """Return in words what the published protocol gives away."""
    from app.texts import percent

    return (
        f"The stratified folds leak: for {percent(stratified.same_kernel)} of the kernels tested, the same kernel with "
        f"another data set was in training, for {percent(stratified.same_program)} a kernel of the same program. "
        "Grouped by program says what to expect of a program that was never seen."
    )


def _predicted(name: str, found: Evaluation) -> str:
    from app.evaluation.published import BASELINES, CUMMINS
    from app.texts import plural

    grouped, stratified = found.protocols["grouped"], found.protocols["stratified"]
    lines = [
        f"{name}: {plural(found.rows, 'kernel')} of {plural(found.programs, 'program')}; the GPU is faster for "
        f"{100 * found.gpu_share:.1f} % of them.",
        "",
        f"{'':<38} {'right':>7} {'95 %':>11}   speed-up over the best static device",
        f"{'':<58}   {'mean':>6}   geometric mean",
        f"Grouped by program, {grouped.folds} folds",
        *_scores(grouped),
        f"Stratified, {stratified.folds} folds, seed 204 (the published protocol)",
        *_scores(stratified),
        "Published for the two files of the data set, stratified",
        *(_line(f"{of.name}, {of.platform}", of.accuracy, "", of.speedup_over_static) for of in BASELINES),
        "",
        leakage(stratified),
        f"Published: {CUMMINS}.",
    ]
    if (geomean := grouped.score.geomean_speedup) < 1:
        lines.append(
            f"For programs that were never seen, the choices bring less than always taking the best static device, by "
            f"the geometric mean ({geomean:.2f}): a few large gains, more small losses."
        )
    return "\n".join(lines)


def _scores(protocol: Protocol) -> Iterator[str]:
    for name, of in protocol.scores.items():
        low, high = of.interval
        yield _line(name, of.accuracy, f"{100 * low:.0f} to {100 * high:.0f}", of.speedup, f"{of.geomean_speedup:.2f}")


def _line(name: str, accuracy: float, interval: str, speedup: float, geomean: str = "") -> str:
    return f"  {name:<36} {100 * accuracy:>5.1f} % {interval:>11}   {speedup:>6.2f}   {geomean}".rstrip()


def _raced(queues: Queues) -> str:
    lines = [
        f"In races with queues: cluster '{queues.cluster}', load {queues.load:g}, {queues.seeds} seeds, mean response "
        "with its 95 % interval",
        *(f"  {of.name:<36} {of.mean_response_s:>7.3g} ± {of.half_width_s:.2g} s" for of in queues.schedulers),
    ]
    return "\n".join(lines)
