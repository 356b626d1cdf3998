# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The contract: which topics and fields make an observation and an action, with units and limits, from YAML."""

from il_ros.core.contract.components import ActionComponent, External, ImageComponent, ObservationComponent
from il_ros.core.contract.contract import ABSURD, TOOL_AXES, TRACKING_S, Contract, gap_ns
from il_ros.core.contract.equal_objects import EqualObjects
from il_ros.core.contract.geometry import Geometry
from il_ros.core.contract.layout import ObservationLayout

__all__ = [
    "ABSURD",
    "TOOL_AXES",
    "TRACKING_S",
    "ActionComponent",
    "Contract",
    "EqualObjects",
    "External",
    "Geometry",
    "ImageComponent",
    "ObservationComponent",
    "ObservationLayout",
    "gap_ns",
]
