# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The chunks of policy and expert, as the page draws them: where the tool goes, and where the gripper turns."""

from __future__ import annotations

from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import IlRosError
from il_ros.core.types import RobotState
from il_ros.robot.tool_path import gripper_turn, tool_path
from il_ros.web_ui.scene import Scene

WHO = ("policy", "expert")


class PlannedPaths:
    """Draws the chunks that have come since the last time; none where none has come."""

    def __init__(self, contract: Contract, scene: Scene) -> None:
        self._contract, self._scene = contract, scene
        self._chunks: dict[str, Any] = {}

    def add(self, who: str, message: Any) -> None:
        """Take the newest chunk of ``policy`` or ``expert``."""
        self._chunks[who] = message

    def draw(self, reading: RobotState, closed: float | None) -> None:
        """Draw the chunks from where the arm is.

        Args:
            reading: the state of the arm.
            closed: how far the gripper is commanded to be closed, from 0 to 1; None if that is not known.
        """
        chunks, self._chunks = self._chunks, {}
        for who in WHO:
            path, turn = np.empty((0, 3)), None
            if who in chunks:
                try:
                    chunk = messages.chunk_from(chunks[who], self._contract, who == "expert")
                    path = tool_path(self._contract, chunk, reading.tool_position, self._scene.tool_at)
                    turn = None if closed is None else gripper_turn(self._contract, chunk, closed)
                except IlRosError:
                    pass  # the gate reports why it is refused
            self._scene.show_path(who, path, None if turn is None else path[min(turn, len(path) - 1)])
