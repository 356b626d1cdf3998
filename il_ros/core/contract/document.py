# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The form of a contract in YAML and in checkpoints: components by name, and the command as a section."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from il_ros.core import schema
from il_ros.core.contract.components import ActionComponent, External, ImageComponent, ObservationComponent

if TYPE_CHECKING:
    from il_ros.core.contract import Contract


def _message_type(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 3 or parts[1] != "msg" or not all(part.isidentifier() for part in parts):
        raise ValueError("write its type as in sensor_msgs/msg/Joy")
    return text


def _named(section: Any) -> Any:
    """Give each component its key as its name."""
    if not isinstance(section, Mapping):
        return section
    return {key: {"name": key, **part} if isinstance(part, Mapping) else part for key, part in section.items()}


def _member(part: Any) -> Any:
    return [part] if isinstance(part, str) else part


@dataclass(frozen=True)
class GripperSection:
    """The section ``gripper`` of ``command``: where the gripper is commanded by a message of its own."""

    topic: str
    type: Annotated[str, AfterValidator(_message_type)] = "trajectory_msgs/msg/JointTrajectory"


@dataclass(frozen=True)
class CommandSection:
    """The section ``command``: as what the action is published."""

    type: str
    frame: str = ""
    points: int = 1
    gripper: GripperSection | None = None


@dataclass(frozen=True)
class ContractDocument:
    """The keys of a contract."""

    rate_hz: float
    topics: Mapping[str, Annotated[str, AfterValidator(_message_type)]]
    observation: Annotated[Mapping[str, ObservationComponent], BeforeValidator(_named)]
    action: Annotated[Mapping[str, ActionComponent], BeforeValidator(_named)]
    command: CommandSection
    moves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    robot: str = ""
    external: External = External()
    images: Annotated[Mapping[str, ImageComponent], BeforeValidator(_named)] = field(default_factory=dict)
    equal_objects: tuple[tuple[Annotated[tuple[str, ...], BeforeValidator(_member)], ...], ...] = ()


def read(where: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a contract, but for its name, from its plain form.

    Raises:
        ConfigError: for a key that is missing, unknown or of the wrong type.
    """
    document: ContractDocument = schema.build(ContractDocument, where, data)
    gripper = document.command.gripper
    return {
        "rate_hz": float(document.rate_hz),
        "topics": document.topics,
        "observation": tuple(document.observation.values()),
        "action": tuple(document.action.values()),
        "command_type": document.command.type,
        "frame": document.command.frame,
        "points": document.command.points,
        "moves": document.moves,
        "robot": document.robot,
        "external": document.external,
        "images": tuple(document.images.values()),
        "equal_objects": document.equal_objects,
        **({"gripper_topic": gripper.topic, "gripper_type": gripper.type} if gripper is not None else {}),
    }


def plain(contract: Contract) -> dict[str, Any]:
    """Return the plain form of a contract; what is at its default is left out where it was added later."""

    def component(part: ObservationComponent | ActionComponent) -> dict[str, Any]:
        later = ("kind", "closed", "binary") if getattr(part, "kind", "") == "" else ()
        return {k: v for k, v in dataclasses.asdict(part).items() if k not in ("name", *later) and v is not None}

    points: dict[str, Any] = {} if contract.points == 1 else {"points": contract.points}
    if contract.gripper_topic:
        points["gripper"] = {"topic": contract.gripper_topic, "type": contract.gripper_type}
    equal = [[list(m) if len(m) > 1 else m[0] for m in group] for group in contract.equal_objects]
    images = {part.name: {**dataclasses.asdict(part), "crop": list(part.crop)} for part in contract.images}
    for plain_image in images.values():
        del plain_image["name"]
    return {
        "rate_hz": contract.rate_hz,
        "topics": dict(contract.topics),
        "observation": {part.name: component(part) for part in contract.observation},
        "action": {part.name: component(part) for part in contract.action},
        "command": {"type": contract.command_type, "frame": contract.frame, **points},
        **({"moves": {name: list(move) for name, move in contract.moves.items()}} if contract.moves else {}),
        **({"robot": contract.robot} if contract.robot else {}),
        **({"external": _external(contract.external)} if contract.external != External() else {}),
        **({"images": images} if images else {}),
        **({"equal_objects": equal} if equal else {}),
    }


def _external(external: External) -> dict[str, Any]:
    always = {"topic": external.topic, "fields": list(external.fields), "stale_s": external.stale_s}
    more = {"clock": external.clock, "offsets": dict(external.offsets), "static": list(external.static)}
    return {**always, **{key: value for key, value in more.items() if value}}
