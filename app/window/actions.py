"""The one table of actions: menus, toolbar and shortcuts all read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action: ``does`` names what carries it out, as seen from the main window (``files.open_race``)."""

    id: str
    title: str
    does: str
    tip: str
    shortcut: str = ""
    icon: str = ""
    checkable: bool = False


ACTIONS = (
    ActionSpec("start", "Start", "desk.toggle", "Start the race; while it runs, pause and resume it", "F5"),
    ActionSpec("step", "Step", "desk.step", "Pause, and let exactly one more thing happen", "F10", "step"),
    ActionSpec("stop", "Stop", "desk.stop", "End the race here; what has finished is kept", "Shift+F5", "stop"),
    ActionSpec("finish", "Finish now", "desk.finish_now", "Run the rest at full speed", "Ctrl+F5", "finish"),
    ActionSpec("open_race", "Open race…", "files.open_race", "Open a race file (TOML)", "Ctrl+O", "folder"),
    ActionSpec(
        "save_race", "Save race as…", "files.save_race", "Write these choices as a race file (TOML)", "Ctrl+S", "save"
    ),
    ActionSpec(
        "open_workload", "Open workload…", "files.open_workload", "Race on tasks from a file", "Ctrl+L", "table"
    ),
    ActionSpec(
        "export", "Export results…", "files.export", "Write results.csv, summary.json and race.toml", "Ctrl+E", "save"
    ),
    ActionSpec("settings", "Settings…", "open_settings", "Where results are stored", "Ctrl+,", "settings"),
    ActionSpec("quit", "Quit", "close", "Close the window; a running race is stopped and kept", "Ctrl+Q", "quit"),
    ActionSpec(
        "reset_layout",
        "Reset layout",
        "reset_layout",
        "Put docks and toolbar back where they were at first",
        "",
        "window",
    ),
    ActionSpec("theme_system", "Follow the system", "theme_system", "Light or dark as the desktop is", "", "", True),
    ActionSpec("theme_light", "Light", "theme_light", "Always light", "", "", True),
    ActionSpec("theme_dark", "Dark", "theme_dark", "Always dark", "", "", True),
    ActionSpec(
        "plugins", "Plugins…", "plugin_desk.open_list", "What is loaded, and what failed and why", "Ctrl+P", "plugin"
    ),
    ActionSpec(
        "new_policy",
        "New policy of your own…",
        "plugin_desk.new_policy",
        "Write a working policy to change, into the plugins folder",
        "Ctrl+N",
        "plus",
    ),
    ActionSpec(
        "plugins_folder",
        "Open the plugins folder",
        "plugin_desk.open_folder",
        "Where your own policies live",
        "",
        "folder",
    ),
    ActionSpec(
        "add_to_menu",
        "Add to applications menu",
        "add_to_menu",
        "Write a desktop entry and the icon for this user",
        "",
        "window",
    ),
    ActionSpec("about", "About SchedRace", "open_about", "What this is, and its versions", "F1", "info"),
)

MENUS = {
    "&File": ("open_race", "save_race", "open_workload", "", "export", "", "settings", "", "quit"),
    "&Race": ("start", "step", "stop", "finish", "", "new_policy"),
    "&View": ("docks", "", "theme_system", "theme_light", "theme_dark", "", "reset_layout"),
    "&Help": ("plugins", "plugins_folder", "add_to_menu", "", "about"),
}
"""Menu titles to action ids; '' is a separator, 'docks' the switches of the docks."""

ALWAYS = (
    "quit",
    "reset_layout",
    "theme_system",
    "theme_light",
    "theme_dark",
    "plugins",
    "plugins_folder",
    "add_to_menu",
    "about",
)
"""What is never greyed once the window is furnished."""
