"""A policy has one colour everywhere: colour-blind-safe, and the same whatever else races."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneStyle:
    """How a policy is drawn: its colour on a light and on a dark ground, and whether its lines are dashed.

    Dashed means 'knows what no real scheduler can know': the oracle and its relatives are references, not rivals.
    """

    on_light: str
    on_dark: str
    dashed: bool = False

    def colour(self, dark: bool) -> str:
        """Return the hex colour for the ground that it is drawn on."""
        return self.on_dark if dark else self.on_light


# Okabe & Ito 2008 ("Color Universal Design"), darkened where too pale for a white ground and lightened for a dark one;
# those from grey on extend it for races of more than seven policies.
_VERMILION = ("#D55E00", "#FF8A3D")
_BLUE = ("#0072B2", "#4FB0F5")
_PINK = ("#C2609A", "#EBA0CB")
_ORANGE = ("#D08F00", "#F5BC3B")
_GREEN = ("#00916A", "#2FCB9C")
_SKY = ("#3A9BD9", "#9AD7FA")
_BLACK = ("#1B1F24", "#ECEEF1")
_GREY = ("#7A828C", "#9AA3AF")
_BROWN = ("#8C5A2B", "#C79A6B")
_INDIGO = ("#5B4BB7", "#A79BF5")
_OLIVE = ("#7E7E00", "#D2D256")
_TEAL = ("#00797F", "#3FC4CC")
_MAGENTA = ("#A0247A", "#F07CC8")
_RUST = ("#8E3B1F", "#E08A6A")
_SLATE = ("#56606F", "#B4BECC")

_RESERVED = {
    "hybrid_ml": _VERMILION,
    "mct": _BLUE,
    "round_robin": _PINK,
    "oracle": _BLACK,
    "rl_agent": _ORANGE,
    "gpu_only": _GREEN,
    "greedy": _SKY,
    "met": _SKY,
    "random": _GREY,
    "cpu_only": _BROWN,
    "min_min": _INDIGO,
    "heft": _OLIVE,
}
_FREE = (_TEAL, _MAGENTA, _RUST, _SLATE, _INDIGO, _OLIVE, _GREEN, _ORANGE)


def is_clairvoyant(name: str) -> bool:
    """Return whether a lane of this name is answered with true times (or their law) that no real scheduler has."""
    return name == "oracle" or name.endswith(("+true", "+law"))


class Palette:
    """Hands out styles by policy name; a name keeps its style for the life of the window."""

    def __init__(self) -> None:
        self._styles: dict[str, LaneStyle] = {}
        self._strangers = 0

    def style(self, name: str) -> LaneStyle:
        """Return the style of a policy; strangers take the free colours in the order in which they are first seen."""
        if name not in self._styles:
            pair = _RESERVED.get(name)
            if pair is None:
                pair = _FREE[self._strangers % len(_FREE)]
                self._strangers += 1
            self._styles[name] = LaneStyle(*pair, dashed=is_clairvoyant(name))
        return self._styles[name]
