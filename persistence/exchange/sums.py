"""SHA256SUMS: whether the files of an export are as they were written. Not against forgers, who can write it anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

SUMS = "SHA256SUMS"
"""The file's name; a folder that has it is an export."""


class Sums:
    """Collects the sums of the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: list[str] = []

    def write(self, name: str, text: str) -> None:
        """Write a small file and take its sum."""
        (self._folder / name).write_bytes(text.encode())
        self.add(name)

    def add(self, name: str) -> None:
        """Take the sum of a file that is there."""
        self._lines.append(f"{sha256(self._folder / name)}  {name}\n")

    def text(self) -> str:
        """Return the content of SHA256SUMS, as ``sha256sum`` writes it."""
        return "".join(self._lines)


def parsed_sums(text: str) -> dict[str, str]:
    """Return the sum of each file; raises ValueError on what is none."""
    sums = {}
    for line in text.splitlines():
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap not in ("  ", " *") or not name or set(digest) - set("0123456789abcdef") or len(digest) != 64:
            raise ValueError(f"'{line[:80]}' is no sum and file")
        sums[name] = digest
    return sums


def sha256(path: Path) -> str:
    """Return the sum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
