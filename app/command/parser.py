"""The options of every subcommand; nothing heavy is imported to read them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from app.command import (
    add_to_menu,
    check_db,
    cleanup,
    doctor,
    evaluate_model,
    export,
    history,
    import_runs,
    plugins,
    profile,
    race,
    verify,
    window,
)
from app.command.help_text import HelpText
from app.command.metrics_option import add_metrics_port
from engine.errors import did_you_mean

SUBCOMMANDS = {
    "race": race,
    "verify": verify,
    "evaluate-model": evaluate_model,
    "history": history,
    "export": export,
    "import-runs": import_runs,
    "profile": profile,
    "cleanup": cleanup,
    "check-db": check_db,
    "doctor": doctor,
    "plugins": plugins,
    "add-to-menu": add_to_menu,
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of reciting the usage, and never guesses an abbreviation."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:  # type: ignore[override]
        """Refuse what is not known here, where its neighbours are: the parser of the whole line knows only its own."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
            if name is None:
                self.error(f"'{unknown[0]}' is one argument too many.")
            self.error(f"There is no option '{name}'.{did_you_mean(name, self._options())}")
        return options, unknown

    def _options(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Print the sentence and leave with status 2."""
        end = "" if message.endswith((".", "?")) else "."
        print(f"{message[:1].upper()}{message[1:]}{end} See '{self.prog} --help'.", file=sys.stderr)
        raise SystemExit(2)


def parse(argv: list[str]) -> argparse.Namespace:
    """Return the options; ``run`` is the function of the subcommand (the window's when there is none)."""
    parser = _build()
    if argv and not argv[0].startswith("-") and argv[0] not in SUBCOMMANDS:
        parser.error(f"There is no command '{argv[0]}'.{did_you_mean(argv[0], SUBCOMMANDS)}")
    return parser.parse_args(argv)


def _build() -> Parser:
    parser = Parser(
        prog="schedrace",
        description="Scheduling policies for CPU+GPU clusters race on the same workload, live. "
        "Without a command the window opens.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    parser.add_argument("--autostart", action="store_true", help="start the default race at once")
    parser.add_argument(
        "--screenshot",
        metavar="FILE",
        type=Path,
        help="save a picture of the window as PNG and quit: once it is drawn, with --autostart after the race",
    )
    add_metrics_port(parser)
    parser.set_defaults(run=window.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for name, module in SUBCOMMANDS.items():
        sub = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=f"{module.SUMMARY[:1].upper()}{module.SUMMARY[1:]}.",
            epilog=getattr(module, "DETAILS", None),
            formatter_class=HelpText,
        )
        module.add_options(sub)
        sub.set_defaults(run=module.run)
    return parser
