"""The built-in policies, one file each."""

from __future__ import annotations

from engine.scheduler import Scheduler
from plugins.hookspecs import hookimpl
from plugins.schedulers.cpop import Cpop
from plugins.schedulers.cpu_only import CpuOnly
from plugins.schedulers.dmda import Dmda
from plugins.schedulers.gpu_only import GpuOnly
from plugins.schedulers.heft import Heft
from plugins.schedulers.heteroprio import HeteroPrio
from plugins.schedulers.lp_split import LpSplit
from plugins.schedulers.max_min import MaxMin
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met
from plugins.schedulers.min_min import MinMin
from plugins.schedulers.olb import Olb
from plugins.schedulers.peft import Peft
from plugins.schedulers.random import Random
from plugins.schedulers.rl_agent import RlAgent
from plugins.schedulers.round_robin import RoundRobin
from plugins.schedulers.sufferage import Sufferage
from plugins.schedulers.work_stealing import WorkStealing


@hookimpl
def schedrace_schedulers() -> list[type[Scheduler]]:
    """Return the built-in policies, simplest first."""
    return [
        RoundRobin,
        Random,
        CpuOnly,
        GpuOnly,
        Olb,
        Met,
        Mct,
        MinMin,
        MaxMin,
        Sufferage,
        LpSplit,
        Heft,
        Cpop,
        Peft,
        WorkStealing,
        Dmda,
        HeteroPrio,
        RlAgent,
    ]
