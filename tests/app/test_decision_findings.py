"""What is said of a task's decisions: figures and sentences from decisions worked by hand, and finding the task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.decision_findings import (
    about_task,
    by_response,
    device_cells,
    devices_in_order,
    findings,
    policy_cells,
    served_best,
    task_title,
)
from app.reliving import Account, find_task, relive
from engine.cluster import Cluster, Device
from engine.decision import Decision, Hindsight, Knowledge, Prospects
from engine.errors import Cancelled, InputError
from engine.spec import RaceSpec, SchedulerSpec
from engine.workload import workload
from plugins.assemble import prepare
from plugins.clusters import load_cluster
from plugins.registry import load_registry

CLUSTER = load_cluster("default")  # cpu-0 to cpu-3, gpu-0, gpu-1
TASKS = workload(
    "two", ("cpu", "gpu"), (0.0, 10.0), [(6.0, 2.0)] * 2, memory_gb=(1.0, 0.5), slots=(1, 2), divisible=(False, True),
    parents=[[], [0]], parents_gb=[[], [0.0]], names=("first", "7"),
)  # fmt: skip


def prospects(start_s, *seconds):
    return Prospects(np.full(6, start_s), np.array([*[seconds[0]] * 4, *[seconds[1]] * 2]))


def decision(name="mct", finish_s=16.0, shares=((0, 1.0),), best=((4, 0.6), (1, 0.4)), best_s=12.5, **knowing):
    known = {"at_s": 10.0, "estimator": "nominal", "learned": (), "explored": None, "nominal_s": (4.0, 2.0),
             "expected_s": (4.0, 2.0), "queue": np.zeros(6, int), "free_slots": np.ones(6, int),
             "prospects": prospects(10.0, 4.0, 2.0)} | knowing  # fmt: skip
    truth = Hindsight(10.0, (6.0, 2.0), prospects(10.0, 6.0, 2.0), best, best_s, finish_s)
    return Decision(name, 1, 10.0, Knowledge(**known), shares, None, 10.0, 14.0, truth, 10.0, finish_s)


def said(of):
    return [text.replace("\u00a0", " ") for text in findings(of, TASKS, CLUSTER)]


def test_it_says_what_was_expected_chosen_and_missed():
    assert said(decision()) == [
        "Expected 4.00 s on cpu (truly 6.00 s) and 2.00 s on gpu, the nominal times.",
        "Chose cpu-0, to start after 0 s and be done after 4.00 s. It started after 0 s and was done after 6.00 s, "
        "2.00 s later than believed.",
        "Best for this one task: 60.0 % gpu-0 + 40.0 % cpu-1, done after 2.50 s, 3.50 s earlier than it was.",
    ]


@pytest.mark.parametrize(("choice_s", "later"), [
    (14.0, "; what was placed later delayed it by 1.00 s."),
    (17.0, "; what was placed later let it finish 2.00 s earlier."),
    (np.inf, "; it waited for what was placed later."),
])  # fmt: skip
def test_a_right_choice_is_said_to_be_one_and_what_was_placed_later_is_not_its_fault(choice_s, later):
    late = decision(finish_s=15.0, best=((0, 1.0),), best_s=choice_s)
    late = replace(late, hindsight=replace(late.hindsight, choice_finish_s=choice_s))
    assert said(late)[2] == f"As things then stood, nothing else would have finished this one task earlier{later}"


def test_where_not_all_was_tried_nothing_is_said_of_the_rest():
    for best, words in (
        (((0, 1.0),), "Nothing else that was tried would have finished this one task earlier."),
        (
            ((4, 1.0),),
            "Best for this one task, of what was tried: gpu-0, done after 2.50 s, 3.50 s earlier than it was.",
        ),
    ):
        some = decision(best=best)
        assert said(replace(some, hindsight=replace(some.hindsight, tried_all=False)))[2] == words


def test_a_task_that_was_kept_back_is_said_to_have_been():
    words = said(decision(best=((0, 1.0),), best_s=16.0, at_s=12.0))
    assert words[1].startswith("Chose cpu-0 after 2.00 s, to start")
    assert words[2].startswith("By then nothing else would have finished this one task earlier")


@pytest.mark.parametrize(("knowing", "words"), [
    ({"estimator": "forest", "learned": (False, False)}, "the nominal times: forest had not learned anything better"),
    ({"estimator": "forest", "learned": (True, False)}, "as forest had learned for cpu."),
    ({"estimator": "forest", "learned": (True, True), "explored": 0}, "as forest had learned; it made cpu tempting"),
    ({"estimator": "true"}, "which no real scheduler knows"),
    ({"estimator": "mine"}, "as mine said."),
])  # fmt: skip
def test_it_says_who_answered_and_whether_that_was_learned(knowing, words):
    assert words in said(decision(**knowing))[0]


def test_a_child_that_was_placed_too_early_to_believe_anything_says_so():
    early = decision(at_s=9.0)
    words = said(replace(early, believed_start_s=np.inf, believed_finish_s=np.inf))
    assert words[1].startswith("Chose cpu-0 before its parents had finished.")
    assert "(judged when its parents had finished, after 0 s)" in words[2]


def test_the_policies_are_compared_and_who_has_no_figures_comes_last():
    out = Account("broken", None, "broken was disqualified: no idea")
    accounts = [out, Account("mct", decision()), Account("quick", decision("quick", finish_s=12.0))]
    assert [account.scheduler for account in by_response(accounts)] == ["quick", "mct", "broken"]
    assert served_best(accounts) == "quick served it best: done 2.00 s after its arrival; mct took 6.00 s"
    assert served_best([out]) == "Nobody is known to have finished it"
    row = [cell.text.replace("\u00a0", " ") for cell in policy_cells(decision(), CLUSTER.devices, first=True)]
    assert row == ["mct", "6.00 s", "4.00 s", "2.50 s", "0 s", "cpu-0", "60.0 % gpu-0 + 40.0 % cpu-1"]
    rows = [device_cells(decision(), CLUSTER.devices, device) for device in devices_in_order(decision())]
    assert [row[0].text for row in rows] == ["cpu-0", "gpu-0", "gpu-1", "cpu-1", "cpu-2", "cpu-3"]
    assert [row[9].good for row in rows] == [False, True, True, False, False, False]
    assert [row[1].text for row in rows] == ["100\u00a0%", "", "", "", "", ""]


def test_a_task_is_found_by_its_name_before_its_number():
    assert (find_task(" 7 ", TASKS), find_task("0", TASKS), find_task("first", TASKS)) == (1, 0, 0)
    with pytest.raises(InputError, match="There is no task '2' in this race"):
        find_task("2", TASKS)
    with pytest.raises(InputError, match=r"There is no task '9{60}…' in this race"):
        find_task("9" * 5000, TASKS)


def test_of_many_device_models_the_chosen_and_the_fastest_are_named():
    models = [f"m{i}" for i in range(12)]
    many = Cluster("many", tuple(Device(i, f"d{i}", "cpu", model) for i, model in enumerate(models)))
    tasks = workload("one", models, (0.0,), [[float(12 - i) for i in range(12)]])
    times = tuple(tasks.etc_s[0].tolist())
    truth = Hindsight(0.0, times, Prospects(np.zeros(12), np.array(times)), ((11, 1.0),), 1.0, 12.0)
    knowing = Knowledge(0.0, "nominal", (), None, times, times, np.zeros(12, int), np.ones(12, int), truth.prospects)
    of = Decision("mct", 0, 0.0, knowing, ((0, 1.0),), None, 0.0, 12.0, truth, 0.0, 12.0)
    assert findings(of, tasks, many)[0] == (
        "Expected 12.0 s on m0, 3.00 s on m9, 2.00 s on m10, 1.00 s on m11 and other times on 8 device models more, "
        "the nominal times."
    )
    assert task_title(TASKS, 1) == "Task 1 (7)"
    assert about_task(TASKS, 1) == (
        "It arrived at 10.0 s, needs 2 slots and 0.500 GB of memory, waits for 1 parent, may be split."
    )


def test_who_was_disqualified_in_the_race_gets_a_sentence_and_a_cancel_ends_it_all():
    names = (SchedulerSpec("mct"), SchedulerSpec("random"))
    prepared = prepare(RaceSpec(tasks=30, schedulers=names), load_registry(plugins=[]))
    race = prepared.race()
    race.advance(10.0)
    race.lanes[1].simulation.disqualify("it took too long.")
    while race.advance():
        pass
    told = []
    accounts = list(relive(prepared, race.result(), 5, lambda *told_so: told.append(told_so), lambda: False))
    assert accounts[0].decision is not None
    assert accounts[1].problem == "random was disqualified: it took too long."
    assert told[0] == ("mct", 0.0) and told[-1] == ("random", 0.5)
    with pytest.raises(Cancelled):
        list(relive(prepared, race.result(), 5, lambda *_: None, lambda: True))
