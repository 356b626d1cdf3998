# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Teleoperation: what a device is, the dead-man switch, and the devices."""

from il_ros.teleop.base import Device, Operated, Setup, load
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan

__all__ = ["DEAD_MAN_S", "DeadMan", "Device", "Operated", "Setup", "load"]
