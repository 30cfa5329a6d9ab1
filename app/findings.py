"""Chart titles that say what the chart shows at this moment; each a pure function of a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from app.headline import leading, named
from app.palette import is_clairvoyant
from app.texts import METRICS, percent, plural, seconds

if TYPE_CHECKING:
    from engine.frame import DeviceStrip, Frame, LaneFrame


def ranking_title(frame: Frame, key: str) -> str:
    """Return who is best by the metric that the ranking is sorted by, which references it shows before, and who ties:
    as the headline says it."""
    metric = next(m for m in METRICS if m.key == key)
    lanes = [x for x in frame.lanes if x.status != "disqualified" and math.isfinite(getattr(x, key))]
    known = {x.scheduler: float(getattr(x, key)) for x in lanes}
    if not known:
        return f"Ranking by {metric.title.lower()}: nothing to compare yet"
    if len(known) > 1 and len(set(known.values())) == 1:
        return f"All policies have the same {metric.meant_as}: {metric.show(next(iter(known.values())))}"
    rivals = {name: value for name, value in known.items() if not is_clairvoyant(name)} or known
    best = min(rivals, key=rivals.__getitem__)
    ahead = [name for name in known if name not in rivals and known[name] < rivals[best]]
    references = f"After the {'references' if len(ahead) > 1 else 'reference'} {named(ahead)}, " if ahead else ""
    # regrets differ by as much as the means of which they are made
    told = {x.scheduler: x.mean_response_s for x in lanes} if key == "regret_s" else known
    tied = leading([(name, told[name]) for name in rivals])
    wins = f"{named(tied)} tie for" if len(tied) > 1 and best in tied else f"{best} has"
    return f"{references}{wins} the lowest {metric.meant_as}: {metric.show(rivals[best])}"


def curves_title(frame: Frame, recent_s: float) -> str:
    """Return how the response times lie apart now, or at the end: over the last ``recent_s`` seconds."""
    racing = [x for x in frame.lanes if x.status != "disqualified" and len(x.curve_t_s)]
    last = {x.scheduler: _recent(x, (x.curve_t_s[-1] if frame.done else frame.clock_s) - recent_s) for x in racing}
    known = {name: value for name, value in last.items() if math.isfinite(value)}
    if len(known) < 2:
        return "Response time of the tasks that finish"
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    which = "The last tasks" if frame.done else "Tasks that finish now"
    if known[high] < 1.1 * known[low]:
        return f"{which} took about {seconds(known[low])} under every policy"
    return f"{which} took {seconds(known[low])} under {low}, {seconds(known[high])} under {high}"


def _recent(lane: LaneFrame, since_s: float) -> float:
    """Return the mean of the curve after ``since_s`` (nan without points)."""
    values = [
        float(v)
        for t, v in zip(lane.curve_t_s[::-1], lane.curve_response_s[::-1], strict=True)
        if t >= since_s and math.isfinite(v)
    ]
    return sum(values) / len(values) if values else math.nan


def strip_title(strip: DeviceStrip, busy: dict[str, float], done: bool) -> str:
    """Return what the devices of the selected policy do now, or did until its last task; ``busy`` is kind to share."""
    parts = ", ".join(f"{kind.upper()}s {percent(share)}" for kind, share in busy.items())
    if done:
        return f"{strip.scheduler} kept {parts} busy until its last task"
    queued = int(strip.queued_now.sum())
    waiting = f"{plural(queued, 'share')} queued" if queued else "nothing queued"
    return f"{strip.scheduler} now: {parts} busy, {waiting}"


def utilisation_title(frame: Frame, kind: str) -> str:
    """Return who keeps the devices of a kind busiest so far."""
    shares = {x.scheduler: _mean(getattr(x, f"util_{kind}")) for x in frame.lanes}
    known = {name: share for name, share in shares.items() if math.isfinite(share)}
    if not known:
        return f"{kind.upper()} utilisation"
    high, low = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    if known[high] - known[low] < 0.03:
        return f"{kind.upper()}s are about {percent(known[high])} busy under every policy"
    return f"{kind.upper()}s busy: {high} {percent(known[high])}, {low} {percent(known[low])}"


def _mean(values: object) -> float:
    finite = [float(v) for v in values if math.isfinite(v)]  # type: ignore[attr-defined]
    return sum(finite) / len(finite) if finite else math.nan


def work_title(frame: Frame) -> str:
    """Return who splits or who leans on the GPUs."""
    lanes = [x for x in frame.lanes if x.finished]
    if not lanes:
        return "Where the work went"
    splitter = max(lanes, key=lambda x: (x.on_both > 0, not is_clairvoyant(x.scheduler), x.on_both / x.finished))
    if splitter.on_both:
        return (
            f"{splitter.scheduler} split {percent(splitter.on_both / splitter.finished)} of its tasks over CPU and GPU"
        )
    leaner = max(
        (x for x in lanes if not is_clairvoyant(x.scheduler)),
        key=lambda x: x.on_gpu / x.finished,
        default=lanes[0],
    )
    return f"{leaner.scheduler} sent {percent(leaner.on_gpu / leaner.finished)} of its tasks to GPUs; nobody split any"
