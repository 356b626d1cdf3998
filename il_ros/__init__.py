# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Imitation learning on a robot arm, as ordinary ROS 2 nodes."""

__version__ = "0.1.0"
