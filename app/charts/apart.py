"""Where words have room in a plot: names next to the ends of their lines, in their order, and none on another."""

from __future__ import annotations

from collections.abc import Sequence

Spot = tuple[int, bool]
"""Where the words of a mark are: the row, from the top, and whether they are on its left."""
Place = tuple[float, bool]
"""Where the words of a level line are: their right end in pixels, and whether they are below it."""

FARTHEST, FARTHEST_IN_LOW = 5, 2
"""Heights of a name: farther from its line it would seem to belong to another; the ranking has the colours of all.
So the names of six lines that meet at an edge of the plot are all seen, and of three in a low plot."""
LOW_SHARE = 1 / 3
"""What is farther than this share of the plot is far in a low one."""


def apart(
    points: Sequence[tuple[float, float]], widths: Sequence[float], height: float, low: float, high: float
) -> list[float | None]:
    """Return for each label its height, in the order of their lines and so that none covers another; None: no room.

    Points, in rising order, are where the labels begin, in pixels, upwards; each is as wide as said and all are
    ``height`` high. Labels that are far enough apart sideways do not mind each other. The largest move is the least
    possible: the middle between what pushes up from below and what pushes down from above (isotonic regression in the
    maximum norm: Ubhaya 1974, 'Isotone optimization I', J. Approx. Theory 12).
    """
    floor, ceiling = low + height / 2, high - height / 2
    farthest = min(FARTHEST * height, max(FARTHEST_IN_LOW * height, LOW_SHARE * (high - low)))
    wanted = [min(max(y, floor), ceiling) for _, y in points]
    below: list[list[int]] = []
    raised: list[float] = []
    least: list[float] = []
    kept: list[int] = []
    for i, (x, _) in enumerate(points):
        near = [j for j in kept if x < points[j][0] + widths[j] and points[j][0] < x + widths[i]]
        below.append(near)
        raised.append(max([wanted[i], *(raised[j] + height for j in near)]))
        least.append(max([floor, *(least[j] + height for j in near)]))
        # else it would end too far away, or push others there, or out of the plot
        if raised[i] - wanted[i] <= 2 * farthest and least[i] <= ceiling:
            kept.append(i)
    lowered, most = list(wanted), [ceiling] * len(points)
    places: list[float | None] = [None] * len(points)
    for i in reversed(kept):
        place = min(max((raised[i] + lowered[i]) / 2, least[i]), most[i])
        places[i] = place if abs(place - wanted[i]) <= farthest else None
        for j in below[i]:
            lowered[j] = min(lowered[j], lowered[i] - height)
            most[j] = min(most[j], most[i] - height)
    return places


def beside(
    marks: Sequence[tuple[float, float, Spot | None]],
    names: Sequence[tuple[float, float, float]],
    height: float,
    across: float,
    high: float,
) -> list[Spot | None]:
    """Return for the words of each vertical mark where they cover neither names nor one another; None: nowhere.

    A mark is its place, the width of its words, and where they have been, which they only leave when they must; a name
    is its left and right end and its middle height; all in pixels, upwards, in a plot that is so wide and high.
    """
    taken = list(names)
    spots: list[Spot | None] = []
    for x, width, before in marks:
        rows = range(int(high / height))
        tries = [*([before] if before else []), *((row, left) for row in rows for left in (False, True))]
        free = None
        for row, left in tries:
            start, y = (x - width if left else x), high - (row + 0.5) * height
            inside = start >= 0 and start + width <= across and row < len(rows)
            if inside and not any(start < b and a < start + width and abs(y - m) < height for a, b, m in taken):
                free = row, left
                taken.append((start, start + width, y))
                break
        spots.append(free)
    return spots


def along(
    level: float,
    width: float,
    names: Sequence[tuple[float, float, float]],
    height: float,
    across: float,
    high: float,
    before: Place | None = None,
) -> Place | None:
    """Return where along a level line its words cover no name, as far right as there is room; None: nowhere.

    Names, and all in pixels, as for :func:`beside`; they leave where they have been only when they must.
    """
    ends = sorted({across, *(left for left, _, _ in names), *(right + width for _, right, _ in names)}, reverse=True)
    for end, below in [*([before] if before else []), *((end, below) for end in ends for below in (False, True))]:
        start, y = end - width, level + height * (-0.5 if below else 0.5)
        inside = start >= 0 and end <= across and height / 2 <= y <= high - height / 2
        if inside and not any(start < b and a < end and abs(y - m) < height for a, b, m in names):
            return end, below
    return None
