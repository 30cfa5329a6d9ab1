"""The built-in workloads."""

from __future__ import annotations

from plugins.hookspecs import hookimpl
from plugins.workload import WorkloadPlugin
from plugins.workloads.braun import Braun
from plugins.workloads.cholesky import Cholesky
from plugins.workloads.csv_file import CsvFile
from plugins.workloads.etc_matrix import EtcMatrix
from plugins.workloads.gavel import Gavel
from plugins.workloads.kernels import Kernels
from plugins.workloads.kernels_h100 import KernelsH100
from plugins.workloads.lu import Lu
from plugins.workloads.lublin import Lublin
from plugins.workloads.openb import Openb
from plugins.workloads.queueing import Queueing
from plugins.workloads.sia import Sia
from plugins.workloads.stg import Stg
from plugins.workloads.swf import Swf
from plugins.workloads.synthetic import Synthetic
from plugins.workloads.wfformat import WfFormat


@hookimpl
def schedrace_workloads() -> list[type[WorkloadPlugin]]:
    """Return the workloads that come with SchedRace, the default one first."""
    return [
        Synthetic,
        Cholesky,
        Lu,
        Lublin,
        Kernels,
        KernelsH100,
        CsvFile,
        Swf,
        Openb,
        Queueing,
        Gavel,
        Sia,
        Stg,
        WfFormat,
        EtcMatrix,
        Braun,
    ]
