# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What must hold for the grippers and the cameras of a contract."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from il_ros.core import topics
from il_ros.core.contract.components import ENDS, ActionComponent, ImageComponent
from il_ros.core.errors import ConfigError, unknown

if TYPE_CHECKING:
    from il_ros.core.contract import Contract

KINDS = ("gripper",)
"""The kinds of components of an action beside those that move the arm."""
GRIPPER_TYPES = ("trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64MultiArray")
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
TAKEN = {topic.name for topic in vars(topics).values() if isinstance(topic, topics.Topic) and topic != topics.CAMERA}
"""Topics that carry something else, beside the arm's command."""
MOST_PIXELS = 2048
"""The greatest width and height of an image that a policy is given."""
FASTEST_HZ = 1000.0
"""Control, and cameras, faster than this are not for messages."""


def check_grippers(where: str, contract: Contract) -> None:
    """Check the grippers of a contract, and where they are commanded.

    Raises:
        ConfigError: naming the key that is wrong, the limit and the remedy.
    """
    for part in contract.action:
        _check_gripper(f"{where}: action {part.name!r}", part)
    grippers = contract.grippers
    if contract.moves and grippers:
        raise ConfigError(
            f"{where} has moves, and the gripper {grippers[0]}; a move is chosen anew at each step, so leave out the "
            "moves, or the gripper",
            at=("moves",),
        )
    if contract.gripper_topic:
        _check_gripper_topic(where, contract, grippers)
    elif grippers and contract.command_type.endswith("TwistStamped"):
        raise ConfigError(
            f"{where}: a TwistStamped has no place for the gripper {grippers[0]}; name under command: gripper: the "
            "topic on which its driver is commanded",
            at=("command",),
        )


def _check_gripper(where: str, part: ActionComponent) -> None:
    at: tuple[str, ...] = ("action", part.name)
    if part.kind not in ("", *KINDS):
        raise unknown(f"{where}: kind", part.kind, KINDS, at=(*at, "kind"))
    if part.closed not in ENDS:
        raise unknown(f"{where}: closed", part.closed, ENDS, at=(*at, "closed"))
    if not part.kind:
        if part.binary:
            raise ConfigError(f"{where} is binary; only a gripper can be, so give kind: gripper", (*at, "binary"))
        return
    if part.max_acceleration is not None:
        raise ConfigError(
            f"{where} has max_acceleration {part.max_acceleration:g}; a gripper is commanded by its position, so give "
            "max_velocity",
            (*at, "max_acceleration"),
        )
    if part.tracking is not None:
        raise ConfigError(
            f"{where} has tracking {part.tracking:g}; what a gripper holds keeps it from its command, so leave it out",
            (*at, "tracking"),
        )
    if not isinstance(part.rest, str) and not part.low <= part.rest <= part.high:
        raise ConfigError(
            f"{where} has rest {part.rest:g}; it must be within {part.low:g} and {part.high:g}, or the observation "
            "that measures it",
            (*at, "rest"),
        )


def _check_gripper_topic(where: str, contract: Contract, grippers: tuple[str, ...]) -> None:
    topic, at = contract.gripper_topic, ("command", "gripper")
    if len(grippers) in (0, len(contract.action)):
        raise ConfigError(
            f"{where}: the gripper has the topic {topic!r}, and {len(grippers)} of {len(contract.action)} components "
            "of the action are of kind gripper; the arm and the gripper need at least one each",
            at=at,
        )
    if _is_taken(topic, contract) or topic in {image.topic for image in contract.images}:
        raise ConfigError(
            f"{where}: the gripper has the topic {topic!r}, which carries something else; choose another one, such as "
            "gripper_command",
            at=(*at, "topic"),
        )
    if contract.gripper_type not in GRIPPER_TYPES:
        raise unknown(f"{where}: type of the gripper's command", contract.gripper_type, GRIPPER_TYPES, (*at, "type"))


def check_images(where: str, contract: Contract) -> None:
    """Check the cameras of a contract.

    Raises:
        ConfigError: naming the key that is wrong, the limit and the remedy.
    """
    for image in contract.images:
        _check_image(f"{where}: image {image.name!r}", image, ("images", image.name))
        if _is_taken(image.topic, contract):
            raise ConfigError(
                f"{where}: image {image.name!r} has the topic {image.topic!r}, which carries something else; name the "
                "topic of a camera",
                at=("images", image.name, "topic"),
            )


def _is_taken(topic: str, contract: Contract) -> bool:
    others = (*TAKEN, topics.COMMAND_NAME, *contract.topics)
    return topic.lstrip("/") in {other.lstrip("/") for other in others}


def _check_image(where: str, image: ImageComponent, at: tuple[str, ...]) -> None:
    if image.type not in IMAGE_TYPES:
        raise unknown(f"{where}: type", image.type, IMAGE_TYPES, (*at, "type"))
    for key in ("width", "height"):
        if not 1 <= getattr(image, key) <= MOST_PIXELS:
            raise ConfigError(
                f"{where}: {key} is {getattr(image, key)}; it must be 1 to {MOST_PIXELS} pixels, such as 96", (*at, key)
            )
    if image.crop and not (len(image.crop) == 4 and min(image.crop) >= 0 and min(image.crop[2:]) > 0):
        raise ConfigError(
            f"{where}: crop is {list(image.crop)}; give left, top, width and height, pixels within the published image",
            (*at, "crop"),
        )
    if not 0.0 < image.rate_hz <= FASTEST_HZ:
        raise ConfigError(
            f"{where}: rate_hz is {image.rate_hz}; it must be above 0, up to {FASTEST_HZ:g}", (*at, "rate_hz")
        )
    if not 0.0 <= image.stale_s < math.inf:
        raise ConfigError(f"{where}: stale_s is {image.stale_s}; it must be a time of 0 s or more", (*at, "stale_s"))
