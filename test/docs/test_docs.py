# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What README and documentation show exists: commands, options, launch arguments, imports, paths and links."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from il_ros.cli import COMMANDS, make_parser
from il_ros.core import errors, paths
from il_ros.core.contract import Contract
from il_ros.launching.yaml_launch import model

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
FOLDERS = "il_ros|test|config|docs|examples|findings|launch|tools|studies|benchmarks|scripts"
NO_CHOICES = {
    "__init__",
    "__main__",
    "base",
    "layers",
    "fast_linear",
    "progress",
    "default_contract",
    "posts",
    "handling",
}
"""Modules beside those that are found by name."""
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@cache
def parser() -> argparse.ArgumentParser:
    return make_parser(COMMANDS)


def blocks(text: str, language: str = "") -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every ``il-ros`` command in a block of shell."""
    for line in "\n".join(blocks(text)).replace("\\\n", " ").splitlines():
        for part in re.sub(r"(^|\s)#.*", "", line).split("&& "):
            match = re.match(r"\s*il-ros ([^|>&;]+)", part)
            if match:
                yield shlex.split(match[1])


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_in_a_block_is_one_that_the_parser_accepts(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        options, rest = parser().parse_known_args(words)  # ends the process where a choice or an option is wrong
        assert all(":=" in word and not word.startswith("-") for word in rest), (words, rest)
        given = {word.partition(":=")[0] for word in [*getattr(options, "arguments", []), *rest]}
        if words[0] in ("launch", "teleop"):
            assert given <= launch_arguments(getattr(options, "file", "teleop")), words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_in_a_sentence_has_the_options_that_it_is_shown_with(page: Path) -> None:
    for name, rest in re.findall(r"`il-ros ([^\s`]+)([^`\n]*)`", page.read_text(encoding="utf-8")):
        if name not in ("COMMAND", "--help"):
            known = commands_of(parser())[name]
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= set(known._option_string_actions), (name, rest)


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


def launch_arguments(name: str) -> set[str]:
    """Return the arguments of a launch file: one of ours, or the one that a page shows."""
    if name in paths.names("launch", ".launch.yaml"):
        return set(model.arguments(paths.find("launch", name, ".launch.yaml")))
    text = "\n".join(blocks((ROOT / "docs" / "your-arm.md").read_text(encoding="utf-8"), "yaml"))
    return set(re.findall(r"arg:\s*\{?\s*\n?\s*name: (\w+)", text))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_import_of_ours_is_there(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block)) if "import" in block else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("il_ros"):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_path_of_ours_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text)
    real = [path for path in named if not re.search("NAME|DEVICE|-v0", path)]
    assert not [path for path in real if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.is_file(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), target


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and MkDocs make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", title)).strip().lower() for title in titles)
    return {re.sub(r"\s", "-", title) for title in plain}


@cache
def source() -> str:
    """Return all text that the programs can print; what is put in at run time is left out."""
    pieces = [(ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "scripts/make_venv")]
    for path in sorted((ROOT / "il_ros").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                pieces.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "..." for part in node.values]
                pieces.append("".join(map(str, parts)))
    return "\n".join(pieces)


def test_every_message_of_the_troubleshooting_page_is_one_that_the_programs_print() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    _, _, tables = text.partition("## Installation")
    messages = [cell for cell in re.findall(r"^\| `([^|]*)` (?:\(.*?\) )?\|", tables, re.MULTILINE) if " " in cell]
    assert len(messages) > 20
    parts = {part.strip(" ;:,.") for text in messages for part in re.split(r"\.\.\.|`, `|'|\d[\d.]*", text)}
    assert sorted(part for part in parts if len(part) >= 8 and part not in source()) == []


def test_every_exit_code_is_explained() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    explained = {(name, int(code)) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)}
    kinds = [errors.IlRosError, *errors.IlRosError.__subclasses__()]
    assert explained == {(kind.__name__, kind.exit_code) for kind in kinds if kind.__module__ == errors.__name__}


@pytest.mark.parametrize(
    ("folder", "page"),
    [
        ("gate/rules", "concepts.md"),
        ("nodes", "concepts.md"),
        ("sim/tasks", "concepts.md"),
        ("policies", "concepts.md"),
        ("cli", "reference/cli.md"),
    ],
)
def test_everything_that_can_be_chosen_is_described(folder: str, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    names = {path.stem for path in (ROOT / "il_ros" / folder).glob("*.py")} - NO_CHOICES
    assert not [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_every_contract_that_is_shown_is_accepted() -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/contract.md").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "yaml"):
            shown = yaml.safe_load(block)
            if isinstance(shown, list):
                continue
            if "rate_hz" in shown:
                Contract.from_dict("shown", shown)
            elif set(shown) & (known | {"external"}) and "policy" not in shown and "urdf" not in shown:
                assert set(shown) <= known, (page, shown)
