"""The bar that shows how much of a workload's file has been read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def reading_bar(*, quiet: bool) -> Iterator[Callable[[float], None]]:
    """Yield the function that takes the share (0..1); the bar appears with its first call, on standard error, where
    that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    with Progress(
        TextColumn("Reading"), BarColumn(None), TaskProgressColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("read", total=1.0, visible=False)
        yield lambda share: bar.update(task, completed=share, visible=True)
