# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checkpoints of LeRobot behind our gate; what runs here runs in LeRobot's environment, without il_ros and ROS."""
