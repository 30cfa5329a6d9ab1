"""Measuring the machine that SchedRace runs on, for ``schedrace profile``: a cluster file with where each figure is
from."""
