"""Kernels whose faster device follows a planted rule, as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = "benchmark,dataset,comp,rational,mem,localmem,coalesced,atomic,transfer,wgsize,oracle,runtime_cpu,runtime_gpu"


def write_planted(path: Path, programs: int = 14, kernels: int = 6, seed: int = 0) -> Path:
    """Write kernels that are three times as fast on the GPU where they compute more than they access memory, and three
    times as fast on the CPU otherwise; the times vary by a factor of a thousand."""
    rng = np.random.default_rng(seed)
    lines = [HEADER]
    for program in range(programs):
        for kernel in range(kernels):
            comp, mem = rng.integers(1, 200, size=2).tolist()
            cpu_ms = float(np.exp(rng.uniform(-3, 4)))
            gpu_ms = cpu_ms / 3 if comp > mem else cpu_ms * 3
            counts = f"{comp},2,{mem},0,{mem // 2},0,{2 ** int(rng.integers(8, 24))},64"
            lines.append(f"suite-1.0-p{program}-k{kernel},default,{counts},?,{cpu_ms},{gpu_ms}")
    path.write_text("\n".join(lines) + "\n")
    return path
