# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Gating rules, one file each: when the expert is given control, and when it is taken back."""

from il_ros.gate.rules.base import Rule, Situation, available, load

__all__ = ["Rule", "Situation", "available", "load"]
