"""The files of ``--out``."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import output
from app.output import Receivers, ResultsFolder
from app.session import run_race
from engine.control import Control
from engine.errors import SchedRaceError
from engine.spec import RaceSpec, SchedulerSpec
from plugins.assemble import PreparedRace, prepare
from plugins.registry import load_registry

FULL = Path("/dev/full")


@pytest.fixture
def prepared() -> PreparedRace:
    return prepare(RaceSpec(schedulers=(SchedulerSpec("mct"),), tasks=40), load_registry(plugins=[]))


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full to stand for a full disk")
def test_a_full_disk_does_not_stop_the_race_and_is_said_at_the_end(
    tmp_path: Path, prepared: PreparedRace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "TemporaryFile", lambda mode, **how: FULL.open(mode, encoding=how["encoding"]))
    folder = ResultsFolder(tmp_path, prepared)
    result = run_race(prepared, recorder=Receivers([folder]), control=Control(), frames=False, pace=None)
    assert result.rows[0].status == "finished"
    with pytest.raises(SchedRaceError, match="No space left"):
        folder.close({})
    folder.discard_parts()
