"""The event loop of one simulation, in one piece.

It is long on purpose: a race runs it millions of times, and half of its time would go into calls from one short
function to the next. What is usual (no parents, no strict queue, a legal placement) is done here with local names; what
is rare is left to the methods of :class:`engine.simulation.Simulation`, which do the same in readable steps.

Order of events at one instant (published tables hang on it): all arrivals, then ``place``; then finishes one at a time
in start order, and after each: children released, device queues advanced, ``observe``, ``place``. ``place`` is called
again until it places nothing, and never when nothing is pending. Data that arrive over a link advance the queue that
waits for them before anything else of that instant. No epsilon on times.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from engine.decision_clock import SAMPLED
from engine.errors import PlacementError
from engine.placement import WHOLE_ON, Placement
from engine.placement_rules import plain_pair
from engine.task import Task

if TYPE_CHECKING:
    from engine.simulation import Simulation


def run_events(simulation: Simulation, until_s: float, events: float) -> int:
    """Run events not later than ``until_s``, at most ``events`` of them; return how many were run.

    Whatever the scheduler raises comes through, as does :class:`PlacementError` for a placement that breaks the
    contract.
    """
    heap, devices, state = simulation._events, simulation.devices, simulation._state
    ledger, pending, open_parts = simulation.ledger, simulation._pending, simulation._open_parts
    device_of, placed_s, start_s, end_s = ledger.device, ledger.placed_s, ledger.start_s, ledger.end_s
    ended, finished = ledger.ended, ledger.finished
    columns = simulation.columns
    tasks, slots_of, memory_of, transfer_of = columns.tasks, columns.slots, columns.memory_gb, columns.transfer_gb
    divisible = columns.divisible
    arrival_of, arrivals = columns.arrival_s, simulation._arrivals
    n, halves, add_split, last = len(tasks), ledger.halves, ledger.add_split, len(arrivals) - 1
    has_parents, telling = simulation._has_parents, simulation._telling
    numbers, all_fit, most = simulation._numbers, state._all_fit, len(devices)
    true_s, whole_true_s, expected = simulation._true_s, simulation._whole_true_s, simulation._expected
    model_believed_s, whole_believed_s = simulation._believed_s, simulation._whole_believed_s
    waiting, order = pending._position, pending._order
    next_arrival_s = simulation._next_arrival_s
    extra_task = ledger.extra_task
    whole_on, unordered, nothing_runs = WHOLE_ON, math.inf, -math.inf
    place, decisions, sample = simulation._place, simulation.decisions, SAMPLED - 1
    done = before_all = simulation._events_run
    until_event = done + events
    while done < until_event:
        if heap and ((now_s := heap[0][0]) < next_arrival_s or (now_s == next_arrival_s and heap[0][1] < 0)):
            if now_s > until_s:
                break
            now_s, number, part = heappop(heap)
            state.now = now_s
            done += 1
            if number < 0:  # data that cross a link: there before an arrival of the same instant
                simulation._data_arrive(part)
                continue
            end_s[part] = now_s
            ended.append(part)
            device = devices[device_of[part]]
            if device.pooled:
                believed_end_s, slots, memory_gb = device.running.pop(part)
                device.free_slots += slots
                if now_s != believed_end_s:
                    device._replay = None
                if memory_gb:
                    device.count_memory()
            else:  # the one that ran there
                del device.running[part]
                device.free_slots, device._end_s = 1, nothing_runs
            task, complete = part, True
            if ledger.has_pairs and part < halves:
                # the other share's end is nan until it has ended
                if part >= n:
                    task = part - n
                    complete = end_s[task] >= 0.0
                elif device_of[part + n] >= 0:
                    complete = end_s[part + n] >= 0.0
            if open_parts:
                if part >= halves:
                    task = extra_task[part - halves]
                left = open_parts.get(task, 0)
                if left > 1:
                    open_parts[task], complete = left - 1, False
                elif left:
                    del open_parts[task]
            if complete:
                finished.append(task)
                if has_parents:
                    simulation._release_children(task)
            ready = device.ready
            if ready:
                if device.strict:
                    simulation._advance_queue(device)
                else:
                    while ready:
                        # the first of a queue fits on one slot that is free now, unless a child was faster
                        if device.pooled or has_parents:
                            _, _, part, _, _, slots, memory_gb, _ = ready[0]
                            if slots > device.free_slots:
                                break
                            if memory_gb > device.free_memory_gb:
                                simulation.memory_refused.add(part)
                                break
                        _, _, part, index, believed_s, slots, memory_gb, fraction = ready.popleft()
                        # exactly zero when the queue is empty, so that rounding never builds up
                        device.queued_s = device.queued_s - believed_s if ready or device.waiting else 0.0
                        whole_s = whole_true_s[device.index]
                        if whole_s is None:
                            seconds = simulation._true_seconds(device, index, fraction)
                        elif fraction == 1.0:
                            seconds = whole_s[index]
                        else:  # as Simulation._true_seconds
                            seconds = true_s[device.model][index] / device.speed * fraction
                            if device.has_link:
                                seconds += device.latency_s + fraction * transfer_of[index] * device.per_gb_s
                        start_s[part] = now_s
                        ends_s = now_s + believed_s
                        device.running[part] = (ends_s, slots, memory_gb)
                        heappush(heap, (now_s + seconds, next(numbers), part))
                        if not device.pooled:
                            device.free_slots, device._end_s = 0, ends_s
                            break
                        device.free_slots -= slots
                        replay = device._replay
                        if replay is not None and not replay.starts_as_played(part, now_s):
                            device._replay = None
                        if memory_gb:
                            device.count_memory()
            if complete and telling is not None:
                simulation._tell(telling, task)
        elif next_arrival_s <= until_s and next_arrival_s < unordered:
            now_s = state.now = next_arrival_s
            done += 1
            position = state.arrivals
            while True:
                index = arrivals[position]
                if has_parents:
                    pending._add(tasks[index], simulation._precedence.is_ready(index))
                else:
                    waiting[index] = len(order)
                    order.append(tasks[index])
                next_arrival_s = arrival_of[arrivals[position + 1]] if position < last else math.inf
                position += 1
                if next_arrival_s != now_s:
                    break
            state.arrivals = position
        else:
            break
        if not waiting:
            continue
        ask = place if done & sample and done > SAMPLED else decisions.at(done)
        while waiting:
            before = len(waiting)
            placements = ask(pending, state)
            if placements is None:
                raise PlacementError("place() returned None; yield placements, or return a list (empty to wait).")
            for placement in placements:
                # the usual placement, whole or in two, is seen to be legal at once; any other is looked at closely
                if has_parents or not all_fit or type(placement) is not Placement:
                    simulation._put_checked(placement)
                    continue
                chosen, shares, rank = placement
                if (rank is not None and (type(rank) is not float or rank != rank)) or (
                    type(chosen) is not Task or type(shares) is not tuple
                ):
                    simulation._put_checked(placement)
                    continue
                index = chosen.index
                part, fraction, rest = index, 1.0, None
                where = whole_on.get(id(shares))
                if where is None:
                    if (len(shares) == 2 and index in waiting and divisible[index]) and (
                        shares is state._legal_pair or plain_pair(shares, most)
                    ):
                        (where, fraction), rest = shares
                    elif len(shares) != 1 or type(shares[0]) is not tuple or len(shares[0]) != 2:
                        simulation._put_checked(placement)
                        continue
                    else:
                        where, fraction = shares[0]
                        if type(where) is not int or where < 0 or fraction != 1.0:
                            simulation._put_checked(placement)
                            continue
                position = waiting.pop(index, -1) if where < most else -1
                if position < 0:
                    simulation._put_checked(placement)
                    continue
                order[position] = None
                if rest is None:
                    device_of[index] = where
                    placed_s[index] = now_s
                else:
                    further = add_split(index, shares, now_s)
                    if further >= halves:
                        open_parts[index] = 2
                while True:  # over the shares
                    device = devices[where]
                    if rank is not None or device.strict:
                        simulation._put(part, chosen, where, fraction, rank)
                    else:
                        if fraction == 1.0 and whole_believed_s is not None:
                            believed_s = whole_believed_s[where][index]
                        else:  # as DeviceState.seconds
                            if model_believed_s is not None:
                                believed_s = model_believed_s[device.model][index] / device.speed * fraction
                            else:
                                believed_s = expected(chosen)[device.model] / device.speed * fraction
                            if device.has_link:
                                believed_s += device.latency_s + fraction * transfer_of[index] * device.per_gb_s
                        slots, memory_gb = slots_of[index], memory_of[index] * fraction
                        if device.ready or slots > device.free_slots or memory_gb > device.free_memory_gb:
                            if not device.ready and slots <= device.free_slots:
                                simulation.memory_refused.add(part)
                            # nothing but the number of its placement sorts it: it is the last
                            entry = (unordered, next(numbers), part, index, believed_s, slots, memory_gb, fraction)
                            device.ready.append(entry)
                            device.queued_s += believed_s
                            if device._replay is not None:
                                device._replay.append(entry)
                        else:
                            whole_s = whole_true_s[where]
                            if whole_s is None:
                                seconds = simulation._true_seconds(device, index, fraction)
                            elif fraction == 1.0:
                                seconds = whole_s[index]
                            else:
                                seconds = true_s[device.model][index] / device.speed * fraction
                                if device.has_link:
                                    seconds += device.latency_s + fraction * transfer_of[index] * device.per_gb_s
                            start_s[part] = now_s
                            ends_s = now_s + believed_s
                            device.running[part] = (ends_s, slots, memory_gb)
                            heappush(heap, (now_s + seconds, next(numbers), part))
                            if device.pooled:
                                device.free_slots -= slots
                                device._replay = None
                                if memory_gb:
                                    device.count_memory()
                            else:
                                device.free_slots, device._end_s = 0, ends_s
                    if rest is None:
                        break
                    part, (where, fraction), rest = further, rest, None
            if not waiting or len(waiting) == before:
                break
        if not waiting:
            order.clear()
            pending._head = 0
        elif len(order) > 64 and len(order) > 2 * len(waiting):
            pending._compact()
    simulation._events_run = done
    return done - before_all
