# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message classes by the name of their type, as contracts and bags give it."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any

from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.topics import Topic


@cache
def message_class(type_name: str) -> Any:
    """Return the class of a message type such as ``geometry_msgs/msg/Twist``.

    Raises:
        ConfigError: if its package is not installed.
    """
    try:
        package, kind, name = type_name.split("/")
        return getattr(importlib.import_module(f"{package}.{kind}"), name)
    except (ValueError, ImportError, AttributeError) as error:
        raise ConfigError(f"message type {type_name!r} is not installed; check its spelling and its package") from error


def observed_topics(contract: Contract) -> tuple[Topic, ...]:
    """Return the topics that the contract's observation reads, checked against their message types.

    Raises:
        ConfigError: if one has no header, or a field of the contract is not in its type.
    """
    for part in contract.observation:
        fields = message_class(contract.topics[part.topic]).get_fields_and_field_types()
        if next(iter(fields.values()), "") != "std_msgs/Header":  # the stamp is read at a fixed place
            raise ConfigError(
                f"topic {part.topic!r} is a {contract.topics[part.topic]}, which has no header, so no stamp; choose "
                "another type"
            )
        first = re.split(r"[.\[]", part.field)[0]
        if first not in fields:
            raise unknown(
                f"contract {contract.name!r}: field {part.field!r} of observation {part.name!r}:", first, fields
            )
    return topics.observed(contract)
