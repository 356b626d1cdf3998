# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The authority record: a DiagnosticArray on ``gate/authority`` about who commanded a step, to read and to fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from il_ros.core.episode import Authority, Record
from il_ros.core.errors import MessageError
from il_ros.core.messages.headers import set_stamp, stamp_ns
from il_ros.core.topics import AUTHORITY
from il_ros.core.types import Array, ChunkInPlay, PolicyUncertainty

MAX_INTERVENTIONS = 2**31 - 1
"""The greatest intervention id that an episode can store."""
INCOMPLETE = "no complete observation"
"""How the reason begins of a record that belongs to no observation: the gate holds, since one is missing."""
BYTE_OF_LEVEL = {Authority.HOLD: b"\x01", Authority.POLICY: b"\x00", Authority.EXPERT: b"\x00"}


def fill_record(message: Any, record: Record, status: type[Any], key_value: type[Any]) -> None:
    """Write a record; floats are written so that reading them back gives the same bits."""
    set_stamp(message, record.stamp_ns)
    element = status()
    element.level = BYTE_OF_LEVEL[record.authority]
    element.name, element.message, element.hardware_id = record_texts(record)
    element.values = [key_value(key=key, value=value) for key, value in record_values(record).items()]
    message.status = [element]


def record_texts(record: Record) -> tuple[str, str, str]:
    """Return name, message and hardware id of a record's status."""
    return "gate", record.reason, record.checkpoint


def record_values(record: Record) -> dict[str, str]:
    """Return the keys and values of a record's status."""
    return {
        "authority": record.authority.name.lower(),
        "intervention": str(record.intervention),
        "executed": _text(record.executed),
        "policy": _text(record.policy),
        "expert": _text(record.expert),
        "expert_name": record.expert_name,
        "score": repr(record.score),
        "doubts": " ".join(map(repr, vars(record.doubts).values())),
        "plays": "" if record.plays is None else f"{record.plays.stamp_ns} {record.plays.until_ns}",
    }


def record_from(message: Any) -> Record:
    """Read a record.

    Raises:
        MessageError: if the message is not a record of authority.
    """
    try:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        executed, policy, expert = (_array(values[who]) for who in ("executed", "policy", "expert"))
        if executed is None or any(action is not None and len(action) != len(executed) for action in (policy, expert)):
            raise ValueError("executed, policy and expert differ in length, or executed is empty")
        return Record(
            stamp_ns=stamp_ns(message),
            authority=Authority[values["authority"].upper()],
            reason=status.message,
            intervention=_intervention(values["intervention"]),
            executed=executed,
            policy=policy,
            expert=expert,
            checkpoint=status.hardware_id,
            expert_name=values["expert_name"],
            score=float(values["score"]),
            doubts=PolicyUncertainty(*map(float, values.get("doubts", "").split())),  # older bags have none
            plays=ChunkInPlay(*map(int, plays.split())) if (plays := values.get("plays")) else None,  # nor this
        )
    except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise MessageError(
            f"{AUTHORITY.name} holds no record of authority ({error!r}); check who publishes it"
        ) from error


def _intervention(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MAX_INTERVENTIONS:
        raise ValueError(f"{number} is not within 0 and {MAX_INTERVENTIONS}")
    return number


def _text(values: Array | None) -> str:
    return "" if values is None else " ".join(map(repr, values.tolist()))


def _array(text: str) -> Array | None:
    return np.array([float(part) for part in text.split()]) if text else None
