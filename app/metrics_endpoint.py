"""``--metrics-port``: the race's throughput and the recorder's state as Prometheus reads them, on this machine only.

The figures are of the race that runs, or of the last one; with a new race the counters start again at 0, which
Prometheus takes for a restart.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from importlib.metadata import version
from socketserver import TCPServer
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import MetricsHandler
from prometheus_client.registry import Collector

from engine.errors import InputError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from persistence.recording.recorder import Recorder, RecorderStatus
    from persistence.recording.resuming import ResumingRecorder

HOST = "127.0.0.1"
PATH = "/metrics"
LAST_PORT = 65535


class RaceFigures(Collector):
    """What is known of the race that runs. ``follow`` or ``counting`` is told of each new one; any thread may ask."""

    def __init__(self) -> None:
        self._recorder: Recorder | ResumingRecorder | None = None
        self._finished: Callable[[], int] = int

    def follow(self, recorder: Recorder | ResumingRecorder | None, finished: Callable[[], int]) -> None:
        """Show another race: its recorder (None: not recorded), and how many tasks all its policies have finished."""
        self._recorder, self._finished = recorder, finished

    def counting(
        self, recorder: Recorder | ResumingRecorder | None, progress: Callable[[int], None] | None
    ) -> Callable[[int], None]:
        """Show another race, by the ``progress`` of :func:`app.session.run_race` that is returned; it also tells the
        given one."""
        reached = 0

        def told(finished: int) -> None:
            nonlocal reached
            reached = finished
            if progress is not None:
                progress(finished)

        self.follow(recorder, lambda: reached)
        return told

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        yield InfoMetricFamily("schedrace_build", "The version of SchedRace.", {"version": version("schedrace")})
        yield CounterMetricFamily(
            "schedrace_race_tasks_finished", "Tasks that all policies together have finished.", self._finished()
        )
        recorder = self._recorder
        if recorder is not None:
            yield from _recording(recorder.status())


def _recording(status: RecorderStatus) -> Iterator[Metric]:
    storage = GaugeMetricFamily(
        "schedrace_storage_up", "1 while results get where they are to be stored, else 0.", labels=["kind"]
    )
    storage.add_metric([status.kind], int(not status.problem))
    yield storage
    yield GaugeMetricFamily(
        "schedrace_recorder_queue_rows", "Task results on their way to the storage.", status.rows_pending
    )
    yield GaugeMetricFamily(
        "schedrace_recorder_lag_seconds", "Age of the oldest task result on its way to the storage.", status.lag_s
    )
    yield CounterMetricFamily(
        "schedrace_recorder_rows_written", "Task results that are in the storage.", status.rows_written
    )
    yield CounterMetricFamily(
        "schedrace_recorder_rows_rejected", "Rows that the storage refused as data.", status.rows_rejected
    )
    yield CounterMetricFamily(
        "schedrace_recorder_rows_lost", "Task results that neither journal nor storage could take.", status.rows_lost
    )
    yield CounterMetricFamily("schedrace_recorder_retries", "Attempts to store rows that failed.", status.retries)


@contextmanager
def metrics_endpoint(port: int) -> Iterator[RaceFigures]:
    """Serve ``http://127.0.0.1:PORT/metrics`` until the end of the block; port 0 takes a free one, and says which.

    Raises :class:`InputError` when the port cannot be had.
    """
    figures, registry = RaceFigures(), CollectorRegistry()
    registry.register(figures)
    server = _server(port, registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    try:
        if not port:
            print(f"The metrics are at http://{HOST}:{server.server_port}{PATH}", file=sys.stderr, flush=True)
        yield figures
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server(port: int, registry: CollectorRegistry) -> ThreadingHTTPServer:
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"--metrics-port is {port}; a port is a number from 0 (a free one) to {LAST_PORT}.")
    handler = type("Handler", (_OnlyMetrics,), {"registry": registry})
    try:
        return _Server((HOST, port), handler)
    except OSError as error:
        raise InputError(
            f"The metrics cannot be served at port {port}: {error.strerror}. Choose another --metrics-port, or 0 for a "
            "free one."
        ) from error


class _Server(ThreadingHTTPServer):
    """Binds without the base class's look for this machine's name, which takes seconds where no DNS server answers."""

    allow_reuse_address = os.name == "posix"  # on Windows, two programs would have the same port

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]


class _OnlyMetrics(MetricsHandler):
    """Serves one path: what is not documented is not there."""

    timeout = 5.0
    """Seconds for which a client may be silent."""

    def do_GET(self) -> None:
        if self.path == PATH:
            super().do_GET()
        else:
            self.send_error(HTTPStatus.NOT_FOUND, f"Only {PATH} is here.")
