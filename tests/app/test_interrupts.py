"""Ctrl-C is answered once, and always."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, sys, time
from app.interrupts import every_interrupt_answered

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

def swallows():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
    except:
        pass

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with every_interrupt_answered():
        try:
            {presses}
            for _ in range(500):
                time.sleep(0.01)
            print("not interrupted")
        finally:
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
            print("tidied up")
except KeyboardInterrupt:
    time.sleep(0.3)
    print("the end")
"""


def said(presses: str) -> list[str]:
    program = PROGRAM.format(presses=presses)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_what_follows_a_press_at_once_does_not_disturb_the_tidying_up() -> None:
    assert said("os.kill(os.getpid(), signal.SIGINT)") == ["tidied up", "the end"]


def test_a_press_that_python_swallows_in_a_destructor_is_answered_all_the_same() -> None:
    assert said("Swallows()") == ["tidied up", "the end"]


def test_a_press_that_a_library_swallows_is_answered_all_the_same() -> None:
    assert said("swallows()") == ["tidied up", "the end"]
