# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state machine inside a lifecycle node.

Why: ``LifecycleNodeMixin`` has no public way to read its own state, and its service ``~/change_state`` raises, which
ends the process, for a transition that is not possible in the current state. The plain way, without looking into rclpy,
is the design of lifecycle nodes (design.ros2.org/articles/node_lifecycle.html): ``STATES`` and ``TRANSITIONS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle.node import LifecycleNodeMixin

TRANSITIONS = {
    "unconfigured": ("configure", "shutdown"),
    "inactive": ("cleanup", "activate", "shutdown"),
    "active": ("deactivate", "shutdown"),
    "finalized": (),
}
"""By state, which transitions are possible."""
ChangeState = Callable[[Any, Any], Any]
"""A callback of the service: request and response to response."""


def state_of(node: LifecycleNodeMixin) -> str:
    """Return the label of a node's state: unconfigured, inactive, active or finalized."""
    return str(node._state_machine.current_state[1])


def plain_state(configured: bool, active: bool, finalized: bool = False) -> str:
    """Return the same from what a node knows of itself."""
    return "finalized" if finalized else "active" if active else "inactive" if configured else "unconfigured"


def is_possible(node: LifecycleNodeMixin, transition: str | int) -> bool:
    """Return whether a transition, by label or number, is possible in a node's state."""
    return any(transition in (number, label) for number, label, *_ in node._state_machine.available_transitions)


def replace_change_state(node: LifecycleNodeMixin, replace: Callable[[ChangeState], ChangeState]) -> None:
    """Put a callback of our own, made from rclpy's, behind the service ``~/change_state``."""
    service = node._service_change_state
    service.callback = replace(service.callback)
