"""Parameters as frozen data classes: declared with their descriptions, checked before they take effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from il_ros.errors import ConfigError, IlRosError

P = TypeVar("P")


def say(default: Any, description: str) -> Any:
    """A field of a parameter class: its default and what it means."""
    return dataclasses.field(default=default, metadata={"description": description})


def declare(node: Node, cls: type[P], changed: Callable[[P], None]) -> P:
    """Declare every field of ``cls`` on ``node`` and read the values.

    When somebody sets parameters later, ``changed`` is called with the new values; if it raises an ``IlRosError`` the
    change is refused with that message and nothing has happened.
    """
    values = {}
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        descriptor = ParameterDescriptor(description=f.metadata["description"])
        try:
            values[f.name] = _plain(node.declare_parameter(f.name, f.default, descriptor))
        except InvalidParameterTypeException as error:
            raise ConfigError(f"parameter {f.name!r} is not of the type of {f.default!r}; give one like it") from error
    current = [cls(**values)]

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        ours = {p.name: _plain(p) for p in parameters if p.name in values}
        if not ours:
            return SetParametersResult(successful=True)
        try:
            wanted = dataclasses.replace(current[0], **ours)  # type: ignore[type-var]
            changed(wanted)
        except IlRosError as error:
            return SetParametersResult(successful=False, reason=str(error))
        current[0] = wanted
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)
    return current[0]


def _plain(parameter: Parameter) -> Any:
    value = parameter.value
    return list(value) if hasattr(value, "typecode") else value
