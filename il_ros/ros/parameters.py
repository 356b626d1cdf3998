# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters as frozen data classes: declared with descriptions and ranges, checked before they take effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from il_ros.core.errors import ConfigError, IlRosError

P = TypeVar("P")
Number = int | float
SEEDS = (0, 2**63 - 1)
"""The range of a seed: the numbers from 0 on that a ROS parameter can hold."""
KINDS = {bool: "true or false", int: "a whole number", float: "a number with a point", str: "a string"}


def param(default: Any, description: str, within: tuple[Number, Number] | None = None, read_only: bool = False) -> Any:
    """Return a field of a parameter class.

    Args:
        default: its default, whose type is the parameter's.
        description: what it means.
        within: the least and the greatest value of a number, both allowed.
        read_only: whether it is fixed at the start, for example because the node makes its topics by it.
    """
    return dataclasses.field(
        default=default, metadata={"description": description, "within": within, "read_only": read_only}
    )


@dataclass(frozen=True)
class NodeParameters:
    """Parameters of every node."""

    contract: str = param("panda_plane", "contract, by name or path", read_only=True)


def declare(node: Node, cls: type[P]) -> P:
    """Declare every field of ``cls`` on ``node`` and read the values.

    Raises:
        ConfigError: if a value is of another type, or out of range.
    """
    return cls(**{f.name: _declared(node, f) for f in dataclasses.fields(cls)})  # type: ignore[arg-type]


def follow(node: Node, current: P, prepare: Callable[[P], Callable[[], None]]) -> None:
    """Let the parameters of ``node`` be set at run time.

    Before a change ``prepare`` is called with the values as they would be. If it raises an ``IlRosError`` the change is
    refused with that message and nothing has happened; what it returns is called once the change is accepted.
    """
    names = {f.name for f in dataclasses.fields(current)}  # type: ignore[arg-type]
    latest = [current]
    prepared: list[tuple[P, Callable[[], None]]] = []

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        prepared.clear()  # a change that another callback refused
        ours = {p.name: _plain(p) for p in parameters if p.name in names}
        try:
            if ours:
                requested = dataclasses.replace(latest[0], **ours)  # type: ignore[type-var]
                prepared.append((requested, prepare(requested)))
        except IlRosError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def after_set(parameters: list[Parameter]) -> None:
        while prepared:
            latest[0], take_effect = prepared.pop()
            take_effect()

    node.add_on_set_parameters_callback(on_set)
    node.add_post_set_parameters_callback(after_set)


def _declared(node: Node, field: dataclasses.Field[Any]) -> Any:
    """Return the value of one parameter, after its declaration."""
    try:
        value = _plain(node.declare_parameter(field.name, field.default))
    except InvalidParameterTypeException as error:
        kind = KINDS[type(field.default)]
        remedy = f"; quote text like 007 or yes: {field.name}:='\"007\"'" if kind == KINDS[str] else ""
        raise ConfigError(
            f"parameter {field.name!r} must be {kind} such as {field.default!r}: {error}{remedy}"
        ) from error
    if field.metadata["within"] is not None:
        low, high = field.metadata["within"]
        if not low <= value <= high:
            raise ConfigError(f"parameter {field.name} is {value}; it must be from {low} to {high}")
    node.set_descriptor(field.name, descriptor(field))  # only now, since ROS' own refusal does not name the value
    return value


def descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    """Return a parameter's descriptor for ROS."""
    kind = Parameter.Type.from_parameter_value(field.default).value
    result = ParameterDescriptor(name=field.name, type=kind, description=field.metadata["description"])
    result.read_only = field.metadata["read_only"]
    if field.metadata["within"] is not None:
        low, high = field.metadata["within"]
        if isinstance(field.default, int):
            result.integer_range = [IntegerRange(from_value=low, to_value=high)]
        else:
            result.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    return result


def _plain(parameter: Parameter) -> Any:
    value = parameter.value
    return list(value) if hasattr(value, "typecode") else value
