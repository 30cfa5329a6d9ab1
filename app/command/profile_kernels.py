"""``schedrace profile --kernels``: real kernels on this machine's CPU and GPU, and how far the law is from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.profiling.kernels.law import Comparison
    from app.profiling.kernels.measuring import Measured, Measurement


def profile_kernels(out: Path | None, as_json: bool, say: Callable[[str], None]) -> None:
    """Measure, print what was found, and write the folder ``out`` where one is given."""
    from app.output import json_text
    from app.profiling.kernels import devices
    from app.profiling.kernels.files import CLUSTER, WORKLOAD, folder_texts, write_folder
    from app.profiling.kernels.measuring import measure

    measurement = measure(devices.find_pair(), say)
    if out is not None:
        write_folder(out, folder_texts(measurement))
    if as_json:
        print(json_text(summary(measurement)))
    else:
        _print(measurement)
    if out is None:
        say("Nothing was written; --out FOLDER keeps the kernels as a workload with its cluster.")
    else:
        say(f"Wrote {out}. Race them with: schedrace race --workload {out / WORKLOAD} --cluster {out / CLUSTER}")


def summary(measurement: Measurement) -> dict[str, Any]:
    """Return the object of ``--json``."""
    from app.profiling.kernels.files import provenance
    from app.profiling.kernels.law import compare

    return {
        **provenance(measurement),
        "kernels": [_kernel(measured) for measured in measurement.kernels],
        "law": asdict(compare(measurement.points)),
    }


def _kernel(measured: Measured) -> dict[str, Any]:
    figures = {**asdict(measured), "character": _characters()[measured.kernel]}
    points = [
        {"gpu_fraction": point.fraction, "measured_s": point.measured_s, "law_s": point.law_s, "error": point.error,
         "spread": point.spread, "chosen": point.chosen}
        for point in measured.points
    ]  # fmt: skip
    return {**figures, "points": points}


def _characters() -> dict[str, str]:
    """Return by its name what a kernel is like."""
    from app.profiling.kernels.programs import KERNELS

    return {kernel.name: kernel.character for kernel in KERNELS}


def _print(measurement: Measurement) -> None:
    from app.command.tables import Column, print_table, say, table_console
    from app.profiling.kernels.law import compare

    points = measurement.points
    names = list(dict.fromkeys(measured.kernel for measured in measurement.kernels))
    found = [compare([point for point in points if point.kernel == name]) for name in names]
    found.append(compare(points))
    sizes = [[measured.size for measured in measurement.kernels if measured.kernel == name] for name in names]
    character = _characters()
    console = table_console()
    print_table(
        console,
        (
            Column("kernel", [*names, "all"], right=False),
            Column("character", [*(character[name] for name in names), ""], rank=3, right=False),
            Column("sizes", [*(f"{min(of):,} to {max(of):,}" for of in sizes), ""], rank=4),
            Column("law is off by\nmedian", [_percent(of.median_error) for of in found]),
            Column("law is off by\n9 of 10", [_percent(of.ninth_error) for of in found], rank=1),
            Column("repeats\ndiffer by", [_percent(of.spread) for of in found], rank=2),
            Column("on the GPU\nas chosen", [_span(of.chosen) for of in found]),
            Column("longer than the\nbest measured", [_span(of.over_best) for of in found]),
            Column("faster than the\nbetter device", [_times(of.speed_up) for of in found], rank=1),
        ),
        apart=1,
    )
    for sentence in sentences(dict(zip(names, found, strict=False)), found[-1]):
        say(console, sentence)


def sentences(by_kernel: Mapping[str, Comparison], found: Comparison) -> list[str]:
    """Return in words how far the law is from what was measured, for which kernel most, and what its choice of a split
    cost."""
    said = []
    if found.median_error is not None and found.too_short is not None:
        said.append(
            f"Over {found.runs} co-executed splits the law is off by {_percent(found.median_error)} in the median "
            f"(9 of 10: at most {_percent(found.ninth_error)}), where repeats of the same split differ by "
            f"{_percent(found.spread)}; {_percent(found.too_short)} of them took longer than it says."
        )
    off = {name: of for name, of in by_kernel.items() if of.median_error is not None}
    if len(off) > 1:
        worst = max(off, key=lambda name: off[name].median_error or 0.0)
        sentence = f"It is furthest off for {worst}, by {_percent(off[worst].median_error)} in the median"
        if (off[worst].too_short or 0.0) > 0.5:
            sentence += f", and {_percent(off[worst].too_short)} of its splits took longer: the law knows no contention"
            sentence += " for memory that both devices use"
        said.append(f"{sentence}.")
    good = sum(over <= 0.05 for over in found.over_best)
    said.append(
        f"The split that it chooses took {_percent(median(found.over_best))} longer than the best of those measured in "
        f"the median, at most {_percent(max(found.over_best))}; for {good} of {len(found.over_best)} sizes within 5 %."
    )
    return said


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _span(shares: Sequence[float]) -> str:
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _times(ratios: Sequence[float]) -> str:
    low, high = (f"{ratio:.2f}" for ratio in (min(ratios), max(ratios)))
    return f"{low} times" if low == high else f"{low} to {high} times"
