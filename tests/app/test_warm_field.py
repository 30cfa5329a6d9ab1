"""A race of the window that starts from what an earlier one has learned."""

from __future__ import annotations

import math

import pytest

from app.warm_start import newest_file
from app.window.warm_field import GIVEN, LATEST, WarmField
from engine.errors import InputError
from engine.spec import RaceSpec, SchedulerSpec
from persistence.settings import StorageSettings


def test_a_race_starts_cold_until_someone_ticks_the_box_or_opens_a_race_file_that_says_otherwise(qtbot):
    field = WarmField()
    qtbot.addWidget(field)
    assert (field.latest, field.file) == (False, "")
    field.setChecked(True)
    assert (field.latest, field.file) == (True, "")
    field.show_file("/some/where/learned.json")
    assert (field.latest, field.file, field.text()) == (False, "/some/where/learned.json", GIVEN)
    field.setChecked(False)
    assert (field.latest, field.file) == (False, "")
    field.show_file("/some/where/learned.json")
    field.forget_file()  # another workload is chosen
    assert (field.isChecked(), field.file, field.text()) == (False, "", LATEST)


def race(hands):
    hands.press("start")
    hands.wait_for_end()


@pytest.mark.parametrize("storage_kind", ["csv"])
def test_the_next_race_starts_from_the_newest_run_on_its_cluster_and_where_there_is_none_the_log_says_so(
    hands, own_folders, tmp_path, monkeypatch
):
    window = hands.window
    window.form.show_spec(RaceSpec(tasks=150, load=0.8, schedulers=(SchedulerSpec("hybrid_ml"),)))
    window.desk.set_speed(math.inf)
    race(hands)
    (first,) = (own_folders / "data" / "runs").iterdir()
    cold = window.desk.frame.lanes[0].learning.fits
    window.form.warm.setChecked(True)
    race(hands)
    assert window.desk.frame.lanes[0].learning.fits == cold + 1
    assert f"Learners start from what hybrid_ml had seen in run {first.name}." in hands.log
    # written once more, it starts from the same run, although it is the newest itself by now
    monkeypatch.setattr(window.files.chooser, "folder", lambda *_: tmp_path / "out")
    hands.press("export")
    hands.wait_for_end()
    assert f'"run": "{first.name}"' in (tmp_path / "out" / "warm_start.json").read_text()
    window.form.choose_cluster("small")
    assert window.form.warm.latest
    race(hands)
    assert "recorded runs on the cluster 'small' holds training samples" in hands.log[-1]
    assert window.desk.frame is None
    assert len(list((own_folders / "data" / "runs").iterdir())) == 2


def test_where_nothing_is_stored_it_says_so(own_folders):
    with pytest.raises(InputError, match="Nothing is stored here, so there is no earlier run to start from"):
        newest_file(RaceSpec(), StorageSettings("none"))
