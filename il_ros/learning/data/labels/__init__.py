# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Labelling schemes, one file each: which steps are labels, what they say and how much they count."""

from il_ros.learning.data.labels.base import Labels, Scheme, available, load

__all__ = ["Labels", "Scheme", "available", "load"]
