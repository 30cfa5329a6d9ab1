"""Everything on the GPUs."""

from plugins.schedulers.one_kind import OneKind


class GpuOnly(OneKind):
    """Earliest finish among the GPUs; CPUs stay idle."""

    name = "gpu_only"
    summary = "Uses the GPUs alone, earliest finish first; shows what the CPUs are worth."
    explanation = "gpu_only: minimum completion time on the GPUs; the CPUs idle. A baseline for what CPUs bring."
    kind = "gpu"
