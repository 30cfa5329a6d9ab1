"""Everything on the CPUs."""

from plugins.schedulers.one_kind import OneKind


class CpuOnly(OneKind):
    """Earliest finish among the CPUs; GPUs stay idle."""

    name = "cpu_only"
    summary = "Uses the CPUs alone, earliest finish first; shows what the GPUs are worth."
    explanation = "cpu_only: minimum completion time on the CPUs; the GPUs idle. A baseline for what GPUs bring."
    kind = "cpu"
