"""``schedrace plugins``: what is installed, a new one from the template, a check of one's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from app.command.lines import MARKS
from plugins.record import PluginKind

if TYPE_CHECKING:
    from plugins.record import PluginRecord

RACES: Mapping[PluginKind, str] = {
    "scheduler": "--schedulers mct,{0}",
    "estimator": "--schedulers mct,mct+{0}",
    "workload": "--workload {0}",
    "storage": "--storage {0}",
}
"""The options of the first race with a new plugin."""
SUMMARY = "list the plugins, write a new one, check one of your own"

DETAILS = """\
A policy is one Python file in the plugins folder. 'schedrace plugins new my_policy' writes a working one there,
which races at once: schedrace race --schedulers mct,my_policy. 'schedrace plugins check FILE' runs a file through
the conformance suite.

exit status of check: 0 when every check is passed, else 1."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``new`` and ``check``."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list every plugin with its state")
    listing.add_argument("--json", action="store_true", help="print a JSON list instead of text")
    listing.set_defaults(action=_list)
    new = actions.add_parser("new", help="write a working, commented plugin into the plugins folder")
    new.add_argument("name", metavar="NAME", help="its name: small letters, digits and _")
    new.add_argument(
        "--kind", choices=get_args(PluginKind), default="scheduler", help="what it provides (default scheduler)"
    )
    new.set_defaults(action=_new)
    check = actions.add_parser("check", help="run a plugin file through the conformance suite")
    check.add_argument("file", metavar="FILE", type=Path, help="the plugin's Python file")
    check.set_defaults(action=_check)


def run(options: argparse.Namespace) -> int:
    """Do the chosen action."""
    return int(options.action(options))


def _list(options: argparse.Namespace) -> int:
    from plugins.registry import load_registry

    records = load_registry().plugins
    if options.json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(record) for record in records], indent=2, ensure_ascii=False))
    else:
        for record in records:
            _print_record(record)
    return 0


def _print_record(record: PluginRecord) -> None:
    version = f" {record.version}" if record.version else ""
    print(f"{record.name}{version} ({record.source}, {record.state}): {record.where}")
    if record.error:
        print(f"  {record.error}")
    for provided in record.provides:
        print(f"  {provided.kind:<10} {provided.name:<16} {provided.summary}")


def _new(options: argparse.Namespace) -> int:
    from plugins.discovery import plugins_folder
    from plugins.template import new_plugin

    path = new_plugin(plugins_folder(), options.name, options.kind)
    print(f"Written: {path}")
    print(f"It races at once: schedrace race {RACES[options.kind].format(options.name)}")
    print(f"Check it with: schedrace plugins check {path}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from plugins.conformance import check_file

    lines = check_file(options.file)
    for line in lines:
        print(f"{MARKS['ok' if line.passed else 'fail']}  {line.text}")
    failed = sum(not line.passed for line in lines)
    if failed:
        print(f"{failed} of {len(lines)} checks failed.", file=sys.stderr)
    return 1 if failed else 0
