# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a message type is: its definition and hash for the bag, and how its bytes become an object."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from il_ros.errors import ConfigError, DataError


@cache
def _typestore() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


@cache
def definition(type_name: str) -> tuple[str, str]:
    """The text of a message type's definition (ros2msg, with all that it refers to) and its RIHS01 hash.

    Raises:
        ConfigError: if the type is not one of ROS 2's common interfaces.
    """
    store = _typestore()
    if type_name not in store.fielddefs:
        raise ConfigError(
            f"message type {type_name!r} is not one of ROS 2's common interfaces; record a standard message instead"
        )
    return store.generate_msgdef(type_name, ros_version=2)[0], store.hash_rihs01(type_name)


@cache
def types_of(type_name: str, text: str) -> Typestore:
    """A store that knows the type; ``text`` is the definition that a bag carries, for a type that we do not know.

    Raises:
        DataError: if the type is unknown and its definition cannot be read.
    """
    store = _typestore()
    if type_name not in store.fielddefs:
        store = get_typestore(Stores.ROS2_JAZZY)
        try:
            types = get_types_from_msg(text, type_name)
            store.register({name: fields for name, fields in types.items() if name not in store.fielddefs})
        except Exception as error:  # the parser raises many kinds
            raise DataError(
                f"message type {type_name!r} has a definition that cannot be read ({error}); skip its topics"
            ) from error
    return store


@cache
def decoder(type_name: str, text: str) -> Callable[[bytes], Any]:
    """A function that makes an object of a message's CDR bytes; sequences of numbers become numpy arrays.

    Raises:
        DataError: as ``types_of``.
    """
    store = types_of(type_name, text)
    return lambda data: store.deserialize_cdr(data, type_name)


def serialised(message: Any, type_name: str) -> bytes:
    """The CDR bytes of an object that has a message's fields."""
    return bytes(_typestore().serialize_cdr(message, type_name))
