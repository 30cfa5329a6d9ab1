"""What users copy from us works: templates, help pages, and the suite that checks their plugins."""

from __future__ import annotations

import inspect
import re
from importlib.resources import files
from pathlib import Path

import pytest

from engine.errors import InputError
from persistence.settings import StorageSettings
from persistence.storage import RESULT, StoragePlugin
from plugins import hookspecs
from plugins.clusters import parse_cluster
from plugins.conformance import check_file
from plugins.registry import load_registry
from plugins.template import new_plugin
from plugins.workloads.csv_file import read_workload

KINDS = ("scheduler", "estimator", "workload", "storage")
HELP = files("resources") / "help"


def page(name: str) -> str:
    return (HELP / name).read_text(encoding="utf-8")


def block(text: str, language: str, heading: str) -> str:
    """Return the first fenced block after the heading."""
    found = re.search(rf"```{language}\n(.*?)```", text[text.index(heading) :], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_of_each_kind_passes_every_check(tmp_path: Path, kind: str) -> None:
    path = new_plugin(tmp_path / "plugins", f"my_{kind}", kind)
    bad = [line.text for line in check_file(path) if not line.passed]
    assert not bad, "\n".join(bad)


def test_a_new_policy_is_in_the_registry_at_once(tmp_path: Path) -> None:
    new_plugin(tmp_path, "my_policy")
    registry = load_registry(tmp_path)
    assert registry.schedulers["my_policy"].summary


def test_a_new_storage_keeps_rows_and_how_far_it_has_got(tmp_path: Path) -> None:
    new_plugin(tmp_path, "my_storage", "storage")
    plugin = load_registry(tmp_path).storages["my_storage"]
    storage: StoragePlugin = plugin(StorageSettings(data_dir=tmp_path / "data"))
    storage.connect()
    rows = b"mct,0,1.5\nmct,1,2.5\n"
    for _ in range(2):  # a replay doubles nothing
        assert storage.take("run-1", "tasks", rows, len(rows)).rows == 2
    storage.finish("run-1", {"digest": "abc"})
    storage.close()
    storage.connect()
    assert storage.offsets() == {"run-1": {"tasks": len(rows), RESULT: 2}}
    assert storage.read("SELECT line FROM rows ORDER BY at") == [("mct,0,1.5\n",), ("mct,1,2.5\n",)]  # type: ignore[attr-defined]
    storage.close()


@pytest.mark.parametrize("name", ["My", "my-policy", "1st", "", "class", "oracle", "mct", "../evil"])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be a plugin's name|is taken by SchedRace"):
        new_plugin(tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = new_plugin(tmp_path, "mine")
    path.write_text("# edited")
    with pytest.raises(InputError, match="exists already"):
        new_plugin(tmp_path, "mine")
    assert path.read_text() == "# edited"


def test_an_unknown_kind_and_a_folder_that_cannot_be_made_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'scheduler'"):
        new_plugin(tmp_path, "mine", "schedular")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"exists already|cannot be written"):
        new_plugin(tmp_path / "file", "mine")


def test_the_help_page_names_every_hook_with_its_arguments() -> None:
    text = page("plugins.md")
    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("schedrace_")]
    assert hooks
    for hook in hooks:
        assert f"### {hook.__name__}({', '.join(inspect.signature(hook).parameters)})\n" in text
        assert (hook.__doc__ or "").startswith("Return ")


def test_the_policy_on_the_help_page_passes_every_check(tmp_path: Path) -> None:
    path = tmp_path / "shortest.py"
    path.write_text(block(page("plugins.md"), "python", "## A policy in one file"))
    bad = [line.text for line in check_file(path) if not line.passed]
    assert not bad, "\n".join(bad)


def test_the_files_on_the_help_page_can_be_read(tmp_path: Path) -> None:
    text = page("formats.md")
    path = tmp_path / "tasks.csv"
    path.write_text(block(text, "", "## Workload CSV"))
    assert len(read_workload(path)) == 2
    cluster = parse_cluster(block(text, "toml", "## Cluster TOML"), "formats.md")
    assert cluster.summary() == "4 CPU + 1 GPU"


SCHEDULER = """
from engine.placement import on, split
from engine.scheduler import Scheduler
class Bad(Scheduler):
    name = "bad"
    def place(self, pending, state):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return []", "disqualified: "),
        ("return [on(task, 99) for task in list(pending)]", "device 99"),
        ("raise ValueError('no')", "ValueError: no"),
        ("return [split(task, {0: 0.5, 1: 0.6}) for task in list(pending)]", "sum to 1.1"),
        (
            "import random; return [on(task, random.randrange(2)) for task in list(pending)]",
            "with the same seed differ",
        ),
    ],
)
def test_the_suite_finds_what_breaks_the_contract(tmp_path: Path, body: str, reason: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(SCHEDULER.format(body=body))
    lines = check_file(path)
    assert any(reason in line.text for line in lines if not line.passed)


def test_a_file_that_cannot_be_loaded_is_one_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def f(:\n")
    (line,) = check_file(path)
    assert not line.passed
    assert "syntax error in line 1" in line.text


def test_a_policy_with_the_name_of_a_built_in_one_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCHEDULER.format(body="return []").replace('"bad"', '"mct"'))
    assert any(not line.passed and "'mct'" in line.text for line in check_file(path))


def test_checking_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no plugin file"):
        check_file(tmp_path / "none.py")
