# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cameras of the contract as a policy sees them: the image of each step, and whether it is stale or frozen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.messages import CameraBuffer
from il_ros.core.topics import QosKind
from il_ros.core.types import Array
from il_ros.ros.node_base import IlNode


class CameraInputs:
    """Subscribes to the cameras of a node's contract and keeps their images until their steps are over.

    Args:
        node: which subscribes, and reports images that cannot be decoded.
        arrived: called after each image.
    """

    def __init__(self, node: IlNode[Any], arrived: Callable[[], None]) -> None:
        self._contract: Contract = node.contract
        self._buffers = {part.name: CameraBuffer(part) for part in self._contract.images}
        self._ages_ns: dict[str, int] = {}
        for part in self._contract.images:

            def receive(data: bytes, _: Any, buffer: CameraBuffer = self._buffers[part.name]) -> None:
                image = messages.decoded_image(data, buffer.component)
                buffer.add(messages.serialized_stamp_ns(data), image)
                arrived()

            node.subscribe_raw(topics.camera(part, QosKind.CAMERA), receive)

    def have_come(self, first_ns: int, stamp_ns: int) -> bool:
        """Return whether the images of a step of a simulation in lockstep are there.

        Args:
            first_ns: the stamp of the episode's first step.
            stamp_ns: that of the step.
        """
        return all(
            buffer.newest_ns >= messages.due_ns(buffer.component, first_ns, stamp_ns, self._contract.step_ns)
            for buffer in self._buffers.values()
        )

    def at(self, stamp_ns: int) -> dict[str, Array]:
        """Return the image (H, W, 3) uint8 of each camera that has a fresh one for the step, by name."""
        images = {}
        for name, buffer in self._buffers.items():
            self._ages_ns[name], image = buffer.at(stamp_ns)
            if image is not None:
                images[name] = image
        return images

    def frozen(self, observation: Array) -> list[str]:
        """Return the cameras whose images stay the same while what is observed (Do,) changes."""
        return [name for name, buffer in self._buffers.items() if buffer.is_frozen(observation)]

    def stale(self, names: Collection[str], images: Mapping[str, Array]) -> str:
        """Return what is wrong with those of the cameras ``names`` that have no image at a step; empty if all have."""
        lacking = [buffer.component for name, buffer in self._buffers.items() if name in names and name not in images]
        limits = [
            f"camera {part.name!r} has no image of {part.topic} of at most {part.stale_ns / 1e9:g} s age"
            for part in lacking
        ]
        return f"{' and '.join(limits)}; the policy is silent until it has: check the camera's driver" if limits else ""

    def facts(self) -> dict[str, str]:
        """Return the age of each camera's image at the last step, s, for the diagnostics."""
        return {
            f"camera_{name}_age_s": "none" if age_ns < 0 else f"{age_ns / 1e9:.3f}"
            for name, age_ns in self._ages_ns.items()
        }
