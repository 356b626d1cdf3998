# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The error that rclpy raises when a context has been shut down while a callback runs.

Why: it is exported by no public module. The plain way is to catch ``RuntimeError``, its base class, which would also
hide other errors while a node shuts down.
"""

from rclpy._rclpy_pybind11 import RCLError

__all__ = ["RCLError"]
