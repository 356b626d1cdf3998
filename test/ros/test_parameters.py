# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every parameter of every node says what it means and what it may be, and what it may not be is refused."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from il_ros.core.errors import ConfigError
from il_ros.nodes.container_node import NODES
from il_ros.ros import parameters
from il_ros.ros.parameters import NodeParameters, param

pytestmark = pytest.mark.graph
WIRING = {"contract", "lockstep", "folder", "checkpoints", "host", "port", "token", "urdf", "rate"}
"""What no node can follow at run time."""


def parameter_class(node: str) -> type[NodeParameters]:
    cls = getattr(importlib.import_module(f"il_ros.nodes.{node}"), NODES[node])
    return get_args(cls.__orig_bases__[0])[0]


@pytest.fixture(params=NODES)
def cls(request: pytest.FixtureRequest) -> type[NodeParameters]:
    return parameter_class(request.param)


@pytest.fixture(scope="module")
def context() -> Iterator[rclpy.Context]:
    made = rclpy.Context()
    rclpy.init(context=made)
    yield made
    rclpy.shutdown(context=made)


@pytest.fixture
def bare(context: rclpy.Context) -> Iterator[Callable[..., Node]]:
    """A node that has only what every node has, with what it is given at the start."""
    made: list[Node] = []

    def make(**values: Any) -> Node:
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        made.append(Node("bare", context=context, parameter_overrides=overrides, start_parameter_services=False))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()


def outside(field: dataclasses.Field[Any]) -> list[Any]:
    low, high = field.metadata["within"]
    beyond = [low - 1, high + 1] if isinstance(low, float) else [low - 1, min(high + 1, 2**63 - 1)]
    wrong = [value for value in beyond if not low <= value <= high]
    return [*wrong, math.nan] if isinstance(field.default, float) else wrong


def test_each_parameter_has_a_description_and_each_number_a_range_that_its_default_is_in(
    cls: type[NodeParameters],
) -> None:
    for field in dataclasses.fields(cls):
        assert len(field.metadata["description"]) > 8
        if type(field.default) in (int, float):
            low, high = field.metadata["within"]
            assert low <= field.default <= high and type(low) is type(high) is type(field.default)


def test_what_is_wiring_cannot_be_changed_at_run_time(cls: type[NodeParameters], bare: Callable[..., Node]) -> None:
    node = bare()
    parameters.follow(node, parameters.declare(node, cls), lambda wanted: lambda: None)
    fields = dataclasses.fields(cls)
    assert {f.name for f in fields if f.metadata["read_only"]} >= WIRING & {f.name for f in fields}
    for field in fields:
        (result,) = node.set_parameters([Parameter(field.name, value=field.default)])
        assert result.successful is not field.metadata["read_only"], field.name
        assert result.successful or field.name in result.reason and "read-only" in result.reason


def test_a_number_out_of_its_range_is_refused_at_the_start_and_later(
    cls: type[NodeParameters], bare: Callable[..., Node]
) -> None:
    ranged = [f for f in dataclasses.fields(cls) if f.metadata["within"] is not None]
    for field in ranged:
        for value in outside(field):
            with pytest.raises(ConfigError, match=f"parameter {field.name} is .*; it must be from .* to "):
                parameters.declare(bare(**{field.name: value}), cls)
    node = bare()
    declared = parameters.declare(node, cls)
    for field in (f for f in ranged if not f.metadata["read_only"]):
        for value in outside(field):
            (result,) = node.set_parameters([Parameter(field.name, value=value)])
            assert not result.successful and "out of range" in result.reason
        assert node.get_parameter(field.name).value == getattr(declared, field.name)


def test_a_value_of_another_type_is_refused_with_what_is_wanted(
    cls: type[NodeParameters], bare: Callable[..., Node]
) -> None:
    for field in dataclasses.fields(cls):
        wrong = 1 if isinstance(field.default, float) else [1.5]
        with pytest.raises(ConfigError, match=f"parameter '{field.name}' must be .* such as .*{field.name}"):
            parameters.declare(bare(**{field.name: wrong}), cls)


@dataclasses.dataclass(frozen=True)
class Some(NodeParameters):
    size: int = param(1, "how many there are", (1, 9))
    name: str = param("one", "what they are called")


def test_a_change_that_is_refused_by_anybody_has_no_effect(bare: Callable[..., Node]) -> None:
    node, effects, busy = bare(), [], []
    node.add_on_set_parameters_callback(  # rclpy asks whom it knows longest last
        lambda given: SetParametersResult(successful=not busy, reason="not now")
    )

    def prepare(wanted: Some) -> Callable[[], None]:
        if wanted.name == "nobody":
            raise ConfigError("nobody is not there; name somebody")
        return lambda: effects.append((wanted.size, wanted.name))

    parameters.follow(node, parameters.declare(node, Some), prepare)
    node.declare_parameter("foreign", 0)
    node.set_parameters_atomically([Parameter("size", value=2), Parameter("name", value="two")])
    assert effects == [(2, "two")]
    assert (
        "somebody"
        in node.set_parameters_atomically([Parameter("size", value=3), Parameter("name", value="nobody")]).reason
    )
    busy.append(True)
    assert node.set_parameters_atomically([Parameter("size", value=4)]).reason == "not now"
    busy.clear()
    node.set_parameters_atomically([Parameter("foreign", value=1)])
    assert effects == [(2, "two")] and node.get_parameter("size").value == 2
    node.set_parameters_atomically([Parameter("name", value="three")])
    assert effects == [(2, "two"), (2, "three")]
