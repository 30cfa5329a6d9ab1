"""Sets the long texts of ``--help`` to the width of the terminal."""

from __future__ import annotations

import argparse
import textwrap


class HelpText(argparse.HelpFormatter):
    """Refills paragraphs, and keeps the lists in them.

    Lines that begin at the margin are one paragraph, up to a blank line or to one that ends in a colon. An indented
    line is an item of a list, and one that is indented farther goes on with it.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        items: list[str] = []
        for line in text.splitlines():
            if items and _goes_on(items[-1], line):
                items[-1] += f" {line.strip()}"
            else:
                items.append(line)
        return "\n".join(indent + _filled(item, width) for item in items)


def _goes_on(item: str, line: str) -> bool:
    if not item or not line:
        return False
    begins = _depth(item)
    if begins == 0:
        return _depth(line) == 0 and not item.endswith(":")
    return _depth(line) > begins


def _filled(item: str, width: int) -> str:
    begin = " " * _depth(item)
    return textwrap.fill(
        item.strip(),
        width,
        initial_indent=begin,
        subsequent_indent=begin and f"{begin}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
