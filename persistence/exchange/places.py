"""Where something is wrong in a folder that is to be imported, as a sentence."""

from __future__ import annotations

from pathlib import Path

from engine.errors import InputError


def wrong(path: Path, reason: str, line: int | None = None) -> InputError:
    """Return the error that names the file, the line (or the row of a Parquet file) and the reason."""
    at = "" if line is None else f", {'row' if path.suffix == '.parquet' else 'line'} {line:,}"
    return InputError(f"'{_plain(str(path))}'{at}: {reason}. Nothing was imported.")


def shown(text: object) -> str:
    """Return something of a stranger's file as a terminal can bear it."""
    plain = _plain(str(text))
    return plain if len(plain) <= 80 else plain[:80] + "…"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
