"""Measuring real kernels on this machine's CPU and GPU, alone and together, for ``schedrace profile --kernels``."""
