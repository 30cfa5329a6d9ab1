"""Who runs our own PostgreSQL: ourselves, or, since it refuses root, an account without rights when we are root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from persistence.errors import StorageImpossible

NAME = "schedrace"
ROOT_FOLDER = Path("/var/lib/schedrace")


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns the data and runs the server; ``uid`` None means that it is ourselves."""

    uid: int | None
    gid: int | None

    def run_arguments(self) -> dict[str, Any]:
        """Return what :func:`subprocess.run` needs to run a program as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make a path that we have just created belong to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def server_account() -> Account:
    """Return who runs the server; as root the account 'schedrace' is made at the first use.

    Raises :class:`StorageImpossible` where nobody can run it.
    """
    if sys.platform == "win32":
        raise StorageImpossible(
            "SchedRace does not run its own PostgreSQL on Windows yet, so rows are kept as CSV. "
            "Set a database URL in the settings to use a server."
        )
    import pwd

    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise StorageImpossible(
                f"The user id {os.geteuid()} has no entry in the list of users, without which PostgreSQL does not run, "
                "so rows are kept as CSV. Set a database URL in the settings to use a server."
            ) from None
        return Account(None, None)
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _add_account()
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _add_account() -> None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    arguments = ["--system", "--user-group", "--no-create-home", "--home-dir", str(ROOT_FOLDER)]
    command = [program or "useradd", *arguments, "--shell", "/usr/sbin/nologin", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        reason = done.stderr.strip()
        worked = done.returncode in (0, 9)  # 9: another SchedRace has just made it
    except (OSError, subprocess.SubprocessError) as error:
        worked, reason = False, str(error)
    if not worked:
        raise StorageImpossible(
            f"PostgreSQL refuses to run as root, and the account '{NAME}' could not be made ({reason}), so rows are "
            f"kept as CSV. Run: useradd --system {NAME}"
        )
