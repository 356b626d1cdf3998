# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one place where it is decided who commands the arm, and why."""

from il_ros.gate.config import GateConfig
from il_ros.gate.gate import Gate

__all__ = ["Gate", "GateConfig"]
