"""The engine against a slow replay of design.md: the same calls, the same observations, the same starts and ends."""

from __future__ import annotations

from typing import Any

from engine_reference import SlowSimulation
from engine_worlds import World, laws, shares_of, worlds
from hypothesis import given


def same_as_the_slow_replay(world: World) -> None:
    log: list[Any] = []
    simulation = world.simulation(log)
    simulation.advance()
    slow = SlowSimulation(world)
    assert simulation.status == slow.status, simulation.reason
    assert log == slow.log
    expected = [(s.task, s.device, s.fraction, s.start_s, s.end_s) for s in slow.shares]
    expected.sort(key=lambda row: row[:2])
    assert repr(shares_of(simulation)) == repr(expected)  # nan where a share never ran


@laws(100)
@given(worlds(strict=False))
def test_queues_without_order_follow_the_contract_event_by_event(world: World) -> None:
    same_as_the_slow_replay(world)


@laws(100)
@given(worlds())
def test_strict_and_mixed_queues_follow_the_contract_event_by_event(world: World) -> None:
    same_as_the_slow_replay(world)


@laws(100)
@given(worlds(graph=True))
def test_task_graphs_follow_the_contract_event_by_event(world: World) -> None:
    same_as_the_slow_replay(world)


@laws(100)
@given(worlds(graph=True, data=True))
def test_task_graphs_with_data_on_the_link_follow_the_contract_event_by_event(world: World) -> None:
    same_as_the_slow_replay(world)
