# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The private interfaces of rclpy that we use do what the plain ways do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node
from std_msgs.msg import String

from il_ros.ros import qos
from il_ros.ros.rclpy_internals import state_machine
from il_ros.ros.rclpy_internals.events_executor import VARIABLE, make_executor
from il_ros.ros.rclpy_internals.message_info import with_info
from il_ros.ros.rclpy_internals.rcl_error import RCLError

pytestmark = pytest.mark.graph


@pytest.fixture(autouse=True)
def context() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


def received(executor: Any, callback_of: Any) -> list[tuple[str, dict[str, Any]]]:
    """What a subscription gets of three messages under an executor."""
    node, messages = Node("talks_to_itself"), []
    publisher = node.create_publisher(String, "said", qos.STREAM)
    node.create_subscription(String, "said", callback_of(lambda m, info: messages.append((m.data, info))), qos.STREAM)
    executor.add_node(node)
    limit = time.monotonic() + 10.0
    while not publisher.get_subscription_count() and time.monotonic() < limit:
        executor.spin_once(timeout_sec=0.02)
    for word in "abc":
        publisher.publish(String(data=word))
    while len(messages) < 3 and time.monotonic() < limit:
        executor.spin_once(timeout_sec=0.02)
    executor.shutdown()
    node.destroy_node()
    return messages


def test_the_events_executor_delivers_what_the_plain_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, VARIABLE, "single")
    assert isinstance(make_executor(), SingleThreadedExecutor)
    plain = received(make_executor(), lambda callback: lambda message, info: callback(message, info))
    single = received(make_executor(), with_info)
    monkeypatch.setitem(os.environ, VARIABLE, "events")
    events = received(make_executor(), with_info)
    for messages in (plain, single, events):
        assert [text for text, _ in messages] == ["a", "b", "c"]
        assert all(info["received_timestamp"] >= info["source_timestamp"] > 0 for _, info in messages)
    assert [set(info) for _, info in plain] == [set(info) for _, info in single] == [set(info) for _, info in events]


def test_an_error_of_rcl_is_the_runtime_error_that_python_code_would_catch() -> None:
    assert issubclass(RCLError, RuntimeError)


class Managed(LifecycleNode):
    """Goes wherever it is asked to."""

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    on_activate = on_deactivate = on_cleanup = on_shutdown = on_configure  # type: ignore[assignment]


def test_the_state_machine_is_the_design_of_lifecycle_nodes() -> None:
    node = Managed("managed")
    flags = {"unconfigured": (0, 0, 0), "inactive": (1, 0, 0), "active": (1, 1, 0), "finalized": (0, 0, 1)}
    for transition, state in (
        (None, "unconfigured"),
        ("configure", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("cleanup", "unconfigured"),
        ("shutdown", "finalized"),
    ):
        if transition is not None:
            assert state_machine.is_possible(node, transition)
            getattr(node, f"trigger_{transition}")()
        assert state_machine.state_of(node) == state == state_machine.plain_state(*map(bool, flags[state]))
        every = {name for names in state_machine.TRANSITIONS.values() for name in names}
        assert {name for name in every if state_machine.is_possible(node, name)} == set(
            state_machine.TRANSITIONS[state]
        )
    node.destroy_node()


def test_the_service_of_a_node_can_be_guarded() -> None:
    node, seen = Managed("managed"), []
    state_machine.replace_change_state(node, lambda change: lambda request, response: seen.append(change))
    node._service_change_state.callback(None, None)
    assert len(seen) == 1 and callable(seen[0])
    node.destroy_node()
