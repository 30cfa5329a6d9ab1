"""Every built-in plugin passes the suite that strangers' plugins are run through."""

from __future__ import annotations

from functools import cache

import pytest

from plugins.conformance import Verdict, check_estimator, check_scheduler, check_workload
from plugins.kinds import ENGINE_ESTIMATORS
from plugins.registry import Registry, load_registry


@cache
def registry() -> Registry:
    return load_registry(plugins=[])


def assert_all_ok(lines: list[Verdict]) -> None:
    bad = [line.text for line in lines if not line.passed]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("name", [*registry().schedulers, *registry().aliases])
def test_every_built_in_scheduler_is_legal_deterministic_and_quick(name: str) -> None:
    assert_all_ok(check_scheduler(name, registry()))


@pytest.mark.parametrize("name", [*registry().estimators])
def test_every_built_in_estimator_answers_positive_seconds_for_every_model(name: str) -> None:
    assert_all_ok(check_estimator(name, registry()))


@pytest.mark.parametrize("name", [*registry().workloads])
def test_every_built_in_workload_gives_the_same_tasks_for_the_same_seed(name: str) -> None:
    assert_all_ok(check_workload(name, registry()))


def test_every_built_in_plugin_is_active() -> None:
    assert not [record for record in registry().plugins if record.state != "active"]


def test_no_built_in_plugin_takes_a_name_of_the_engines_estimators() -> None:
    assert not set(ENGINE_ESTIMATORS) & set(registry().estimators)
