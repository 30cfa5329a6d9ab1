"""``schedrace profile``: this machine as a cluster file, or its kernels as a workload."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError, SchedRaceError

if TYPE_CHECKING:
    from app.profiling.figures import Figures

SUMMARY = "measure this machine and write it as a cluster file"

DETAILS = """\
Takes about ten seconds and all cores. Without --out the cluster file goes to standard output. The source of every
device says which of its figures were measured, which the system reports and which are assumptions.

--kernels runs five OpenCL kernels on this machine's CPU and GPU instead, at three sizes each: alone, and both devices
at once with 0, 1/8 ... 1 of the work on the GPU and with the fraction that the engine's law chooses. It prints how far
the law is from the measured times. --out is then a new folder: workload.csv and cluster.toml, which race,
coexecution.csv and provenance.json (resources/help/formats.md). It takes a minute or two, and needs the extra 'kernels'
(pyopencl) and OpenCL drivers for both devices.

--json prints one object: name, devices (id, kind, name, speed, memory_gb, idle_w, active_w, origins, gflop_s,
copy_gb_s, link_gb_s, link_latency_s; null where not known)

--kernels --json: all of provenance.json; kernels: a list of kernel, character, size, flops, bytes, work_items, alone
(cpu_s, gpu_s without launch and transfer, transfer_gb, latency_s, link_gb_s), points (gpu_fraction, measured_s, law_s,
error, spread, chosen); law (of all): runs, median_error, ninth_error (9 of 10 are within), too_short (share that took
longer), spread, and for each size the fraction chosen, over_best and speed_up

exit status: 0 done; 1 it could not be written, or there is no GPU to run kernels on; 2 wrong usage; 130 stopped by
Ctrl-C (nothing is written)."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--out", type=Path, metavar="FILE.toml", help="write the cluster file there; with --kernels a folder"
    )
    parser.add_argument(
        "--kernels", action="store_true", help="time real kernels on the CPU and the GPU, alone and together"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with all figures")


def run(options: argparse.Namespace) -> int:
    """Measure, then write; nothing is written before all is measured."""
    import platform

    from app.profiling.cpu import profile_cpu
    from app.profiling.figures import cluster_toml
    from plugins.clusters import parse_cluster

    out: Path | None = options.out
    if out is not None:
        _check_target(out, a_folder=options.kernels)
    if options.kernels:
        from app.command.profile_kernels import profile_kernels

        profile_kernels(out, options.json, _say)
        return 0
    devices = [profile_cpu(_say), *_gpus()]
    name = platform.node() or "this machine"
    text = cluster_toml(name, devices)
    parse_cluster(text, "the profile")
    if out is not None:
        _write(out, text)
    if options.json:
        import json
        from dataclasses import asdict

        summary = {"name": name, "devices": [asdict(device) for device in devices]}
        print(json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False))
    elif out is None:
        print(text, end="")
    if out is not None:
        _say(f"Wrote {out}. Race on it with: schedrace race --cluster {out}")
    return 0


def _gpus() -> list[Figures]:
    """Return the GPUs; when they cannot be asked, say so and go on without them."""
    from app.profiling.gpu import profile_gpus

    try:
        return profile_gpus(_say)
    except SchedRaceError as error:
        _say(f"The GPUs of this machine are left out: {error}")
        return []


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_target(out: Path, *, a_folder: bool) -> None:
    """Refuse before the measuring what could not be written after it."""
    if a_folder and out.suffix == ".toml":
        raise InputError(f"--kernels writes a folder, and '{out}' is the name of a file; give it another name.")
    if not a_folder and out.suffix != ".toml":
        raise InputError(f"'{out}' is no cluster file; give it a name that ends in .toml.")
    if out.exists():
        raise InputError(f"'{out}' exists, and may have been changed by hand. Remove it, or choose another name.")
    if not out.absolute().parent.is_dir():
        raise InputError(f"There is no folder '{out.absolute().parent}' to write '{out.name}' into.")


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise SchedRaceError(
            f"'{out}' cannot be written: {error.strerror}. Choose another place with --out."
        ) from error
