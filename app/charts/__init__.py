"""The charts, one file each. Each shows the latest frame when told to, and nothing else."""
