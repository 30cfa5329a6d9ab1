"""What the policies did with one task, in figures and sentences; each a pure function of a decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.learning_findings import MOST_MODELS
from app.texts import joined, number, plural, seconds

if TYPE_CHECKING:
    from app.reliving import Account
    from engine.cluster import Cluster, Device
    from engine.decision import Decision
    from engine.placement import Shares
    from engine.workload import FloatArray, Workload

TABLES = {
    "nominal": "the nominal times",
    "law": "the true times without their noise, which no real scheduler knows",
    "true": "the true times, which no real scheduler knows",
}
SAME = 1e-9
"""Seconds that differ by less are told as equal."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and what it means."""

    title: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in a table; ``good``: the best of its column; ``strong``: in bold; ``dot``: the policy whose colour it
    shows."""

    text: str
    good: bool = False
    strong: bool = False
    dot: str = ""


POLICY_COLUMNS = (
    Column("Policy", "The policies of the race, the one that finished this task first at the top."),
    Column("Response", "How long the task took from its arrival to its finish, waiting included. Lower is better."),
    Column("Believed", "The response that the policy believed in when it placed the task."),
    Column(
        "Best then",
        "The response that the best placement would have given at that moment: the earliest finish for this one task, "
        "for one who knows every true time of what ran and waited, had nothing been placed later. It was found by "
        "racing on from there. It is selfish, so a policy that thinks of the others may well choose otherwise.",
    ),
    Column("Placed", "How long after its arrival the task was placed: until then the policy kept it back."),
    Column("Chose", "The devices that the task was given to, and what share of it each one got."),
    Column("Best choice", "The placement that would have finished this one task first."),
)
DEVICE_COLUMNS = (
    Column(
        "Device",
        "The devices of the cluster: those that were chosen, then the one on which the whole task would truly be done "
        "first.",
    ),
    Column("Share", "What share of the task the policy gave to it."),
    Column("Queue", "Shares of other tasks that waited there, those too that it would have passed."),
    Column("Free slots", "Slots on which nothing ran."),
    Column("Start\nbelieved", "When the task could start there, as the policy believed: device free, data there."),
    Column(
        "Start\ntrue",
        "When it would truly have started there, had nothing been placed later; where that was not tried, because it "
        "could not have been best, the earliest possible.",
    ),
    Column("Takes\nbelieved", "How long the whole task takes there, transfer included, as the estimator said."),
    Column("Takes\ntrue", "How long the whole task truly takes there, transfer included."),
    Column("Done\nbelieved", "When the whole task would be done there, as the policy believed."),
    Column(
        "Done\ntrue",
        "When the whole task would truly have been done there, had nothing been placed later; where that was not "
        "tried, the earliest possible.",
    ),
)


def task_title(workload: Workload, task: int) -> str:
    """Return which task it is."""
    name = workload.names[task] if workload.names else ""
    return f"Task {task}" + (f" ({name})" if name and name != str(task) else "")


def about_task(workload: Workload, task: int) -> str:
    """Return what everybody knew of a task, in a sentence."""
    memory_gb, slots = float(workload.memory_gb[task]), int(workload.slots[task])
    parents = int(workload.parent_start[task + 1] - workload.parent_start[task]) if workload.has_parents else 0
    needs = [plural(slots, "slot")] if slots > 1 else []
    needs += [f"{number(memory_gb)} GB of memory"] if memory_gb else []
    known = [f"needs {' and '.join(needs)}"] if needs else []
    known += [f"waits for {plural(parents, 'parent')}"] if parents else []
    known += ["may be split"] if workload.divisible[task] else []
    return ", ".join([f"It arrived at {seconds(float(workload.arrival_s[task]))}", *known]) + "."


def served_best(accounts: Sequence[Account]) -> str:
    """Return who served the task best and who worst, in a sentence."""
    decisions = sorted((a.decision for a in accounts if a.decision is not None), key=lambda d: d.response_s)
    if not decisions:
        return "Nobody is known to have finished it"
    first, last = decisions[0], decisions[-1]
    if last.response_s - first.response_s <= SAME:
        return f"Done {seconds(first.response_s)} after its arrival" + (" by all" if len(decisions) > 1 else "")
    return (
        f"{first.scheduler} served it best: done {seconds(first.response_s)} after its arrival; "
        f"{last.scheduler} took {seconds(last.response_s)}"
    )


def by_response(accounts: Sequence[Account]) -> list[Account]:
    """Return the accounts with the earliest finish first; those without a decision last."""
    return sorted(accounts, key=lambda a: math.inf if a.decision is None else a.decision.response_s)


def policy_cells(decision: Decision, devices: Sequence[Device], first: bool) -> list[Cell]:
    """Return the row of a policy; ``first``: nobody finished the task earlier."""
    arrival_s, hindsight = decision.arrival_s, decision.hindsight
    return [
        Cell(decision.scheduler, strong=True, dot=decision.scheduler),
        Cell(seconds(decision.response_s), good=first, strong=True),
        Cell(seconds(decision.believed_finish_s - arrival_s)),
        Cell(seconds(hindsight.finish_s - arrival_s)),
        Cell(seconds(decision.knowledge.at_s - arrival_s)),
        Cell(shares_text(decision.shares, devices)),
        Cell("the same", good=True) if decision.chose_best else Cell(shares_text(hindsight.shares, devices)),
    ]


def devices_in_order(decision: Decision) -> list[int]:
    """Return the devices: those that were chosen, then the one on which the whole task would truly be done first."""
    chosen = [device for device, _ in decision.shares]
    in_order = np.argsort(decision.hindsight.prospects.finish_s, kind="stable").tolist()
    return chosen + [device for device in in_order if device not in chosen]


def device_cells(decision: Decision, devices: Sequence[Device], device: int) -> list[Cell]:
    """Return the row of a device."""
    knowledge, truth, arrival_s = decision.knowledge, decision.hindsight.prospects, decision.arrival_s
    believed, share, slots = knowledge.prospects, dict(decision.shares).get(device), devices[device].slots
    return [
        Cell(devices[device].id, strong=share is not None),
        Cell("" if share is None else _share(share), strong=True),
        Cell(f"{knowledge.queue[device]:,}"),
        Cell(f"{knowledge.free_slots[device]:,} of {slots:,}"),
        Cell(seconds(believed.start_s[device] - arrival_s)),
        Cell(seconds(truth.start_s[device] - arrival_s)),
        Cell(seconds(believed.seconds[device])),
        Cell(seconds(truth.seconds[device])),
        _done(believed.finish_s, device, arrival_s),
        _done(truth.finish_s, device, arrival_s),
    ]


def shares_text(shares: Shares, devices: Sequence[Device]) -> str:
    """Return a placement as text: ``gpu-0``, or ``37 % cpu-1 + 63 % gpu-0``."""
    if len(shares) == 1:
        return devices[shares[0][0]].id
    return " + ".join(f"{_share(fraction)} {devices[device].id}" for device, fraction in shares)


def findings(decision: Decision, workload: Workload, cluster: Cluster) -> list[str]:
    """Return what a policy knew, believed and chose, what came of it, and what would have been best, in sentences."""
    return [
        _knew(decision, workload.models, cluster),
        _chose(decision, cluster.devices),
        _best(decision, cluster.devices),
    ]


def _knew(decision: Decision, models: Sequence[str], cluster: Cluster) -> str:
    """Of many device models those of the choice are named, and the fastest."""
    knowledge, columns = decision.knowledge, cluster.columns_in(models)
    chosen = {columns[device] for device, _ in decision.shares}
    possible = [m for m, expected_s in enumerate(knowledge.expected_s) if math.isfinite(expected_s)]
    foremost = sorted(possible, key=lambda m: (m not in chosen, knowledge.expected_s[m]))
    rows = list(zip(models, knowledge.expected_s, knowledge.nominal_s, decision.hindsight.true_s, strict=True))
    told = [_told(*rows[m]) for m in sorted(foremost[:MOST_MODELS])]
    if len(possible) > MOST_MODELS:
        told.append(f"other times on {plural(len(possible) - MOST_MODELS, 'device model')} more")
    return f"Expected {joined(told)}, {_source(decision, models)}."


def _told(model: str, expected_s: float, nominal_s: float, true_s: float) -> str:
    """Return what was expected on a device model, and what differs from it."""
    others = (("nominal", nominal_s), ("truly", true_s))
    beside = [f"{what} {seconds(s)}" for what, s in others if abs(s - expected_s) > SAME]
    return f"{seconds(expected_s)} on {model}" + (f" ({', '.join(beside)})" if beside else "")


def _source(decision: Decision, models: Sequence[str]) -> str:
    knowledge = decision.knowledge
    who, learned = knowledge.estimator, [m for m, known in zip(models, knowledge.learned, strict=False) if known]
    if who in TABLES:
        return TABLES[who]
    if learned:
        which = joined(learned) if len(learned) <= MOST_MODELS else f"{len(learned)} of them"
        said = f"as {who} had learned" + (f" for {which}" if len(learned) < len(models) else "")
    elif knowledge.learned:
        said = f"the nominal times: {who} had not learned anything better yet"
    else:
        said = f"as {who} said"
    if knowledge.explored is None:
        return said
    return f"{said}; it made {models[knowledge.explored]} tempting, because it knew too little of it"


def _chose(decision: Decision, devices: Sequence[Device]) -> str:
    arrival_s, late_s = decision.arrival_s, decision.finish_s - decision.believed_finish_s
    kept_s = decision.knowledge.at_s - arrival_s
    chose = f"Chose {shares_text(decision.shares, devices)}" + (f" after {seconds(kept_s)}" if kept_s > SAME else "")
    start, done = seconds(decision.start_s - arrival_s), seconds(decision.response_s)
    if not math.isfinite(decision.believed_finish_s):
        return f"{chose} before its parents had finished. It started after {start} and was done after {done}."
    believed = f"{chose}, to start after {seconds(decision.believed_start_s - arrival_s)} and be done after "
    believed += seconds(decision.believed_finish_s - arrival_s)
    off = f"{seconds(abs(late_s))} {'later' if late_s > 0 else 'earlier'} than" if abs(late_s) > SAME else "as"
    return f"{believed}. It started after {start} and was done after {done}, {off} believed."


def _best(decision: Decision, devices: Sequence[Device]) -> str:
    hindsight, arrival_s, later = decision.hindsight, decision.arrival_s, _later(decision)
    if decision.chose_best:
        kept = decision.knowledge.at_s - arrival_s > SAME
        nothing = "As things then stood, nothing" if later else "By then nothing" if kept else "Nothing"
        tried = "" if hindsight.tried_all else " that was tried"
        best = f"{nothing} else{tried} would have finished this one task earlier"
    else:
        tried = "" if hindsight.tried_all else ", of what was tried"
        best = (
            f"Best for this one task{tried}: {shares_text(hindsight.shares, devices)}, done after "
            f"{seconds(hindsight.finish_s - arrival_s)}, {seconds(abs(decision.lost_s))} "
            f"{'earlier' if decision.lost_s > 0 else 'later'} than it was"
        )
    when = f" (judged when its parents had finished, after {seconds(hindsight.at_s - arrival_s)})"
    return f"{best}{when if hindsight.at_s > decision.knowledge.at_s else ''}{later}."


def _later(decision: Decision) -> str:
    """Return what came of what was placed after the task."""
    delay_s = decision.finish_s - decision.hindsight.choice_finish_s
    if delay_s == -math.inf:
        return "; it waited for what was placed later"
    if delay_s < -SAME:
        return f"; what was placed later let it finish {seconds(-delay_s)} earlier"
    return f"; what was placed later delayed it by {seconds(delay_s)}" if delay_s > SAME else ""


def _share(fraction: float) -> str:
    return f"{number(100 * fraction)}\u00a0%"  # to the tenth: a share of 0.4 % is one


def _done(finish_s: FloatArray, device: int, arrival_s: float) -> Cell:
    first = bool(finish_s[device] == finish_s.min() < math.inf)
    return Cell(seconds(finish_s[device] - arrival_s), good=first)
