# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cameras of a rollout in this process: at their own rates, and as the nodes decode them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from il_ros.core import messages
from il_ros.core.contract import ImageComponent
from il_ros.core.types import Array
from il_ros.sim.env import ArmEnv

OnImage = Callable[[ImageComponent, int, Array], None]
"""Called with each image that a camera takes: the camera, the stamp, and (H, W, 3) uint8 as it is published."""


class RolloutCameras:
    """Takes the images of the contract's cameras as the simulation's node does, and keeps the newest of each."""

    def __init__(self, env: ArmEnv, on_image: OnImage | None = None) -> None:
        self._env, self._on_image = env, on_image
        self._newest: dict[str, Array] = {}

    def at(self, stamp_ns: int) -> Mapping[str, Array]:
        """Return the newest image (H, W, 3) uint8 of each camera at a step, by name; called at every step."""
        first_ns, step_ns = self._env.start.first_stamp_ns, self._env.contract.step_ns
        for part in self._env.contract.images:
            if messages.due_ns(part, first_ns, stamp_ns, step_ns) < stamp_ns:
                continue
            pixels = self._env.images([part.name], messages.published_size(part))[part.name]
            if self._on_image is not None:
                self._on_image(part, stamp_ns, pixels)
            raw = messages.serialized_image(stamp_ns, part.name, pixels)
            self._newest[part.name] = messages.decoded_image(raw, replace(part, type=ImageComponent.type))
        return self._newest
