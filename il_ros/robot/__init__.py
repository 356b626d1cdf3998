# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot arm as its URDF describes it: joints, forward and inverse kinematics, and meshes; no simulator."""
