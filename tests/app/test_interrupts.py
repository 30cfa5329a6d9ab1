"""Ctrl-C is answered once, and always."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

BEGINNING = """
import os, signal, threading, time
from contextlib import contextmanager
from app.interrupts import interrupt_once, no_interrupt_lost

def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)

def swallow(times=1):
    for _ in range(times):
        try:
            press() if times == 1 else time.sleep(1)
        except:
            pass

class Swallows:
    def __del__(self):
        press()

def work():
    for _ in range(300):
        time.sleep(0.01)
    print("not interrupted")

def tidying():
    for _ in range(5):
        press()
    time.sleep(0.3)
    print("tidied up")

signal.signal(signal.SIGINT, signal.default_int_handler)
"""
END = """
time.sleep(0.3)
print("the end")
"""
ENDS = ["tidied up", "the end"]


def said(program: str, *, ended_by_it: bool = True) -> list[str]:
    """Return the lines that a program prints, what it does being within the commands' way with Ctrl-C."""
    within = "with no_interrupt_lost([signal.SIGINT]):\n" + textwrap.indent(program, "    ")
    if ended_by_it:
        within = f"try:\n{textwrap.indent(within, '    ')}\nexcept KeyboardInterrupt:\n    pass\n"
    program = BEGINNING + within + END
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "press",
    [
        "press()",
        "Swallows()",
        "swallow()",
        "swallow(), swallow(3)",
        "swallow(), time.sleep(3)",
    ],
    ids=["at once", "in a destructor", "in a library", "again and again", "then a sleep"],
)
def test_one_press_ends_the_work_wherever_it_is_swallowed_and_quick_ones_do_not_disturb_the_tidying_up(
    press: str,
) -> None:
    assert said(f"try:\n    {press}\n    work()\nfinally:\n    tidying()") == ENDS


def test_what_tidies_up_may_fail_and_go_on_and_a_generator_may_take_its_time() -> None:
    program = """
def numbers():
    try:
        while True:
            yield 0
    finally:
        time.sleep(0.3)
        print("closed")

@contextmanager
def tidy():
    try:
        yield
    finally:
        try:
            raise ValueError
        except ValueError:
            time.sleep(0.3)
        tidying()

with tidy():
    for _ in numbers():
        press()
"""
    assert said(program) == ["closed", *ENDS]


def test_a_second_press_later_ends_a_tidying_up_that_hangs() -> None:
    program = """
thread = threading.Timer(1.2, lambda: os.kill(os.getpid(), signal.SIGINT))
thread.start()
try:
    press()
finally:
    time.sleep(20)
    print("hung")
"""
    assert said(program) == ["the end"]


def test_who_answers_a_lost_press_without_raising_is_not_asked_again() -> None:
    program = """
def cancel(*_):
    print("stopping")
    signal.signal(signal.SIGINT, interrupt_once)

swallow()
signal.signal(signal.SIGINT, cancel)
time.sleep(0.4)
print("stopped in order")
"""
    assert said(program, ended_by_it=False) == ["stopping", "stopped in order", "the end"]
