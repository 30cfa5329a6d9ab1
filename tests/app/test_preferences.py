"""What the window remembers."""

from __future__ import annotations

import math

from app.preferences import PreferenceFile, Preferences


def test_what_is_saved_comes_back(tmp_path, qapp):
    kept = Preferences(theme="dark", tasks=7, load=1.5, policies="mct met", speed=math.inf)
    PreferenceFile(tmp_path).save(kept)
    assert PreferenceFile(tmp_path).load() == kept


def test_a_first_start_has_the_default_race(tmp_path, qapp):
    loaded = PreferenceFile(tmp_path).load()
    assert (loaded.tasks, loaded.load, loaded.policies) == (2000, 0.8, "round_robin mct hybrid_ml oracle")


def test_junk_in_the_file_counts_as_never_saved(tmp_path, qapp):
    (tmp_path / "window.ini").write_text("[General]\ntasks=many\nload=?\nspeed=\n")
    assert PreferenceFile(tmp_path).load().tasks == 2000
