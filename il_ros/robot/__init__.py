# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot arm by its URDF: description, forward and inverse kinematics, meshes; no simulator."""
