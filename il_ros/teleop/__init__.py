# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Teleoperation: what a device is, the dead-man switch, and the devices."""

from il_ros.teleop.base import DEAD_MAN_S, DeadMan, Device, Operated, Setup, load

__all__ = ["DEAD_MAN_S", "DeadMan", "Device", "Operated", "Setup", "load"]
