"""Imitation learning on a robot arm, as ordinary ROS 2 nodes."""

__version__ = "0.1.0"
