"""The SchedRace that a fault strikes: a process of its own, what it is told and what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("racing_program.py")
REPOSITORY = Path(__file__).parents[2]

Event = dict[str, Any]


class Patient:
    """``racing_program.py`` as a process. What it tells is kept in ``events``; only those of the last race count."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        with errors.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )
        self._told = threading.Condition()
        self._events: list[Event] = []
        self._ended = False
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def record(self, data_dir: Path, url: str, environment: dict[str, str]) -> None:
        """Tell it where to record from now on, and what its environment is beside that of the tests."""
        where = {"data_dir": str(data_dir), "url": url, "environment": {**os.environ, **environment}}
        self.tell(f"record {json.dumps(where)}")

    def tell(self, command: str) -> None:
        """Give it a command; a race begins a new page."""
        assert self.process.stdin is not None
        if command.startswith("race"):
            with self._told:
                self._events = [event for event in self._events if event["event"] == "ready"]
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def hears(self, event: str, seconds: float, which: Callable[[Event], bool] = lambda _: True) -> Event:
        """Wait for an event."""
        found = self._wait(lambda: self._first(event, which), seconds)
        assert found, f"no '{event}' within {seconds} s, but {self._events[-3:]}; {self.errors()}"
        event_: Event = found
        return event_

    def problems(self, since: float, until: str, seconds: float) -> list[tuple[float, str]]:
        """Wait until the status has a sentence with these words, or the race is over; return all of them and when."""

        def said() -> list[tuple[float, str]]:
            states = [event for event in self._events if event["event"] == "status" and event["at"] >= since]
            return [(event["at"], event["problem"]) for event in states if event["problem"]]

        self._wait(lambda: any(until in sentence for _, sentence in said()) or self._first("over"), seconds)
        all_said = said()
        asked_for = [n for n, (_, sentence) in enumerate(all_said) if until in sentence]
        return all_said[: asked_for[0] + 1] if asked_for else all_said

    def recovers(self, seconds: float) -> None:
        """Wait until its status is without a problem, or the race is over."""

        def well() -> object:
            states = [event for event in self._events if event["event"] == "status"]
            return self._first("over") or (states and not states[-1]["problem"])

        assert self._wait(well, seconds), f"it does not recover: {self._events[-3:]}"

    def safe_results(self) -> int:
        """Return how many results of the race it has told to be safe from its death."""
        with self._told:
            return max((event["results"] for event in self._events if event["event"] == "safe"), default=0)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def errors(self) -> str:
        """Return what it has written to its standard error."""
        return self._errors.read_text()

    def _first(self, event: str, which: Callable[[Event], bool] = lambda _: True) -> Event | None:
        return next((told for told in self._events if told["event"] == event and which(told)), None)

    def _wait(self, condition: Callable[[], Any], seconds: float) -> Any:
        with self._told:
            self._told.wait_for(lambda: condition() or self._ended, seconds)
            return condition()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # a killed one may end within a line
                with self._told:
                    self._events.append(json.loads(line))
                    self._told.notify_all()
        with self._told:
            self._ended = True
            self._told.notify_all()
