# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""For the habit of Python launch files: includes the YAML one, which is the description."""

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution, ThisLaunchFileDir


def generate_launch_description() -> LaunchDescription:
    """Make the graph of ``bringup.launch.yaml``."""
    path = PathJoinSubstitution([ThisLaunchFileDir(), "bringup.launch.yaml"])
    return LaunchDescription([IncludeLaunchDescription(AnyLaunchDescriptionSource(path))])
