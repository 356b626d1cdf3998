# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of which a command consists: that of the arm, and that of a gripper that has a topic of its own."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from il_ros.core import topics
from il_ros.core.contract import Contract, External
from il_ros.core.topics import Topic
from il_ros.core.types import Array


class CommandPart(NamedTuple):
    """One message of a command."""

    topic: Topic
    contract: Contract
    """The contract of these components alone, by which the message is written and read."""
    columns: Array | slice
    """Where they are in the action."""


def command_parts(contract: Contract) -> tuple[CommandPart, ...]:
    """Return the messages of a command in the order in which they are published: the arm waits for the last one."""
    if not contract.gripper_topic:
        return (CommandPart(topics.command(contract), contract, slice(None)),)
    arm, gripper = (np.flatnonzero(chosen) for chosen in (~contract.is_gripper, contract.is_gripper))
    of_gripper = _only(gripper, dataclasses.replace(contract, command_type=contract.gripper_type, points=1))
    return (
        CommandPart(Topic(contract.gripper_topic, contract.gripper_type), of_gripper, gripper),
        CommandPart(topics.command(contract), _only(arm, contract), arm),
    )


def _only(columns: Array, contract: Contract) -> Contract:
    """Return a contract of some components of the action alone."""
    action = tuple(contract.action[n] for n in columns)
    return dataclasses.replace(
        contract, action=action, gripper_topic="", external=External(clock=contract.external.clock)
    )
