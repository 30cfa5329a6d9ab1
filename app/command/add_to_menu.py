"""``schedrace add-to-menu``: SchedRace among the desktop's applications."""

from __future__ import annotations

import argparse

SUMMARY = "put SchedRace and its icon into the desktop's menu of applications"


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(options: argparse.Namespace) -> int:
    """Write the desktop entry and say where it is."""
    from app.launcher import add_to_menu

    print(f"SchedRace is in the menu of applications now: {add_to_menu()}")
    return 0
