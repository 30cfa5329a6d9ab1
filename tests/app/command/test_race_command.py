"""``schedrace race``: the contract that scripts build on."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main
from persistence.folder import ROOM_BYTES
from persistence.journal.reader import JournalReader
from persistence.recording import recorder

from .conftest import Command
from .test_export import largest_file

KEYS = {
    "run",
    "digest",
    "tasks",
    "seed",
    "workload",
    "cluster",
    "wall_seconds",
    "storage",
    "bound",
    "schedulers",
    "distances",
}
BOUND_KEYS = {"makespan_s", "critical_path_s", "work_s", "mean_response_s"}
STORAGE_KEYS = {"kind", "where", "why", "rows_written", "rows_pending", "rows_lost"}
ROW_KEYS = {
    "name",
    "status",
    "reason",
    "tasks",
    "makespan_s",
    "mean_response_s",
    "p50_response_s",
    "p95_response_s",
    "p99_response_s",
    "mean_wait_s",
    "mean_bounded_slowdown",
    "throughput_per_s",
    "utilisation",
    "energy_j",
    "cost",
    "jain",
    "regret",
    "gap",
    "deadline_misses",
    "deadline_miss_share",
    "moved_gb",
    "gpu_memory_peak_gb",
    "memory_refusals",
    "fragmentation",
    "decision_latency_s",
    "digest",
    "learning",
}
SMALL = ("race", "--tasks", "120", "--seed", "7", "--schedulers", "mct,met", "--storage", "none")
KERNELS = Path(__file__).parents[4] / "shared" / "traces" / "kernels" / "cgo17-nvidia.csv"


def strict(text: str) -> Any:
    """Parse JSON as the standard has it: NaN and Infinity are errors."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_one_object_and_nothing_else_on_standard_output(in_a_process: Command) -> None:
    said = in_a_process(*SMALL, "--json", "--timing")
    summary = strict(said.out)
    assert said.status == 0
    assert set(summary) == KEYS
    assert set(summary["storage"]) == STORAGE_KEYS
    assert all(set(row) == ROW_KEYS and set(row["utilisation"]) == {"cpu", "gpu"} for row in summary["schedulers"])
    assert set(summary["bound"]) == BOUND_KEYS
    for row in summary["schedulers"]:
        for figure, gap in row["gap"].items():
            assert gap >= 0
            assert row[f"{figure}_s"] == pytest.approx(summary["bound"][f"{figure}_s"] * (1 + gap))
    assert (summary["tasks"], summary["seed"], summary["workload"]) == (120, 7, "synthetic")
    assert [row["name"] for row in summary["schedulers"]] == ["mct", "met"]
    assert [row["status"] for row in summary["schedulers"]] == ["finished", "finished"]


def test_the_same_spec_gives_the_same_digest_in_another_process_with_and_without_storage(
    schedrace: Command, in_a_process: Command
) -> None:
    options = ("race", "--tasks", "300", "--seed", "3", "--schedulers", "mct,hybrid_ml,random", "--json")
    without = strict(schedrace(*options, "--storage", "none").out)
    recorded = strict(in_a_process(*options, "--storage", "csv").out)
    assert recorded["storage"]["kind"] == "csv"
    assert recorded["storage"]["rows_written"] == 900
    assert recorded["digest"] == without["digest"]
    assert [row["digest"] for row in recorded["schedulers"]] == [row["digest"] for row in without["schedulers"]]


def test_what_a_full_disk_did_not_take_counts_as_lost_and_the_run_can_be_finished_later(
    schedrace: Command, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PATIENCE_S", 0.3)
    race = ("race", "--tasks", "4000", "--schedulers", "mct,met,olb,random,hybrid_ml", "--seed", "2", "--json")
    with largest_file(ROOM_BYTES + 50_000):
        said = schedrace(*race, "--storage", "csv")
    cut = strict(said.out)
    (folder,) = (own_folders / "data" / "runs").iterdir()
    kept = JournalReader(folder).rows("scheduler_results")
    assert kept < 20_000
    assert {name: cut["storage"][name] for name in ("rows_written", "rows_pending", "rows_lost")} == {
        "rows_written": kept,
        "rows_pending": 0,
        "rows_lost": 20_000 - kept,
    }
    assert said.status == 1
    assert f"are lost. 'schedrace race --resume {folder.name}' finishes the run once there is room." in said.err
    resumed = strict(schedrace("race", "--storage", "csv", "--resume", folder.name, "--json").out)
    assert (resumed["storage"]["rows_written"], resumed["storage"]["rows_lost"]) == (20_000, 0)
    assert resumed["digest"] == strict(schedrace(*race, "--storage", "none").out)["digest"]


def test_no_race_starts_when_not_even_its_first_rows_have_room(schedrace: Command, own_folders: Path) -> None:
    with largest_file(ROOM_BYTES - 1):
        said = schedrace("race", "--tasks", "20", "--schedulers", "mct", "--storage", "csv")
    assert said.status == 1 and said.out == ""
    assert "there is no room on its disk. No race was started." in said.err
    assert list((own_folders / "data" / "runs").iterdir()) == []


def test_another_seed_gives_another_digest(schedrace: Command) -> None:
    one, two = (strict(schedrace(*SMALL, "--json", "--seed", seed).out)["digest"] for seed in (1, 2))
    assert one != two


def test_the_table_names_every_scheduler(schedrace: Command) -> None:
    said = schedrace(*SMALL)
    assert said.status == 0
    assert "mct" in said.out
    assert "met" in said.out
    assert "energy" in said.out
    assert sum(line.split()[:1] == ["bound"] for line in said.out.splitlines()) == 1
    assert said.err == ""
    assert max(len(line.rstrip()) for line in said.out.splitlines()) <= 80


def test_quiet_prints_nothing(schedrace: Command) -> None:
    said = schedrace(*SMALL, "--quiet")
    assert (said.status, said.out, said.err) == (0, "", "")


def test_timing_says_where_the_time_went_for_each_scheduler(schedrace: Command) -> None:
    said = schedrace(*SMALL, "--quiet", "--timing")
    assert said.out == ""
    for part in ("preparing", "racing", "mct", "met", "recording", "flush"):
        assert part in said.err


def test_all_races_every_built_in_and_says_who_was_left_out(schedrace: Command) -> None:
    options = ("race", "--tasks", "60", "--schedulers", "all", "--storage", "none")
    names = {row["name"] for row in strict(schedrace(*options, "--json").out)["schedulers"]}
    assert {"round_robin", "random", "met", "mct", "hybrid_ml", "rl_agent", "oracle"} <= names


def test_out_holds_a_row_for_each_scheduler_and_task_and_the_race_itself(schedrace: Command, tmp_path: Path) -> None:
    out = tmp_path / "a folder" / "out"
    said = schedrace(*SMALL, "--json", "--out", out)
    with (out / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted((row["scheduler"], int(row["task"])) for row in rows) == [
        (name, task) for name in ("mct", "met") for task in range(120)
    ]
    assert {path.name for path in out.iterdir()} == {"results.csv", "summary.json", "race.toml"}
    assert strict((out / "summary.json").read_text()) == strict(said.out)
    responses = [float(row["finish_s"]) - float(row["arrival_s"]) for row in rows if row["scheduler"] == "mct"]
    assert math.isclose(sum(responses) / 120, strict(said.out)["schedulers"][0]["mean_response_s"], rel_tol=1e-12)


def test_the_race_file_of_a_run_races_to_the_same_bits(schedrace: Command, tmp_path: Path) -> None:
    first = schedrace(*SMALL, "--json", "--out", tmp_path, "--param", "synthetic.noise=0.2")
    again = schedrace("race", tmp_path / "race.toml", "--storage", "none", "--json", "--out", tmp_path / "two")
    assert strict(again.out)["digest"] == strict(first.out)["digest"]
    assert (tmp_path / "two" / "results.csv").read_bytes() == (tmp_path / "results.csv").read_bytes()


def test_options_override_the_race_file(schedrace: Command, tmp_path: Path) -> None:
    file = tmp_path / "race.toml"
    file.write_text("seed = 1\ntasks = 50\n[[scheduler]]\nname = 'mct'\n")
    summary = strict(schedrace("race", file, "--tasks", "60", "--storage", "none", "--json").out)
    assert (summary["seed"], summary["tasks"]) == (1, 60)


@pytest.mark.parametrize("owner", ["mct+forest", "forest"])
def test_a_parameter_reaches_the_estimator_by_lane_or_by_name(schedrace: Command, owner: str) -> None:
    options = ("race", "--tasks", "200", "--schedulers", "mct+forest", "--storage", "none", "--json")
    plain = strict(schedrace(*options).out)
    changed = strict(schedrace(*options, "--param", f"{owner}.interval=20").out)
    assert plain["digest"] != changed["digest"]


def test_a_parameter_reaches_the_workload(schedrace: Command) -> None:
    plain = strict(schedrace(*SMALL, "--json").out)
    changed = strict(schedrace(*SMALL, "--json", "--param", "synthetic.sizes=pareto").out)
    assert plain["digest"] != changed["digest"]


def test_a_parameter_reaches_the_reader_of_a_file_that_was_recognised(schedrace: Command, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text("".join(f"{i + 1} {10 * i} 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n" for i in range(6)))
    race = ("race", "--storage", "none", "--schedulers", "fcfs", "--json", "--cluster", "processors:4")
    assert strict(schedrace(*race, "--workload", log, "--param", "swf.from_s=25").out)["tasks"] == 3


def test_a_parameter_of_a_recognised_reader_reaches_it_when_all_policies_race(
    schedrace: Command, tmp_path: Path
) -> None:
    matrix = tmp_path / "small.0"
    matrix.write_text("2 2 0\n" + "1.5\n2.5\n3.5\n1.5\n")
    race = ("race", "--storage", "none", "--json", "--workload", matrix, "--schedulers", "all")
    whole, divisible = (
        {row["name"] for row in strict(schedrace(*race, "--param", f"etc_matrix.divisible={on}").out)["schedulers"]}
        for on in ("false", "true")
    )
    assert "easy" in whole - divisible and "lp_split" in divisible - whole


def test_the_table_names_its_measure_and_who_ends_first_where_that_is_another(
    schedrace: Command, tmp_path: Path
) -> None:
    batch = tmp_path / "batch.csv"
    batch.write_text("arrival_s,actual_cpu_s\n0,2\n0,2\n0,2\n0,6\n")
    answer = schedrace(
        "race", "--storage", "none", "--workload", batch, "--cluster", "machines:2", "--schedulers", "min_min,max_min"
    )
    assert "min_min wins" in answer.out and "(by mean response)" in answer.out
    assert "By makespan max_min is first, 33\u00a0% ahead of min_min.\n" in answer.out
    assert "makespan" in answer.out and "energy" not in answer.out and "regret" not in answer.out


def test_all_means_those_that_can_serve_the_workload_with_its_parameters(schedrace: Command) -> None:
    batch = ("race", "--workload", "braun", "--cluster", "machines:3", "--tasks", "12", "--storage", "none", "--json")
    whole, split = (
        {row["name"] for row in strict(schedrace(*batch, "--schedulers", "all", "--param", setting).out)["schedulers"]}
        for setting in ("braun.divisible=false", "braun.divisible=true")
    )
    assert "lp_split" in split - whole
    assert "easy" in whole - split


def test_a_drift_slows_devices_and_comes_back_from_the_race_file(schedrace: Command, tmp_path: Path) -> None:
    plain = strict(schedrace(*SMALL, "--json").out)
    slowed = strict(schedrace(*SMALL, "--drift", "gpu@0.5=0.5", "--out", tmp_path, "--json").out)
    assert slowed["schedulers"][0]["mean_response_s"] > plain["schedulers"][0]["mean_response_s"]
    again = strict(schedrace("race", tmp_path / "race.toml", "--storage", "none", "--json").out)
    assert again["digest"] == slowed["digest"]
    other = schedrace("race", tmp_path / "race.toml", "--drift", "gpu-0@0.5=0.5", "--storage", "none", "--json").out
    assert strict(other)["digest"] not in (slowed["digest"], plain["digest"])


def test_weights_change_what_mct_does_and_come_back_from_the_race_file(schedrace: Command, tmp_path: Path) -> None:
    plain = strict(schedrace(*SMALL, "--json").out)
    weighted = strict(schedrace(*SMALL, "--json", "--weights", "energy=0.02", "--out", tmp_path).out)
    before, after = ({row["name"]: row["digest"] for row in race["schedulers"]} for race in (plain, weighted))
    assert before["mct"] != after["mct"]
    assert before["met"] == after["met"]  # which has no score
    again = strict(schedrace("race", tmp_path / "race.toml", "--storage", "none", "--json").out)
    assert again["digest"] == weighted["digest"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--schedulers", "mct,hybird_ml"), "There is no scheduler 'hybird_ml'. Did you mean 'hybrid_ml'?"),
        (("--schedulers", "mct+forrest"), "There is no estimator 'forrest'. Did you mean 'forest'?"),
        (("--schedulers", ","), "--schedulers names none"),
        (("--schedulers", "mct,mct"), "--schedulers names 'mct' twice; list it once."),
        (("--workload", "syntetic"), "There is no workload 'syntetic', and no such file. Did you mean 'synthetic'?"),
        (("--workload", "none.csv"), "There is no workload file 'none.csv'"),
        (("--cluster", "defalt"), "Did you mean 'default'?"),
        (("--tasks", "0"), "at least 1 task; you asked for 0"),
        (("--tasks", "-5"), "at least 1 task; you asked for -5"),
        (("--tasks", "999999999999"), "at most 100,000,000 tasks; you asked for 999,999,999,999"),
        (("--workload", "/"), "'/' is a folder; name the workload file in it"),
        (("--tasks", "many"), "many"),
        (("--load", "0"), "The load is 0.0"),
        (("--seed", "-1"), "The seed is -1"),
        (("--param", "mct.speed=1"), "no parameter 'speed'"),
        (("--param", "synthetic.noize=1"), "Did you mean 'noise'?"),
        (("--param", "mtc.x=1"), "nothing in this race is called 'mtc'. Did you mean"),
        (("--param", "interval"), "write --param NAME.KEY=VALUE"),
        (("--weights", "time=1,power=2"), "--weights has 'power', which is none of time, energy, cost"),
        (("--weights", "time=1,time=2"), "--weights names 'time' twice"),
        (("--weights", "energy=much"), "--weights energy='much' is not a number"),
        (("--weights", "energy=-1"), "The weight of energy is -1.0"),
        (("--weights", "time=0"), "All weights are 0"),
        (("--drift", "gpu"), "'gpu' is not a drift; write --drift DEVICES@SHARE=FACTOR"),
        (("--drift", "gpu@half=0.5"), "'gpu@half=0.5' is not a drift"),
        (("--drift", "gpu@0.5=0"), "The drift 'gpu@0.5=0' has the factor 0"),
        (("--drift", "gqu@0.5=0.5"), "concerns no device of cluster 'default'. Write cpu, gpu or the id"),
        (("--storage", "postgres"), "Did you mean 'postgresql'?"),
        (("--storage", "csv", "--db-url", "postgresql://u@h/d"), "leave one of them out"),
        (("--db-url", "mysql://u:secret@h/d"), "mysql"),
        (("--db-url", "postgresql://u:secret@h:99999/d"), "has the port 99999; a port is a number from 1 to 65535"),
        (("--sead", "1"), "There is no option '--sead'. Did you mean '--seed'?"),
        (("nothing.toml",), "There is no race file 'nothing.toml'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(schedrace: Command, options: tuple[str, ...], said: str) -> None:
    answer = schedrace("race", "--tasks", "20", "--json", *options)
    assert answer.status == 2
    assert answer.out == ""
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert "secret" not in answer.err
    assert answer.err.count("\n") == 1


def test_every_bad_cell_of_a_workload_file_is_named_and_nothing_starts(schedrace: Command, tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,2\n1,x,2\n2,1,-3\n")
    answer = schedrace("race", "--workload", file, "--json", "--out", tmp_path / "out")
    assert answer.status == 2
    assert answer.out == ""
    assert "3" in answer.err
    assert "actual_cpu_s" in answer.err
    assert "actual_gpu_s" in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ('kind = "cpu"\nidle_w = -5', "idle_w"),
        ('kind = "tpu"', "tpu"),
        ('kind = "cpu"\nspead = 2', "Did you mean 'speed'?"),
    ],
)
def test_what_is_wrong_in_a_cluster_file_is_named(schedrace: Command, tmp_path: Path, device: str, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'name = "mine"\n[[device]]\nid = "node"\nmodel = "cpu"\n{device}\n')
    answer = schedrace("race", "--cluster", file, "--storage", "none")
    assert answer.status == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_a_task_that_fits_no_device_is_named(schedrace: Command, tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text("id,arrival_s,actual_cpu_s,actual_gpu_s,memory_gb\na,0,1,2,1\nb,1,1,2,1e6\n")
    answer = schedrace("race", "--workload", file, "--schedulers", "mct", "--storage", "none")
    assert answer.status == 2
    assert "1" in answer.err
    assert "memory" in answer.err.lower()


POLICY = """
from engine.placement import Placement, on, split
from engine.scheduler import Scheduler

class Policy(Scheduler):
    name = "bad"
    def place(self, pending, state):
        for task in pending:
            {body}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('my own mistake')", "it raised valueerror: my own mistake at mine.py, line 9"),
        ("yield Placement(task, ((0, 0.4), (4, 0.4)))", "0.8"),
        ("yield Placement(task, ((0, float('nan')),))", "nan"),
        ("yield on(task, 99)", "99"),
        ("yield on(task, 0); yield on(task, 0)", "placed before"),
        ("if state.now < 0: yield on(task, 0)", "never"),
    ],
)
def test_a_policy_that_misbehaves_is_disqualified_and_the_others_race_on(
    schedrace: Command, drop_in: Any, body: str, reason: str
) -> None:
    drop_in("mine", POLICY.format(body=body))
    answer = schedrace("race", "--tasks", "30", "--schedulers", "bad,mct", "--storage", "none", "--json")
    rows = strict(answer.out)["schedulers"]
    assert answer.status == 1
    assert [row["status"] for row in rows] == ["disqualified", "finished"]
    assert rows[1]["tasks"] == 30
    assert rows[0]["reason"] in answer.err
    assert answer.err.startswith("bad was disqualified: ")
    assert "Traceback" not in answer.err
    assert reason in rows[0]["reason"].lower()


def test_a_plugin_that_does_not_parse_takes_nothing_with_it(schedrace: Command, drop_in: Any) -> None:
    drop_in("broken", "def place(:\n")
    assert schedrace(*SMALL).status == 0


def test_a_data_folder_that_cannot_be_written_is_said_before_the_race(
    schedrace: Command, own_folders: Path, tmp_path: Path
) -> None:
    (own_folders / "data").write_text("a file where the folder should be")
    out = tmp_path / "out"
    answer = schedrace("race", "--tasks", "50", "--schedulers", "mct", "--storage", "csv", "--json", "--out", out)
    assert (answer.status, answer.out) == (1, "")
    assert f"Nothing can be recorded in {own_folders / 'data' / 'runs'}: Not a directory. No race was" in answer.err
    assert "SCHEDRACE_DATA_DIR" in answer.err
    assert not any(out.iterdir())


def test_a_race_that_records_nothing_needs_no_data_folder(schedrace: Command, own_folders: Path) -> None:
    (own_folders / "data").write_text("a file where the folder should be")
    assert schedrace(*SMALL).status == 0


@pytest.mark.parametrize(
    ("place", "reason"), [("file", "there is a file in its place"), ("file/deeper", "Not a directory")]
)
def test_a_results_folder_that_cannot_be_written_is_wrong_usage(
    schedrace: Command, own_folders: Path, tmp_path: Path, place: str, reason: str
) -> None:
    (tmp_path / "file").write_text("not ours")
    answer = schedrace(*SMALL, "--storage", "csv", "--json", "--out", tmp_path / place)
    assert (answer.status, answer.out) == (2, "")
    assert f"The results cannot be written to '{tmp_path / place}': {reason}. Choose another folder." in answer.err
    assert (tmp_path / "file").read_text() == "not ours"
    assert not (own_folders / "data").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to every folder")
def test_a_read_only_results_folder_is_wrong_usage(schedrace: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    answer = schedrace(*SMALL, "--out", tmp_path)
    assert answer.status == 2
    assert "Permission denied" in answer.err


def test_results_are_not_scattered_where_one_happens_to_be(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = schedrace(*SMALL, "--out", "")
    assert answer.status == 2
    assert "--out: it is empty; name a folder" in answer.err
    assert not any(tmp_path.iterdir())


def test_a_race_that_is_killed_leaves_nothing_half_written_in_the_results_folder(
    own_folders: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = racing("--schedulers", "mct,met,random,olb", "--storage", "csv", "--out", str(out))
    wait_for_rows(process, own_folders)
    process.kill()
    process.communicate(timeout=60)
    assert out.is_dir()
    assert not any(out.iterdir())


def test_a_database_that_does_not_answer_is_said_and_the_rows_wait_in_the_journal(
    schedrace: Command, own_folders: Path
) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/nowhere"
    answer = schedrace("race", "--tasks", "50", "--schedulers", "mct", "--db-url", url, "--json")
    storage = strict(answer.out)["storage"]
    assert answer.status == 1
    assert storage["kind"] == "csv"
    assert "secret" not in answer.out + answer.err
    assert "127.0.0.1" in answer.err
    assert "Nothing is lost: 50 task results are safe in the journal" in answer.err
    assert answer.err.rstrip().endswith("or by: schedrace import-runs --db-url URL")
    assert list((own_folders / "data" / "runs").iterdir())


def test_a_database_of_the_environment_that_does_not_answer_fails_no_race_and_the_help_says_so(
    schedrace: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", "postgresql://someone@127.0.0.1:1/nowhere")
    answer = schedrace("race", "--tasks", "50", "--schedulers", "mct", "--json")
    assert (answer.status, strict(answer.out)["storage"]["kind"]) == (0, "csv")
    assert answer.err.rstrip().endswith("uses that database, or by: schedrace import-runs")
    said = " ".join(schedrace("race", "--help").out.split())
    assert "That is a failure (1) only for who asks for a database in the command, by --db-url or" in said


def test_the_default_storage_is_a_postgresql_of_our_own_that_check_db_finds_healthy(in_a_process: Command) -> None:
    options = ("race", "--tasks", "80", "--schedulers", "mct,met", "--json")
    recorded = strict(in_a_process(*options).out)
    assert recorded["storage"]["kind"] == "postgresql-embedded", recorded["storage"]["why"]
    assert recorded["storage"]["rows_written"] == 160
    assert recorded["storage"]["rows_pending"] == 0
    assert recorded["digest"] == strict(in_a_process(*options, "--storage", "none").out)["digest"]
    check = in_a_process("check-db", "--json")
    assert check.status == 0, check.out
    assert strict(check.out)["tables"]["scheduler_results"] == 160


def racing(*options: str) -> subprocess.Popen[str]:
    """Start a race that takes longer than any test waits."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", "race", "--tasks", "100000", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_rows(process: subprocess.Popen[str], own_folders: Path) -> None:
    """Wait until some tasks have finished."""
    while process.poll() is None:
        if any(path.stat().st_size > 1000 for path in own_folders.glob("data/runs/*/scheduler_results.csv")):
            return
        time.sleep(0.02)  # the growth of a file has no event to await
    raise AssertionError(f"the race has ended: {process.communicate()}")


def test_ctrl_c_stops_the_race_and_keeps_what_was_finished(own_folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = racing("--schedulers", "mct,met,random,olb", "--storage", "csv", "--json", "--out", str(out))
    wait_for_rows(process, own_folders)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    summary = strict(printed)
    assert {row["status"] for row in summary["schedulers"]} == {"stopped"}
    done = sum(row["tasks"] for row in summary["schedulers"])
    assert 0 < done < 400_000
    assert "Stopped before the end" in said
    assert len((out / "results.csv").read_text().splitlines()) == 1 + done
    assert summary["storage"]["rows_written"] == done


@pytest.mark.skipif(not KERNELS.exists(), reason="the measured kernels are not beside this repository")
def test_measured_kernels_race(schedrace: Command) -> None:
    answer = schedrace("race", "--workload", KERNELS, "--storage", "none", "--json")
    summary = strict(answer.out)
    assert answer.status == 0
    assert summary["tasks"] == 680
    assert all(row["status"] == "finished" for row in summary["schedulers"])


def test_a_race_that_records_nothing_imports_no_database_no_learner_and_no_qt() -> None:
    code = (
        "import sys; from app.__main__ import main; "
        f"main({[*SMALL, '--json']!r}); "
        "heavy = {'PySide6', 'sklearn', 'sqlalchemy', 'psycopg2', 'alembic', 'pyarrow', 'scipy', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stderr.strip() == "[]"


def test_help_documents_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["race", "--help"])
    text = capsys.readouterr().out
    assert leaving.value.code == 0
    for key in ROW_KEYS | KEYS | STORAGE_KEYS | BOUND_KEYS:
        assert key in text
    assert "exit status" in text


ENDLESS = """
from engine.scheduler import Scheduler

class Endless(Scheduler):
    name = "endless"

    def place(self, pending, state):
        open({reached!r}, "w").close()
        while True:
            pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
def test_one_signal_ends_a_policy_that_never_returns_and_the_results_are_printed(
    own_folders: Path, tmp_path: Path, number: signal.Signals
) -> None:
    plugins, reached = Path(os.environ["SCHEDRACE_PLUGINS"]), tmp_path / "reached"
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "endless.py").write_text(ENDLESS.format(reached=str(reached)))
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *SMALL[:-4], "--schedulers", "mct,endless", "--storage", "none", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not reached.exists():
        time.sleep(0.02)  # the appearance of a file has no event to await
    began = time.perf_counter()
    process.send_signal(number)
    printed, said = process.communicate(timeout=30)
    assert time.perf_counter() - began < 6
    assert process.returncode == 130
    assert "does not return is interrupted" in said
    assert "Stopped before the end" in said
    assert "Traceback" not in said
    assert strict(printed)["schedulers"][1]["status"] == "stopped"


def test_an_empty_database_url_is_refused(schedrace: Command) -> None:
    answer = schedrace("race", "--tasks", "5", "--db-url", "")
    assert answer.status == 2
    assert "--db-url is empty" in answer.err


def test_what_a_plugin_prints_does_not_reach_the_json(schedrace: Command) -> None:
    plugins = Path(os.environ["SCHEDRACE_PLUGINS"])
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "talker.py").write_text(
        "from engine.placement import on\nfrom engine.scheduler import Scheduler\nprint('loading')\n"
        "class Talker(Scheduler):\n    name = 'talker'\n    def place(self, pending, state):\n"
        "        print('placing')\n        return [on(task, 0) for task in pending]\n"
    )
    answer = schedrace("race", "--tasks", "5", "--schedulers", "talker", "--storage", "none", "--json")
    assert strict(answer.out)["schedulers"][0]["status"] == "finished"
    assert "placing" in answer.err


def test_metrics_port_serves_the_race_while_it_runs_and_port_0_says_where(tmp_path: Path) -> None:
    options = ["race", "--tasks", "100000", "--schedulers", "mct,met", "--storage", "csv", "--metrics-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with process, process.stderr:
        place = process.stderr.readline().removeprefix("The metrics are at ").strip()
        finished = 0.0
        while finished == 0:
            with urllib.request.urlopen(place, timeout=5) as page:
                (line,) = [line for line in page if line.startswith(b"schedrace_race_tasks_finished_total ")]
            finished = float(line.split()[1])
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert place.startswith("http://127.0.0.1:")
    assert 0 < finished < 200_000
    assert process.returncode == 130, said


def test_a_metrics_port_in_use_is_wrong_usage_and_no_race(schedrace: Command, own_folders: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = schedrace(*SMALL, "--storage", "csv", "--metrics-port", port)
    assert said.status == 2
    assert said.err.startswith(f"The metrics cannot be served at port {port}: Address already in use.")
    assert not (own_folders / "data" / "runs").exists()


def test_without_metrics_port_nothing_is_imported_for_it() -> None:
    race = "main(['race', '--tasks', '20', '--schedulers', 'mct', '--storage', 'csv', '--quiet'])"
    heavy = "{'prometheus_client', 'http.server', 'app.metrics_endpoint'}"
    code = f"import sys; from app.__main__ import main; {race}; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
