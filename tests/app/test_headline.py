"""The sentences that state what a race has found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app import headline
from app.palette import Palette, is_clairvoyant
from app.texts import in_words, joules, number, percent, plural, seconds
from engine.results import RaceResult, SchedulerResult

ROW = SchedulerResult(
    name="mct",
    status="finished",
    reason=None,
    tasks=100,
    makespan_s=1.0,
    mean_response_s=10.0,
    p50_response_s=1.0,
    p95_response_s=1.0,
    p99_response_s=1.0,
    mean_wait_s=1.0,
    mean_bounded_slowdown=1.0,
    throughput_per_s=1.0,
    utilisation={"cpu": 1.0, "gpu": 1.0},
    energy_j=1.0,
    cost=1.0,
    jain=1.0,
    regret=None,
    gap={"makespan": 0.0, "mean_response": 0.0},
    deadline_misses=None,
    deadline_miss_share=None,
    moved_gb=0.0,
    gpu_memory_peak_gb=None,
    memory_refusals=0,
    fragmentation=None,
    decision_latency_s={"mean": None, "p99": None},
    digest=None,
)


def result(**means: float | None) -> RaceResult:
    rows = tuple(replace(ROW, name=name, mean_response_s=mean) for name, mean in means.items())
    return RaceResult("", 100, rows, True)


def test_the_best_policy_wins_by_a_percentage():
    text = headline.finished(result(mct=13.1, hybrid_ml=10.0))
    assert text.finding == "hybrid_ml wins: 31\u00a0% faster than mct"


@pytest.mark.parametrize(("ratio", "told"), [(1.55, "1.6"), (2.48, "2.5"), (2.6, "2.6"), (5.0, "5.0")])
def test_a_large_lead_is_told_as_a_multiple_of_the_same_measure(ratio, told):
    assert headline.finished(result(a=2 * ratio, b=2.0)).finding == f"b wins: {told} times as fast as a"


def test_all_that_tie_are_named_or_counted_and_a_reference_never_ties():
    means = {"a": 10.0, "b": 9.9, "c": 10.05, "d": 12.0, "oracle": 9.9}
    assert headline.finished(result(**means)).finding == "Too close to call: b, a and c"
    assert headline.finished(result(**means, e=9.95, f=9.9)).finding == "Too close to call: b and 4 others"
    assert headline.leading([("oracle", 1.0), ("a", 0.0), ("b", 0.0)]) == ("a", "b")


def test_two_that_are_near_each_other_are_too_close_to_call():
    assert headline.finished(result(a=10.0, b=9.9)).finding == "Too close to call: b and a"


def test_the_oracle_is_a_reference_and_never_the_winner():
    text = headline.finished(result(mct=10.0, met=20.0, oracle=5.0))
    assert text.finding.startswith("mct wins")
    assert text.beyond == "Knowing every true time (oracle) would be 2.0 times as fast still."


def test_beating_the_selfish_oracle_is_said():
    assert "beats oracle" in headline.finished(result(mct=10.0, met=20.0, oracle=12.0)).beyond


def test_one_policy_alone_has_a_figure_and_no_rival():
    assert headline.finished(result(mct=10.0)).finding == "mct: mean response 10.0 s"


@pytest.mark.parametrize(
    ("oracle_s", "gap"),
    [
        (5.0, "; oracle is 2.0 times as fast"),
        (8.0, "; oracle is 25\u00a0% faster"),
        (9.9, ", as good as oracle"),
        (12.0, ", better than oracle"),
    ],
)
def test_one_policy_beside_the_oracle_is_measured_against_it(oracle_s, gap):
    assert headline.finished(result(mct=10.0, oracle=oracle_s)).finding == f"mct: mean response 10.0 s{gap}"


def test_the_oracle_alone_has_a_figure():
    assert headline.finished(result(oracle=10.0)).finding == "oracle: mean response 10.0 s"


def test_who_was_disqualified_is_named_and_not_ranked():
    row = replace(ROW, name="bad", status="disqualified", mean_response_s=1.0)
    text = headline.finished(RaceResult("", 100, (ROW, row, replace(ROW, name="met", mean_response_s=20.0)), True))
    assert text.finding.startswith("mct wins")
    assert text.beyond.endswith("bad was disqualified.")


def test_a_stopped_race_says_how_far_it_came():
    rows = (replace(ROW, status="stopped", tasks=40), replace(ROW, name="met", mean_response_s=20.0))
    text = headline.finished(RaceResult("", 100, rows, True))
    assert text.finding.startswith("mct led")
    assert text.beyond.startswith("Stopped after 40 of 100 tasks.")


def test_nothing_finished_is_said_plainly():
    assert headline.finished(result(mct=None)).finding == "No policy has finished a task."


def test_the_invitation_counts_policies_and_tasks():
    assert headline.ready(4, 2000).finding == "Press Start: four policies race on the same 2,000 tasks."
    assert headline.ready(1, None).finding == "Press Start: one policy runs the tasks of the workload."
    assert headline.ready(0, 10).finding == "Tick at least one policy."


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.0123"), (12.345, "12.3"), (12345.6, "12,346"), (0, "0"), (float("nan"), "–"), (1.6e-7, "0.0000002")],
)
def test_numbers_have_three_digits_and_no_powers_of_ten(value, text):
    assert number(value) == text


def test_units_follow_the_size():
    assert (joules(1_240_000), joules(12.0), seconds(3.0)) == ("1.24 MJ", "12.0 J", "3.00 s")
    assert (percent(0.314), plural(1, "task"), plural(4, "policy"), in_words(4)) == (
        "31\u00a0%",
        "1 task",
        "4 policies",
        "Four",
    )


def test_strangers_get_colours_of_their_own_and_keep_them():
    palette = Palette()
    mine, yours = palette.style("mine"), palette.style("yours")
    assert mine != yours
    assert palette.style("mine") == mine
    assert palette.style("mine+true").dashed


def test_what_knows_the_truth_is_drawn_as_a_reference():
    assert is_clairvoyant("oracle")
    assert is_clairvoyant("met+law")
    assert not is_clairvoyant("mct+forest")
