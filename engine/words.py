"""Words that every layer's sentences need."""

from __future__ import annotations

import errno


def plural(count: int, word: str) -> str:
    """Return ``1 task``, ``2,000 tasks``, ``4 policies``."""
    if count == 1:
        return f"1 {word}"
    return f"{count:,} {word[:-1] + 'ies' if word.endswith('y') else word + 's'}"


def remedy(error: OSError) -> str:
    """Return what lets a file be written that could not be, as the beginning of a sentence: ``Free some space``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Take the right to write there"
    if error.errno == errno.EROFS:
        return "Make that file system writable"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "Move away what stands where a folder is needed"
    return "Look at that disk"
