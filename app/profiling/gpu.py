"""The NVIDIA GPUs of this machine, as nvidia-smi reports them, timed where a library is at hand that can."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from app.profiling.figures import GPU_PEAK, GPU_PEAK_GFLOP_S, Figures, significant
from app.profiling.gpu_product import Timed, product_on
from engine.errors import SchedRaceError

_FIELDS = ("name", "memory.total", "power.draw", "power.limit", "pcie.link.gen.max", "pcie.link.width.max")
_WITHIN_S = 60
_LANE_GB_S = {1: 0.25, 2: 0.5, 3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563}
"""GB/s of a PCIe lane by generation (PCI-SIG)."""
_ARRIVES = 0.76
"""What of the link arrives, as in the preset 'default': 12 of 15.75 GB/s."""
_LATENCY_S = 1e-4
_ACTIVE_W, _IDLE_OF_ACTIVE = 250.0, 0.1


@dataclass(frozen=True, slots=True)
class Reported:
    """A card as nvidia-smi reports it; nan is what it does not say."""

    name: str
    memory_mib: float
    draw_w: float
    limit_w: float
    pcie_generation: float
    pcie_lanes: float


def profile_gpus(say: Callable[[str], None]) -> list[Figures]:
    """Return the figures of every NVIDIA GPU, none where there is no nvidia-smi. Raises :class:`SchedRaceError` when it
    is there and fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    cards = reported(_ask(program))
    timed: dict[str, Timed] = {}
    for name in dict.fromkeys(card.name for card in cards):
        say(f"Timing a matrix product on {name} ...")
        timed[name] = product_on(name)
    return [_figures(f"gpu-{index}", card, timed[card.name]) for index, card in enumerate(cards)]


def _ask(program: str) -> str:
    command = [program, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_WITHIN_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise SchedRaceError(f"nvidia-smi did not answer within {_WITHIN_S} s.") from error
    except OSError as error:
        raise SchedRaceError(f"nvidia-smi cannot be run: {error.strerror}.") from error
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())[:300]
        raise SchedRaceError(f"nvidia-smi ended with status {done.returncode}: {said}")
    return done.stdout


def reported(text: str) -> list[Reported]:
    """Return the cards in nvidia-smi's answer. Raises :class:`SchedRaceError` for a line that is none."""
    cards = []
    for line in filter(str.strip, text.splitlines()):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(_FIELDS) or not cells[0]:
            raise SchedRaceError(
                f"nvidia-smi answered '{line[:200]}', which has not the {len(_FIELDS)} fields asked for."
            )
        cards.append(Reported(cells[0], *map(_number, cells[1:])))
    return cards


def _number(cell: str) -> float:
    """Return a figure of 0 or more, nan for '[N/A]' and the like."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if 0 <= value < math.inf else math.nan


def _figures(identity: str, card: Reported, timed: Timed) -> Figures:
    active_w, idle_w, watts = _watts(card)
    link_gb_s, link = _link(card)
    knows_memory = card.memory_mib > 0
    return Figures(
        id=identity,
        kind="gpu",
        name=card.name,
        speed=significant(timed.gflop_s / GPU_PEAK_GFLOP_S) if timed.gflop_s else 1.0,
        memory_gb=significant(card.memory_mib * 2**20 / 1e9) if knows_memory else None,
        idle_w=idle_w,
        active_w=active_w,
        origins=(
            f"{timed.origin}; speed = that over {GPU_PEAK}" if timed.gflop_s else f"{timed.origin}: speed 1 is a guess",
            "memory as nvidia-smi reports it" if knows_memory else "nvidia-smi does not report its memory: no limit",
            link,
            watts,
            "no price",
        ),
        gflop_s=significant(timed.gflop_s) if timed.gflop_s else None,
        link_gb_s=link_gb_s,
        link_latency_s=_LATENCY_S,
    )


def _watts(card: Reported) -> tuple[float, float, str]:
    """Return watts when busy and at rest, and where they are from."""
    active_w = card.limit_w if card.limit_w > 0 else _ACTIVE_W
    active = "active_w is the power limit" if card.limit_w > 0 else f"active_w = {_ACTIVE_W:g} is an assumption"
    if 0 < card.draw_w <= active_w:
        return active_w, card.draw_w, f"{active}, idle_w what nvidia-smi saw it draw before the timing"
    return active_w, significant(active_w * _IDLE_OF_ACTIVE), f"{active}, idle_w a tenth of it (assumption)"


def _link(card: Reported) -> tuple[float, str]:
    """Return the GB/s to host memory, and where they are from."""
    lane_gb_s = _LANE_GB_S.get(int(card.pcie_generation)) if card.pcie_generation > 0 else None
    launch = f"{_LATENCY_S * 1000:g} ms to launch is an assumption"
    if lane_gb_s is None or not card.pcie_lanes > 0:
        reported = f"PCIe {card.pcie_generation:g} x{card.pcie_lanes:g}, as nvidia-smi reports it, is not known here"
        unknown = reported if card.pcie_generation > 0 < card.pcie_lanes else "nvidia-smi does not report its PCIe link"
        return 12.0, f"{unknown}: 12 GB/s as in the preset 'default'; {launch}"
    raw_gb_s = lane_gb_s * card.pcie_lanes
    return significant(raw_gb_s * _ARRIVES), (
        f"PCIe {card.pcie_generation:g} x{card.pcie_lanes:g} as nvidia-smi reports it: {raw_gb_s:.4g} GB/s, of which "
        f"{_ARRIVES:.0%} arrive (assumption); {launch}"
    )
