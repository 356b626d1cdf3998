# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The table of topics names each topic once, and the package's other modules do not name them again."""

from __future__ import annotations

import ast
from pathlib import Path

import il_ros
from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.topics import Topic

ROOT = Path(il_ros.__file__).parent
TABLE = {value for value in vars(topics).values() if isinstance(value, Topic)}
SERVICES = {
    topics.TAKE_OVER,
    topics.RELEASE,
    topics.START,
    topics.STOP,
    topics.DISCARD,
    topics.SAVE,
    topics.TRAIN,
    topics.RESET,
}
WORDS = {"episode", "objects", "push", "guiding", "joy", "scene", "robot_description"}
"""Names that are words with other meanings, too."""


def test_each_name_has_one_row() -> None:
    assert len({topic.name for topic in TABLE}) == len(TABLE)
    assert all(topic.type_name.count("/") == 2 for topic in TABLE)


def test_no_other_module_names_a_topic_or_a_service() -> None:
    names = {topic.name for topic in TABLE} - WORDS | SERVICES
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in ROOT.rglob("*.py")
        if path != ROOT / "core" / "topics.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names
    ]
    assert found == []


def test_the_contract_gives_the_other_topics() -> None:
    contract = Contract.load("panda_plane")
    assert topics.command(contract) == Topic("command", contract.command_type)
    assert {topic.name: topic.type_name for topic in topics.observed(contract)} == dict(contract.topics)
