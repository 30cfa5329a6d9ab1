"""Plugins from all sources; a broken one is a record and takes nothing with it."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.scheduler import Scheduler
from plugins import discovery
from plugins.hookspecs import hookimpl
from plugins.record import PluginRecord
from plugins.registry import Registry, load_registry

POLICY = """
from engine.scheduler import Scheduler
class {class_name}(Scheduler):
    name = "{name}"
    def place(self, pending, state):
        return []
"""


def policy(name: str, class_name: str = "Mine") -> str:
    return POLICY.format(name=name, class_name=class_name)


def dropped(folder: Path, **files: str) -> Registry:
    folder.mkdir(exist_ok=True)
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text, encoding="utf-8")
    return load_registry(folder)


def record(registry: Registry, name: str) -> PluginRecord:
    return next(r for r in registry.plugins if r.name == name and r.source != "built-in")


def test_the_built_in_plugins_come_through_the_same_hooks() -> None:
    registry = load_registry(plugins=[])
    built_in = {r.name for r in registry.plugins if r.source == "built-in"}
    assert built_in == {"schedulers", "estimators", "workloads", "storage"}
    assert {"round_robin", "random", "met", "cpu_only", "gpu_only", "mct", "rl_agent"} <= set(registry.schedulers)
    assert next(iter(registry.workloads)) == "synthetic"
    assert registry.aliases["oracle"] == "mct+true"


def test_a_file_in_the_folder_is_active_at_once_without_any_hook(tmp_path: Path) -> None:
    registry = dropped(tmp_path, mine='"""Mine is best.\n\nLong text."""\n__version__ = "2.1"\n' + policy("my_policy"))
    mine = record(registry, "mine")
    assert (mine.state, mine.source, mine.where) == ("active", "drop-in", str(tmp_path / "mine.py"))
    assert (mine.description, mine.version) == ("Mine is best.", "2.1")
    assert [(thing.kind, thing.name) for thing in mine.provides] == [("scheduler", "my_policy")]
    assert "my_policy" in registry.schedulers
    assert registry.schedulers["my_policy"].__module__ == "schedrace_dropin.mine"


def test_a_file_may_use_hooks_and_then_only_these_count(tmp_path: Path) -> None:
    text = policy("shown", "Shown") + policy("hidden", "Hidden")
    text += "from plugins.hookspecs import hookimpl\n@hookimpl\ndef schedrace_schedulers():\n    return [Shown]\n"
    registry = dropped(tmp_path, hooked=text)
    assert "shown" in registry.schedulers
    assert "hidden" not in registry.schedulers


def test_files_and_classes_that_begin_with_an_underscore_are_left_out(tmp_path: Path) -> None:
    registry = dropped(tmp_path, _off=policy("off"), on=policy("base", "_Base") + policy("on"))
    assert [r.name for r in registry.plugins if r.source == "drop-in"] == ["on"]
    assert "base" not in registry.schedulers


def test_imported_policies_are_not_taken_for_the_files_own(tmp_path: Path) -> None:
    registry = dropped(tmp_path, mine="from plugins.schedulers.mct import Mct\nclass Mine(Mct):\n    name = 'my_mct'\n")
    assert [thing.name for thing in record(registry, "mine").provides] == ["my_mct"]


BROKEN = {
    "syntax": ("def f(:\n", "has a syntax error in line 1"),
    "raises": ("x = 1\n1 / 0\n", "raises ZeroDivisionError: division by zero in line 2"),
    "leaves": ("import sys\nsys.exit(3)\n", "leaves the program in line 2"),
    "missing": ("import no_such_module_here\n", "needs the module 'no_such_module_here' in line 1"),
    "nothing": ("x = 1\n", "provides nothing"),
    "nameless": (policy("x").replace('name = "x"', "pass"), "Class Mine has no name"),
    "badname": (policy("My Policy"), "has the name 'My Policy'; a name is small letters"),
    "placeless": (policy("x").replace("def place", "def palce"), "has no method 'place'"),
    "reserved": (policy("oracle"), "'oracle' (class Mine) is taken by SchedRace"),
    "clash": (policy("mct"), "a scheduler called 'mct', but 'schedulers' has brought one"),
    "twins": (policy("twin", "A") + policy("twin", "B"), "called 'twin', but 'twins' has brought one"),
    "params": (policy("x") + "    class Params:\n        a = 1\n", "Params that are no dataclass"),
    "unhooked": (
        "from plugins.hookspecs import hookimpl\n@hookimpl\ndef schedrace_schedulres():\n    return []\n",
        "unknown hook",
    ),
    "nolist": (
        "from plugins.hookspecs import hookimpl\n@hookimpl\ndef schedrace_schedulers():\n    return 7\n",
        "returned 7; it must return a list",
    ),
    "noclass": (
        "from plugins.hookspecs import hookimpl\n@hookimpl\ndef schedrace_schedulers():\n    return ['x']\n",
        "returned 'x'; it must return subclasses of Scheduler",
    ),
}


@pytest.mark.parametrize("stem", BROKEN)
def test_a_broken_file_is_listed_with_its_reason_and_the_rest_works(tmp_path: Path, stem: str) -> None:
    text, reason = BROKEN[stem]
    registry = dropped(tmp_path, **{stem: text}, good=policy("good"))
    broken = record(registry, stem)
    assert broken.state == "failed"
    assert reason in broken.error
    assert broken.provides == ()
    assert "good" in registry.schedulers
    assert "mct" in registry.schedulers
    assert f"schedrace_dropin.{stem}" not in sys.modules or stem not in ("syntax", "raises", "leaves", "missing")


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    assert "ZeroDivisionError" in record(dropped(tmp_path, raises="1 / 0\n"), "raises").traceback


def test_a_file_that_is_no_text_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "bytes.py").write_bytes(b"\x00\xff\xfe")
    broken = record(load_registry(tmp_path), "bytes")
    assert broken.state == "failed"
    assert "is no Python source (source code string cannot contain null bytes)" in broken.error
    assert "line" not in broken.error


def test_an_edited_file_is_loaded_afresh_within_the_same_second(tmp_path: Path) -> None:
    assert "one" in dropped(tmp_path, mine=policy("one")).schedulers
    assert "two" in dropped(tmp_path, mine=policy("two")).schedulers
    assert not list(tmp_path.glob("__pycache__"))


def test_parameters_must_be_declared_with_help_and_a_default_in_bounds(tmp_path: Path) -> None:
    head = "from dataclasses import dataclass\nfrom engine.params import parameter\n"
    params = "    @dataclass(frozen=True)\n    class Params:\n        a: int = {}\n"
    registry = dropped(
        tmp_path,
        plain=head + policy("plain") + params.format("3"),
        outside=head + policy("outside") + params.format("parameter(3, 'help', high=2)"),
        key=head + policy("key") + params.replace(" a:", " label:").format("parameter(3, 'help')"),
        fine=head + policy("fine") + params.format("parameter(3, 'help', high=4)"),
    )
    assert "not declared with engine.params.parameter" in record(registry, "plain").error
    assert "'label', which race files use" in record(registry, "key").error
    assert "must be between" in record(registry, "outside").error
    assert "fine" in registry.schedulers


def test_a_folder_that_does_not_exist_holds_no_plugins(tmp_path: Path) -> None:
    assert all(r.source == "built-in" for r in load_registry(tmp_path / "none").plugins)


def test_a_folder_that_cannot_be_read_is_a_failed_record(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = load_registry(tmp_path / "file")
    assert "cannot be read" in record(registry, "plugins folder").error
    assert "mct" in registry.schedulers


def test_a_dangling_link_takes_nothing_with_it(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    registry = dropped(tmp_path, good=policy("good"))
    assert "cannot be read: No such file" in record(registry, "gone").error
    assert "good" in registry.schedulers


def test_only_the_plugins_named_in_the_variable_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(discovery.ONLY_VARIABLE, "good, other")
    registry = dropped(tmp_path, good=policy("good"), bad="1 / 0")
    assert (record(registry, "good").state, record(registry, "bad").state) == ("active", "disabled")


@pytest.mark.skipif(os.name != "posix", reason="file owners are a matter of POSIX")
def test_a_file_of_another_account_waits_for_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4711)
    if owner == 0:  # a file of root's is trusted by everybody: give it to somebody else
        (tmp_path / "mine.py").touch()
        os.chown(tmp_path / "mine.py", 4712, -1)
    registry = dropped(tmp_path, mine=policy("mine"))
    assert record(registry, "mine").state == "waiting for trust"
    assert "mine" not in registry.schedulers


def test_the_first_of_two_plugins_with_one_name_wins(tmp_path: Path) -> None:
    registry = dropped(tmp_path, a=policy("same"), b=policy("same"))
    assert (record(registry, "a").state, record(registry, "b").state) == ("active", "failed")


class _Distribution(metadata.Distribution):
    """An installed package with one entry point, as importlib.metadata sees it."""

    def read_text(self, filename: str) -> str | None:
        texts = {
            "METADATA": "Metadata-Version: 2.1\nName: race-kit\nVersion: 1.2.3\nSummary: Policies of ours\n",
            "entry_points.txt": "[schedrace]\nkit = race_kit_module\ngone = no_such_module_here\n",
        }
        return texts.get(filename)

    def locate_file(self, path: Any) -> Any:
        return Path("/nowhere") / str(path)


def test_installed_packages_bring_plugins_and_one_that_cannot_be_imported_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("race_kit_module")

    class Kit(Scheduler):
        name = "kit"

        def place(self, pending: Any, state: Any) -> Any:
            return []

    module.schedrace_schedulers = hookimpl(lambda: [Kit], specname="schedrace_schedulers")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "race_kit_module", module)
    points = _Distribution().entry_points
    monkeypatch.setattr(discovery.metadata, "entry_points", lambda group: points.select(group=group))
    registry = load_registry(tmp_path)
    kit, gone = record(registry, "kit"), record(registry, "gone")
    assert (kit.state, kit.source, kit.version, kit.description) == (
        "active", "entry point", "1.2.3", "Policies of ours",
    )  # fmt: skip
    assert kit.where == "race-kit: race_kit_module"
    assert gone.state == "failed"
    assert "needs the module 'no_such_module_here'" in gone.error
    assert "kit" in registry.schedulers
