"""The last choices: from the preferences into a race, and from the form back."""

from __future__ import annotations

from app.preferences import Preferences
from app.window.race_form import RaceForm
from engine.spec import RaceSpec, SchedulerSpec


def remembered_spec(preferences: Preferences) -> RaceSpec:
    """Return the race that was chosen the last time; raises InputError when the file was edited into nonsense."""
    lanes = tuple(SchedulerSpec(name) for name in preferences.policies.split())
    return RaceSpec(
        workload=preferences.workload,
        cluster=preferences.cluster,
        schedulers=lanes or RaceSpec().schedulers,
        seed=preferences.seed,
        tasks=preferences.tasks or None,
        load=preferences.load or None,
    )


def keep_choices(preferences: Preferences, form: RaceForm) -> None:
    """Put what the form says into the preferences."""
    if not form.enabled:
        return
    preferences.workload = form.workload.currentData() or preferences.workload
    preferences.cluster = form.cluster.currentData() or preferences.cluster
    preferences.tasks, preferences.load = form.tasks.value(), form.load.value()
    preferences.seed = form.seed.value()
    preferences.policies = " ".join(form.policies.ticked())
