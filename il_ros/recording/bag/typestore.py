# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message types: their definitions and hashes for the bag, and CDR decoding (deserialization) of bytes into objects."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.interfaces.typing import Typesdict
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from il_ros.core.errors import ConfigError, DataError
from il_ros.recording.bag.metadata import whole_name
from il_ros.recording.decode.cdr_layout import HEAD
from il_ros.recording.decode.message_batch import RecordedTopic

PLAIN = (b"\0\0", b"\0\1")
"""The first bytes of messages in CDR, which give the byte order."""
PADDING = 8
"""Bytes that may be left behind the last field for each empty sequence of numbers."""
WIDE = ("wstring", "wchar")
DECODED = frozenset(
    ("bool", "byte", "char", "octet", "string", "float32", "float64")
    + tuple(f"{sign}int{8 * width}" for sign in ("", "u") for width in (1, 2, 4, 8))
)
"""The fundamental types that messages may have."""
_SEPARATOR = re.compile(r"^=+[ \t]*$", re.MULTILINE)
_HEAD = re.compile(r"\s*(?P<form>MSG|IDL):[ \t]*(?P<name>\S+)[^\n]*(\n|$)")
_PREPROCESSOR = re.compile(r"^[ \t]*#.*$", re.MULTILINE)


@cache
def _typestore() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


@cache
def definition(type_name: str) -> tuple[str, str]:
    """Return a message type's definition (ros2msg, with all that it refers to) and its RIHS01 hash.

    Raises:
        ConfigError: if the type is not one of ROS 2's common interfaces.
    """
    store = _typestore()
    if type_name not in store.fielddefs:
        raise ConfigError(
            f"message type {type_name!r} is not one of ROS 2's common interfaces; record a standard message instead"
        )
    return store.generate_msgdef(type_name, ros_version=2)[0], store.hash_rihs01(type_name)


def types_of(topic: RecordedTopic) -> Typestore:
    """Return a type store with the type of a topic as the bag defines it or, if it does not, as its distribution did.

    Raises:
        DataError: if the type has no definition, or one that cannot be read.
    """
    return _types_of(topic.type_name, topic.definition, topic.encoding, topic.distro)


@cache
def _types_of(type_name: str, text: str, encoding: str, distro: str) -> Typestore:
    known = _store_of(distro)
    if not text.strip():
        if type_name not in known.fielddefs:
            raise DataError(
                f"message type {type_name!r} has no definition in the bag and is none of ROS 2's common interfaces; "
                "record it again in MCAP, which keeps definitions, or leave out its topics"
            )
        _check_fields(type_name, known)
        return known
    try:
        types = _parsed(type_name, text, encoding)
        for name in types.keys() & known.fielddefs.keys():
            if types[name][1] != known.fielddefs[name][1]:
                break
        else:
            if type_name in known.fielddefs and type_name in types:
                return known  # as nearly always, and its decoders have been made already
        store = get_typestore(Stores.EMPTY)
        store.register({**_lacking(types, known), **types})
    except Exception as error:  # the parser raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"message type {type_name!r} has a definition ({encoding}) that cannot be read ({reason}); "
            "leave out its topics"
        ) from error
    _check_fields(type_name, store)
    return store


def _lacking(types: Typesdict, known: Typestore) -> Typesdict:
    """Return the types that a definition refers to and does not define, from the common interfaces."""
    lacking: Typesdict = {}
    todo = list(types.values())
    while todo:
        for _, described in todo.pop()[1]:
            name = _element(described)
            if name in known.fielddefs and name not in types and name not in lacking:
                lacking[name] = known.fielddefs[name]
                todo.append(lacking[name])
    return lacking


@cache
def _store_of(distro: str) -> Typestore:
    """Return the common interfaces as a distribution had them; Jazzy's for an unknown one."""
    name = f"ROS2_{distro.upper()}"
    return get_typestore(Stores[name]) if distro and name in Stores.__members__ else _typestore()


def _parsed(type_name: str, text: str, encoding: str) -> Typesdict:
    """Parse the types of a definition: that of the message, and those that it refers to after lines of ``=``."""
    types: Typesdict = {}
    for section in filter(str.strip, _SEPARATOR.split(text.replace("\r\n", "\n"))):
        head = _HEAD.match(section)
        name = whole_name(head["name"]) if head else type_name
        body = section[head.end() :] if head else section
        if (head["form"] if head else encoding) in ("IDL", "ros2idl"):
            types |= get_types_from_idl(_PREPROCESSOR.sub("", body))
        else:
            types |= get_types_from_msg(body, name)
    return types


def _check_fields(type_name: str, store: Typestore) -> None:
    """Raise a ``DataError`` if a field of the type, at any depth, cannot be decoded."""
    seen, todo = {type_name}, [(type_name, "")]
    while todo:
        name, path = todo.pop()
        if name not in store.fielddefs:
            kind = name.rpartition("/")[2]
            why = "text of 16-bit characters, which middlewares write differently" if kind in WIDE else "not defined"
            raise DataError(
                f"message type {type_name!r} cannot be decoded: its field {path!r} is a {kind}, {why}; "
                "leave out its topics, or record that number in another message"
            )
        for field, described in store.fielddefs[name][1]:
            inner = _element(described)
            if inner not in DECODED and inner not in seen:
                seen.add(inner)
                todo.append((inner, f"{path}.{field}".lstrip(".")))


def _element(described: Any) -> str:
    """Return the name of a field's type, or of the elements of its array or sequence."""
    kind, detail = described
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        return _element(detail[0])
    return str(detail if kind == Nodetype.NAME else detail[0])


@cache
def decoder(topic: RecordedTopic) -> Callable[[bytes], Any]:
    """Return a function that decodes a message's CDR bytes; sequences of numbers become numpy arrays.

    Raises:
        DataError: as ``types_of``; or if the topic's messages are not in CDR.
    """
    if topic.serialization != "cdr":
        raise DataError(
            f"{topic.name} is encoded as {topic.serialization or 'nothing that is named'!r} "
            f"({topic.type_name or 'without a schema'}), and only ROS 2's CDR is decoded; "
            "name another topic, or convert the recording"
        )
    store, type_name = types_of(topic), topic.type_name

    def decode(data: bytes) -> Any:
        if data[:2] not in PLAIN:
            raise ValueError(f"it begins with {data[:2].hex()}, which is no plain CDR")
        try:
            return store.deserialize_cdr(data, type_name)
        except SerdeError:
            with contextlib.suppress(struct.error, ValueError):
                message, left = _with_rest(store, data, type_name)
                if left <= PADDING * _empty(message):
                    return message
            raise

    return decode


def _with_rest(store: Typestore, data: bytes, type_name: str) -> tuple[Any, int]:
    """Return the message that bytes begin with, and how many follow it.

    ``serialize_message`` of rclpy leaves bytes behind a message with empty sequences: it counts the alignment of
    numbers that are not there. So does whatever writes its result to a bag.
    """
    described = store.get_msgdef(type_name)
    read = described.deserialize_cdr_le if data[1] else described.deserialize_cdr_be
    message, end = read(data[HEAD:], 0, described.cls, store)
    return message, len(data) - HEAD - int(end)


def _empty(value: Any) -> int:
    """Return how many sequences of numbers in a message are empty."""
    if isinstance(value, np.ndarray):
        return int(not value.size)
    if isinstance(value, list):
        return sum(map(_empty, value)) if value and not isinstance(value[0], str) else 0
    return sum(map(_empty, vars(value).values())) if hasattr(value, "__dict__") else 0


def serialised(message: Any, type_name: str) -> bytes:
    """Return the CDR bytes of an object that has a message's fields."""
    return bytes(_typestore().serialize_cdr(message, type_name))
