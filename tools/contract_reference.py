# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of a contract's keys, from the classes that read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from il_ros.core.contract import Contract
from il_ros.core.contract.components import ActionComponent, External, ImageComponent, ObservationComponent
from il_ros.core.contract.devices import GRIPPER_TYPES
from il_ros.core.contract.rules import COMMAND_TYPES
from tools.tables import Field, fields, table

HEAD = """# Contract

Generated from the classes that read a contract by `python -m tools.reference`; a test compares this page with the code.

A contract is a YAML file that says what an observation and an action are for one arm. Live inference, recording and
the reading of bags use the same file. Commands and nodes take a path, or the name of one of those in
`config/contracts/`. A guide with a complete example: [your arm](../your-arm.md).

An unknown, missing or duplicate key, or a value outside its range, is refused with the line, and with exit code 2.

"""
TOP = ("rate_hz", "topics", "observation", "action", "command", "moves", "robot", "external", "images", "equal_objects")
"""The keys of the file, in the order of the page."""
TEXTS = {
    "rate_hz": "Control rate in Hz: one observation and one command per period.",
    "topics": "Message type of each topic that is read, such as `joint_states: sensor_msgs/msg/JointState`.",
    "observation": "Components of the observation by name, in the policy's order; see [observation](#observation).",
    "action": "Components of the action by name, in the controller's order; see [action](#action).",
    "command": "How the action is published on `command`; see [command](#command).",
    "external": "How recordings of other programs are read; see [external](#external).",
    "images": "Cameras that the policy sees, by name; see [images](#images).",
    "equal_objects": "Groups of objects of which any may stand for another, such as `[[block, block2]]` or, each with "
    "its goal, `[[[block, goal], [block2, goal2]]]`; see [your arm](../your-arm.md#objects-that-are-equal).",
    "topic": "Topic of the message.",
    "unit": "Unit (m, rad, m/s, ...): for people, `rest`, exports, and the scales of a topic's observations.",
    "low": "The least that may be commanded.",
    "high": "The most that may be commanded.",
    "height": "Likewise, from top to bottom.",
}
"""Descriptions of keys whose class has none."""
COMMAND = {
    "type": ("str", "", f"One of {', '.join(f'`{kind}`' for kind in COMMAND_TYPES)}."),
    "frame": ("str", '""', "`frame_id` of a TwistStamped; required frame of device messages."),
    "gripper": (
        "Mapping",
        "none",
        "`topic` and `type` of a message of its own for the gripper; see [your arm](../your-arm.md#a-gripper). "
        f"The type is one of {', '.join(f'`{kind}`' for kind in GRIPPER_TYPES)}, by default the first.",
    ),
}


def page() -> str:
    """Return the whole page in Markdown."""
    known = {field.name: field for field in fields(Contract)}
    top = [known.get(name, Field(name, "mapping", "", "")) for name in TOP]
    command = [Field(name, *values) for name, values in COMMAND.items()] + [known["points"]]
    sections = {
        "observation": ("One number that the policy sees.", _without_name(fields(ObservationComponent))),
        "action": (
            "One number that is commanded. Exactly one of `max_velocity`, `max_acceleration` and `max_step` is given.",
            _without_name(fields(ActionComponent)),
        ),
        "command": ("", command),
        "external": ("", fields(External)),
        "images": ("", _without_name(fields(ImageComponent))),
    }
    text = HEAD + "## Keys of the file\n\n" + _keys(top)
    for name, (words, keys) in sections.items():
        text += f"\n## {name}\n\n" + (f"{words}\n\n" if words else "") + _keys(keys)
    return text


def _without_name(keys: Iterable[Field]) -> list[Field]:
    """Leave out the name, which is the key of the mapping."""
    return [field for field in keys if field.name != "name"]


def _keys(keys: Sequence[Field]) -> str:
    """Return the table of some keys."""
    rows = [(f"`{f.name}`", _kind(f), f"`{f.default}`" if f.default else "", f.text or TEXTS[f.name]) for f in keys]
    return table(("key", "type", "default", "meaning"), rows)


def _kind(field: Field) -> str:
    """Return the type of a key as one writes it in YAML."""
    if field.name in TOP[1:5] or field.kind.startswith(("Mapping", "External", "tuple[ImageComponent")):
        return "mapping"
    kinds = {"float": "number", "int": "integer", "str": "text", "bool": "boolean", "tuple[str, ...]": "list of text"}
    kinds["tuple[int, ...]"] = "list of integers"
    return " or ".join(kinds.get(part, part) for part in field.kind.split(" | ") if part != "None")
