from __future__ import annotations

from dataclasses import replace

import pytest

from app.distances import Distances, distances, sentence, untaught
from app.texts import percent
from engine.results import RaceResult
from engine.spec import RaceSpec, SchedulerSpec
from plugins.assemble import PreparedRace, prepare
from plugins.registry import load_registry


def raced(*lanes: SchedulerSpec | str) -> tuple[PreparedRace, RaceResult]:
    specs = tuple(SchedulerSpec(lane) if isinstance(lane, str) else lane for lane in lanes)
    prepared = prepare(RaceSpec(tasks=300, load=0.7, schedulers=specs), load_registry(plugins=[]))
    race = prepared.race()
    while not race.done:
        race.advance()
    race.close()
    return prepared, race.result()


def test_the_distances_of_a_rule_are_between_its_lanes_aliases_included() -> None:
    prepared, result = raced("congestion", "hybrid_ml", "congestion+law", "congestion+true", "mct", "oracle", "met")
    means = {row.name: row.mean_response_s for row in result.rows}
    congestion, mct = distances(prepared.lanes, result)
    assert congestion == Distances(
        "congestion",
        means["congestion"],
        means["congestion+true"],
        means["congestion+law"],
        {"hybrid_ml": means["hybrid_ml"]},
    )
    assert (mct.rule, mct.true_s, mct.learned_s) == ("mct", means["oracle"], {})


def test_a_rule_with_other_parameters_is_another_rule() -> None:
    other = SchedulerSpec("congestion+true", params={"charge": 3.0})
    assert distances(*_parts(raced("congestion", other))) == []


def _parts(raced: tuple[PreparedRace, RaceResult]) -> tuple[tuple, RaceResult]:
    return raced[0].lanes, raced[1]


def test_the_share_is_how_much_of_the_way_to_the_truth_was_learned() -> None:
    of = Distances("mct", 10.0, 2.0, 4.0, {"a": 4.0, "b": 12.0})
    assert (of.learned_share("a"), of.learned_share("b")) == (0.75, -0.25)
    assert Distances("mct", 1.0, 1.0, None, {"a": 1.0}).learned_share("a") is None


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (
            Distances("mct", 10.0, 2.0, 4.0, {"mct+forest": 4.0}),
            "mct takes 10.0 s on the times it is given; 2.00 s if it knows the true ones; 4.00 s with what mct+forest "
            f"has learned, {percent(0.75)} of that way; 4.00 s knowing all that can be learned, so noise costs 2.00 s.",
        ),
        (
            Distances("mct", 10.0, 2.0, None, {"mine": 12.0}),
            "mct takes 10.0 s on the times it is given; 2.00 s if it knows the true ones; 12.0 s with what mine has "
            "learned, which is worse than the times it is given.",
        ),
        (
            Distances("mct", 10.0, 2.0, None, {"mine": 1.3}),
            "mct takes 10.0 s on the times it is given; 2.00 s if it knows the true ones; 1.30 s with what mine has "
            "learned, all of that way and more.",
        ),
    ],
)
def test_the_sentence_says_all_three(of: Distances, says: str) -> None:
    assert sentence(of, ()) == says


def test_what_has_learned_nothing_is_not_said_to_have_learned() -> None:
    prepared, result = raced("mct", "mct+forest")
    rows = {row.name: row for row in result.rows}
    learned = rows["mct+forest"]
    assert learned.learning is not None and untaught(result) == set()
    models = {name: {**model, "trusted": False} for name, model in learned.learning["models"].items()}
    untrusted = replace(learned, learning={**learned.learning, "models": models})
    result = replace(result, rows=(rows["mct"], untrusted))
    assert untaught(result) == {"mct+forest"}
    (of,) = distances(prepared.lanes, result)
    assert "with mct+forest, which has learned nothing better." in sentence(of, untaught(result))


@pytest.mark.parametrize("learning", [{}, {"models": [1]}, {"models": {"cpu": 3}}, {"models": {"cpu": {}}}])
def test_the_account_of_a_stranger_s_learner_is_no_claim_that_it_learned_nothing(learning: dict) -> None:
    _, result = raced("mct")
    assert untaught(replace(result, rows=(replace(result.rows[0], learning=learning),))) == set()
