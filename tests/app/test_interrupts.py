"""Ctrl-C is answered once, and always."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, sys, time
from app.interrupts import answer_interrupts

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

signal.signal(signal.SIGINT, signal.default_int_handler)
answer_interrupts()
try:
    {presses}
    for _ in range(500):
        time.sleep(0.01)
    print("not interrupted")
except KeyboardInterrupt:
    for _ in range(5):
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.3)
    print("tidied up")
"""


def said(presses: str) -> str:
    program = PROGRAM.format(presses=presses)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_what_follows_a_press_at_once_does_not_disturb_the_tidying_up() -> None:
    assert said("os.kill(os.getpid(), signal.SIGINT)") == "tidied up"


def test_a_press_that_python_swallows_in_a_destructor_is_answered_all_the_same() -> None:
    assert said("Swallows()") == "tidied up"
