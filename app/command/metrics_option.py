"""The option ``--metrics-port`` of the window and of ``schedrace race``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from app.metrics_endpoint import RaceFigures


def add_metrics_port(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Declare the option."""
    parser.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="serve the race's throughput and the recorder's state to Prometheus at http://127.0.0.1:PORT/metrics "
        "(0: a free port, which is printed)",
        **options,
    )


def served_at(port: int | None) -> AbstractContextManager[RaceFigures | None]:
    """Serve the metrics in a ``with`` block; without a port nothing is served, nor imported for it."""
    if port is None:
        return nullcontext()
    from app.metrics_endpoint import metrics_endpoint

    return metrics_endpoint(port)
