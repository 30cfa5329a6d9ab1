"""What is said where one thing is counted, a folder cannot be written, or a storage does not answer."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.words import plural, remedy

from .conftest import Command


@pytest.mark.parametrize(
    ("number", "helps"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "Make that file system writable"),
        (errno.EACCES, "Take the right to write there"),
        (errno.ENOTDIR, "Move away what stands where a folder is needed"),
        (errno.EIO, "Look at that disk"),
    ],
)
def test_what_helps_against_a_failed_write_hangs_on_the_reason(number: int, helps: str) -> None:
    assert remedy(OSError(number, os.strerror(number))) == helps


def test_one_is_no_plural() -> None:
    assert (plural(1, "journal"), plural(2000, "time")) == ("1 journal", "2,000 times")


def test_a_file_where_a_folder_is_needed_is_not_answered_with_room_on_the_disk(
    schedrace: Command, tmp_path: Path
) -> None:
    csv = ("--storage", "csv")
    assert schedrace("race", "--tasks", 40, "--schedulers", "mct", "--quiet", *csv).status == 0
    (tmp_path / "file").write_text("")
    said = schedrace("export", "last", "--out", tmp_path / "file" / "out", *csv)
    assert said.status == 1 and "Move away what stands where a folder is needed" in said.err


def test_check_db_counts_one_journal_as_one(schedrace: Command) -> None:
    csv = ("--storage", "csv")
    assert schedrace("race", "--tasks", 40, "--schedulers", "mct", "--quiet", *csv).status == 0
    said = schedrace("check-db", *csv)
    assert said.status == 0 and "1 journals" not in said.out and "Journals: 1; arrived in full: 1" in said.out


def test_a_database_that_does_not_answer_is_said_once_by_import_runs(schedrace: Command) -> None:
    said = schedrace("import-runs", "--db-url", "postgresql://nobody@127.0.0.1:9/none")
    assert said.status == 1
    assert (said.out + said.err).count("nothing listens at 127.0.0.1:9. Check this host and this port") == 1
