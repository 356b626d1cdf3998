# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Starting graphs: launch files, child processes and an isolated ROS domain."""
