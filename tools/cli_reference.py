# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of the command line, from the argument parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from il_ros.cli import COMMANDS, make_parser
from tools.tables import prose, table

HEAD = """# Command line

Generated from the argument parsers by `python -m tools.reference`; a test compares this page with the code.

`il-ros COMMAND --help` prints the same. `--json`, where a command has it, prints for scripts. Exit codes:
[troubleshooting](../troubleshooting.md#exit-codes).

"""


def page() -> str:
    """Return the whole page in Markdown."""
    parsers = dict(_commands(make_parser(COMMANDS)))
    rows = [(f"[`{name}`](#{name})", summary) for name, (summary, _) in parsers.items()]
    sections = [_section(name, parser) for name, (_, parser) in parsers.items()]
    return HEAD + table(("command", "purpose"), rows) + "".join(sections)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, tuple[str, argparse.ArgumentParser]]]:
    """Yield ``(name, (summary, parser))`` of each command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                yield name, (summaries.get(name, ""), command)


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    """Return what one command does, its arguments and its examples."""
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    rows = [(_spelling(action), _help(parser, action)) for action in actions]
    text = f"\n## {name}\n\n{prose(parser.description)}\n\n" + table(("argument", "meaning"), rows)
    return text + (f"\n```text\n{parser.epilog.strip()}\n```\n" if parser.epilog else "")


def _spelling(action: argparse.Action) -> str:
    """Return how an argument is written."""
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    value = " ".join(value) if isinstance(value, tuple) else value
    if not action.option_strings:
        return f"`{value}`"
    takes = "" if action.nargs == 0 else f" {value}"
    return ", ".join(f"`{option}{takes}`" for option in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help of an argument with its default."""
    text = prose(parser._get_formatter()._expand_help(action)) if action.help else ""
    is_said = "default" in text or action.default in (None, False, "", argparse.SUPPRESS) or not action.option_strings
    return text if is_said else f"{text} (default: {action.default})"
