# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The subset of ROS 2's YAML launch format that ``il-ros launch`` runs."""
