"""Cut runs in the window: offered in a bar, resumed to the digest of a race never cut, or kept as they are."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from persistence.journal.reader import JournalReader
from persistence.recording.cut_runs import KEPT, cut_runs
from persistence.schema import JOURNALED
from persistence.settings import URL_VARIABLE
from tests.app.cut_races import copy, record, rows, whole_lines

REPOSITORY = Path(__file__).parents[2]
LANES = "mct,hybrid_ml,oracle"
TASKS = 400
RACE = ("--tasks", str(TASKS), "--seed", "3", "--schedulers", LANES)
STARTS_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A race that was never cut, in which a policy learns."""
    return record(tmp_path_factory, *RACE)


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A race that takes long enough to be met while it is replayed."""
    return record(tmp_path_factory, "--tasks", "6000", "--seed", "4", "--schedulers", "round_robin,mct")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Three races that are over at once."""
    return [record(tmp_path_factory, "--tasks", "40", "--seed", seed, "--schedulers", "mct") for seed in "123"]


@pytest.fixture
def runs(own_folders):
    return own_folders / "data" / "runs"


@pytest.fixture
def storage_kind():
    return "csv"


@pytest.fixture
def killed(runs):
    """A race of another process that was killed (kill -9) somewhere in its first half."""
    race = [sys.executable, "-m", "app", "race", "--storage", "csv", "--quiet", "--tasks", "3000", *RACE[2:]]
    process = subprocess.Popen(race, cwd=REPOSITORY, env=dict(os.environ))
    until = time.monotonic() + STARTS_WITHIN_S
    while not (found := list(runs.glob("*/scheduler_results.csv"))) or found[0].stat().st_size < 5000:
        assert time.monotonic() < until and process.poll() is None, "it records nothing"
    process.kill()
    process.wait()
    return found[0].parent


@pytest.fixture
def half(whole, runs):
    return copy(whole, runs, scheduler_results=0.5, training_data=0.5, metrics=0.0)


@pytest.fixture
def nearly_whole(long, runs):
    return copy(long, runs, scheduler_results=0.95, metrics=0.0)


@pytest.fixture
def barely_begun(long, runs):
    return copy(long, runs, scheduler_results=0.05, metrics=0.0)


@pytest.fixture
def three(short, runs):
    """Three cut runs, the newest first."""
    return sorted((copy(race, runs, scheduler_results=0.5, metrics=0.0) for race in short), reverse=True)


@pytest.fixture
def needy(tmp_path_factory, runs, tmp_path):
    """A cut race whose file of tasks is gone."""
    file = tmp_path / "tasks.csv"
    lines = [f"{n},{10 + n},20" for n in range(80)]
    file.write_text("\n".join(["arrival_s,actual_cpu_s,actual_gpu_s", *lines]) + "\n")
    race = record(tmp_path_factory, "--workload", str(file), "--schedulers", "mct", "--tasks", "80")
    file.unlink()
    return copy(race, runs, scheduler_results=0.5, metrics=0.0)


class Person:
    """Somebody who is offered cut runs."""

    def __init__(self, hands):
        self.hands = hands
        self.bar = hands.window.resume_desk.bar
        self.digests = []
        hands.window.desk.runner.ended.connect(lambda ended: self.digests.append(ended.result.digest))

    @property
    def offered(self):
        return self.bar.text.text() if self.bar.isVisible() else ""

    def waits_for_an_offer(self, words):
        self.hands.wait(lambda: words in self.offered)

    def resumes(self):
        self.bar.resume.click()
        assert not self.bar.isVisible()

    def resumes_and_waits(self):
        self.resumes()
        self.races_to_the_end()

    def races_to_the_end(self):
        self.hands.window.desk.set_speed(math.inf)
        self.hands.wait_for_end()

    def resumes_and_pauses_in_the_replay(self):
        self.resumes()
        self.hands.window.desk.runner.control.pause()
        self.hands.wait_for_frame()
        while not self.hands.finished:
            before = self.hands.window.desk.frame
            self.hands.press("step")
            self.hands.wait(lambda before=before: self.hands.window.desk.frame is not before)
        assert self.replaying

    @property
    def notice(self):
        return self.hands.window.notice.text.text() if self.hands.window.notice.isVisible() else ""

    @property
    def replaying(self):
        started = self.hands.window.desk._started
        return started is not None and started.recorder.replaying


@pytest.fixture
def known_to_a_database(half, database_url, monkeypatch):
    """The settings mean a database, into which what was left behind is brought at the start."""
    monkeypatch.setenv(URL_VARIABLE, database_url)
    return half


@pytest.fixture
def person(hands):
    return Person(hands)


def test_a_race_that_was_killed_is_offered_with_when_and_how_far(killed, person):
    person.waits_for_an_offer(" was cut after ")
    (found,) = cut_runs(killed.parent)
    assert f"{found.results:,} task results of 9,000 are kept." in person.offered
    assert "'synthetic' of " in person.offered
    person.resumes_and_waits()
    result = JournalReader(killed).result()
    assert (result["status"], result["digest"]) == ("finished", person.digests[0])
    assert JournalReader(killed).rows("scheduler_results") == 9000
    assert cut_runs(killed.parent) == []


def test_resuming_ends_with_the_digest_and_the_journal_of_a_race_never_cut(whole, half, person):
    person.waits_for_an_offer(f"{JournalReader(half).rows('scheduler_results'):,} task results of 1,200 are kept.")
    person.resumes()
    assert not person.hands.window.form.tasks.isEnabled()
    person.races_to_the_end()
    assert person.digests == [whole.digest]
    assert rows(half) == rows(whole.folder)
    assert JournalReader(half).result()["digest"] == whole.digest
    form = person.hands.window.form
    assert (form.tasks.value(), form.policies.ticked()) == (400, ["mct", "hybrid_ml", "oracle"])
    assert person.hands.window.status.run.text() == f"Run {half.name}"
    assert "1,200 rows stored" in person.hands.window.status.storage.whole
    assert cut_runs(half.parent) == [] and not person.offered


@pytest.mark.parametrize("storage_kind", ["auto"])
def test_a_run_that_the_database_knows_as_interrupted_is_finished_there(
    whole, known_to_a_database, person, execute, database_url
):
    run = known_to_a_database.name
    person.waits_for_an_offer(" was cut after ")
    person.resumes_and_waits()
    assert person.digests == [whole.digest] and rows(known_to_a_database) == rows(whole.folder)
    assert execute("SELECT run, status, digest FROM schedrace.runs", database_url) == [(run, "finished", whole.digest)]
    for table in JOURNALED:
        in_journal = JournalReader(known_to_a_database).rows(table)
        assert execute(f"SELECT count(*) FROM schedrace.{table}", database_url) == [(in_journal,)], table


def test_a_run_that_is_kept_as_it_is_is_never_offered_again(half, person, own_folders):
    before = whole_lines(half)
    person.waits_for_an_offer(" was cut after ")
    person.bar.keep.click()
    assert not person.offered
    assert cut_runs(half.parent) == [] and (half / KEPT).exists()
    assert {name: text for name, text in whole_lines(half).items() if name != KEPT} == before
    assert any(f"The run {half.name} stays interrupted" in line for line in person.hands.log)
    person.hands.window.storage_desk.open()  # as the next start does
    person.hands.wait(lambda: "CSV" in person.hands.window.status.storage.whole)
    assert not person.offered


def test_not_now_means_until_the_next_start(half, person):
    person.waits_for_an_offer(" was cut after ")
    person.bar.later.click()
    assert not person.offered
    person.hands.race_small()
    person.hands.press("start")
    person.races_to_the_end()
    person.hands.bot.wait(300)  # an offer would come after a look at the disk
    assert not person.offered
    assert [cut.run for cut in cut_runs(half.parent)] == [half.name]


def test_a_race_that_needs_a_file_that_is_gone_says_so_and_changes_nothing(needy, person):
    before = whole_lines(needy)
    person.waits_for_an_offer(" was cut after ")
    person.resumes()
    person.hands.wait_for_end()
    assert f"The run '{needy.name}' cannot be resumed, because its race cannot be prepared any more: " in person.notice
    assert "tasks.csv" in person.notice and "Nothing was written" in person.notice
    assert whole_lines(needy) == before
    person.waits_for_an_offer(" was cut after ")


def test_a_race_file_that_cannot_be_read_is_a_sentence_and_the_offer_stays(half, person):
    person.waits_for_an_offer(" was cut after ")
    (cut,) = person.hands.window.resume_desk._cut
    damaged = half / "race.toml"
    damaged.write_text("this is no TOML")
    person.hands.window.storage_desk.open()
    person.hands.wait(lambda: person.hands.window.resume_desk._cut[0] is not cut)
    person.bar.resume.click()
    assert "race.toml" in person.notice
    assert person.offered and not person.hands.window.desk.running


def test_closing_the_window_while_it_replays_loses_nothing(nearly_whole, person):
    before = whole_lines(nearly_whole)
    person.waits_for_an_offer(" was cut after ")
    person.resumes_and_pauses_in_the_replay()
    assert person.hands.window.close()
    assert whole_lines(nearly_whole) == before
    assert [cut.run for cut in cut_runs(nearly_whole.parent)] == [nearly_whole.name]


def test_closing_the_window_beyond_the_replay_keeps_what_it_raced(barely_begun, person):
    before = JournalReader(barely_begun).rows("scheduler_results")
    person.waits_for_an_offer(" was cut after ")
    person.resumes()
    person.hands.wait_for_frame()
    person.hands.wait(lambda: not person.replaying)
    seen = person.hands.finished
    person.hands.wait(lambda: person.hands.finished > seen)
    seen = person.hands.finished
    assert person.hands.window.close()
    assert JournalReader(barely_begun).rows("scheduler_results") >= max(seen, before + 1)
    assert [cut.run for cut in cut_runs(barely_begun.parent)] == [barely_begun.name]


def test_one_that_is_stopped_while_it_replays_is_offered_again(long, nearly_whole, person):
    person.waits_for_an_offer(" was cut after ")
    person.resumes_and_pauses_in_the_replay()
    person.hands.press("stop")
    person.hands.wait_for_end()
    person.waits_for_an_offer(" was cut after ")
    person.resumes_and_waits()
    assert person.digests[-1] == long.digest
    assert rows(nearly_whole) == rows(long.folder)


def test_several_are_offered_one_after_the_other_the_newest_first(three, short, person):
    person.waits_for_an_offer(" 2 more before it.")
    assert [cut.run for cut in person.hands.window.resume_desk._cut] == [folder.name for folder in three]
    person.resumes_and_waits()
    person.waits_for_an_offer(" 1 more before it.")
    person.bar.keep.click()
    assert person.offered and "more before it" not in person.offered
    person.resumes_and_waits()
    person.hands.wait(lambda: not person.hands.window.resume_desk._cut)
    assert not person.offered
    digests = {race.folder.name: race.digest for race in short}
    assert person.digests == [digests[three[0].name], digests[three[2].name]]
    assert JournalReader(three[1]).result() is None and (three[1] / KEPT).exists()


@pytest.fixture
def written(half):
    """A run that another SchedRace has just begun to resume."""
    from persistence.journal.files import Journal

    other = Journal(half)
    yield half
    other.close()


def test_a_run_that_another_schedrace_writes_is_not_offered(written, hands):
    found = []
    hands.window.storage_desk.found_cut.connect(found.append)
    hands.window.storage_desk.open()
    hands.wait(lambda: found)
    assert found == [[]] and not hands.window.resume_desk.bar.isVisible()


def test_a_window_that_nobody_watches_offers_nothing(half, hands):
    hands.wait(lambda: hands.window.resume_desk._cut)
    hands.window.resume_desk.bar.hide()
    hands.window.remember = False
    hands.window.storage_desk.open()
    hands.bot.wait(300)
    assert not hands.window.resume_desk.bar.isVisible()
