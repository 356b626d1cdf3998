# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Interfaces of rclpy that are private or do not work as documented, each in one file that says why it is used."""
