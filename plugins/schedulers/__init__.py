"""The built-in policies, one file each."""

from __future__ import annotations

from engine.scheduler import Scheduler
from plugins.hookspecs import hookimpl
from plugins.schedulers.bandit import Bandit
from plugins.schedulers.congestion import Congestion
from plugins.schedulers.conservative import Conservative
from plugins.schedulers.cpop import Cpop
from plugins.schedulers.cpu_only import CpuOnly
from plugins.schedulers.dmda import Dmda
from plugins.schedulers.easy import Easy
from plugins.schedulers.edf import Edf
from plugins.schedulers.f1 import F1
from plugins.schedulers.fcfs import Fcfs
from plugins.schedulers.gpu_only import GpuOnly
from plugins.schedulers.heft import Heft
from plugins.schedulers.heteroprio import HeteroPrio
from plugins.schedulers.hybrid_fraction import HybridFraction
from plugins.schedulers.ljf import Ljf
from plugins.schedulers.lp_split import LpSplit
from plugins.schedulers.max_min import MaxMin
from plugins.schedulers.mct import Mct
from plugins.schedulers.mct_cost import MctCost
from plugins.schedulers.mct_energy import MctEnergy
from plugins.schedulers.met import Met
from plugins.schedulers.min_min import MinMin
from plugins.schedulers.olb import Olb
from plugins.schedulers.peft import Peft
from plugins.schedulers.random import Random
from plugins.schedulers.rl_agent import RlAgent
from plugins.schedulers.round_robin import RoundRobin
from plugins.schedulers.sjf import Sjf
from plugins.schedulers.split_balance import SplitBalance
from plugins.schedulers.sufferage import Sufferage
from plugins.schedulers.unicep import Unicep
from plugins.schedulers.wfp3 import Wfp3
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
        Congestion,
        MctEnergy,
        MctCost,
        SplitBalance,
        Edf,
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
        Fcfs,
        Sjf,
        Ljf,
        Easy,
        Conservative,
        Wfp3,
        Unicep,
        F1,
        RlAgent,
        Bandit,
        HybridFraction,
    ]
