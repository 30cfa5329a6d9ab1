"""Becomes the PostgreSQL server: drops root, asks Linux to stop it when SchedRace dies, then replaces itself.

Run as ``python -I -S launcher.py PARENT UID GID PROGRAM ARGUMENT...`` (UID ``-``: stay who we are) and not as a
``preexec_fn``, which is unsafe in a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Do what the module says."""
    parent, uid, gid, *command = sys.argv[1:]
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # after setuid, which would clear it; SIGINT is PostgreSQL's fast and clean shutdown
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != int(parent):
            sys.exit("SchedRace ended before its server started")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
