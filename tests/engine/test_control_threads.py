"""Pause, step, speed, cancel and the frame gate between two threads; every wait has an event, none a sleep."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest

from engine.control import Control

PATIENCE_S = 10.0


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE_S)
    return not thread.is_alive()


@pytest.mark.parametrize(
    "verb",
    [Control.cancel, Control.resume, Control.step, Control.pause, lambda c: c.set_speed(2.0)],
    ids=["cancel", "resume", "step", "pause", "set_speed"],
)
def test_every_verb_wakes_a_race_that_waits_for_ever(verb: Callable[[Control[int]], None]) -> None:
    control: Control[int] = Control()
    control.pause()
    about_to_wait = threading.Event()

    def race() -> None:
        about_to_wait.set()
        control.wait(None)

    thread = in_thread(race)
    assert about_to_wait.wait(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while thread.is_alive() and time.monotonic() < deadline:
        verb(control)  # again, in case the first call came before the wait
        thread.join(0.01)
    assert not thread.is_alive()


def test_a_wait_ends_at_its_time_and_says_how_long_it_took() -> None:
    assert Control[int]().wait(0.02) >= 0.019


def test_a_cancelled_race_does_not_wait_at_all() -> None:
    control: Control[int] = Control()
    control.pause()
    control.cancel()
    assert control.cancelled
    assert control.wait(60.0) < PATIENCE_S


def test_each_step_is_given_once_and_resuming_forgets_the_rest() -> None:
    control: Control[int] = Control()
    control.pause()
    assert control.paused
    assert not control.take_step()
    control.step()
    control.step()
    assert control.wait(60.0) < PATIENCE_S  # a step that waits is not slept over
    assert control.take_step()
    control.resume()
    assert not control.paused
    assert not control.take_step()


def test_steps_from_many_threads_are_all_given() -> None:
    control: Control[int] = Control()
    control.pause()
    threads = [in_thread(lambda: [control.step() for _ in range(100)] and None) for _ in range(4)]
    assert all(ended(thread) for thread in threads)
    given = 0
    while control.take_step():
        given += 1
    assert given == 400


def test_the_gate_holds_the_race_at_its_checkpoint_while_someone_paints() -> None:
    control: Control[int] = Control()
    order: list[str] = []
    at_checkpoint = threading.Event()

    def race() -> None:
        at_checkpoint.set()
        control.checkpoint()
        order.append("race")

    with control.gui_first():
        thread = in_thread(race)
        assert at_checkpoint.wait(PATIENCE_S)
        order.append("paint")
    assert ended(thread)
    assert order == ["paint", "race"]


def test_the_gate_opens_when_painting_fails_and_when_the_race_is_cancelled() -> None:
    control: Control[int] = Control()
    with pytest.raises(ZeroDivisionError), control.gui_first():
        1 / 0  # noqa: B018
    assert ended(in_thread(control.checkpoint))
    with control.gui_first():
        control.cancel()
        assert ended(in_thread(control.checkpoint))


def test_a_painter_that_never_ends_holds_the_race_for_half_a_second_only() -> None:
    control: Control[int] = Control()
    with control.gui_first():
        assert ended(in_thread(control.checkpoint))


def test_the_latest_frame_replaces_the_one_before() -> None:
    control: Control[str] = Control()
    assert control.latest is None
    control.publish("first")
    control.publish("second")
    assert control.latest == "second"


def test_the_speed_is_what_was_set_last() -> None:
    control: Control[int] = Control()
    assert control.speed == 1.0
    control.set_speed(math.inf)
    assert control.speed == math.inf
