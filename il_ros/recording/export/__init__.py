# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exporters, one file each: episodes in the formats of other projects."""

from il_ros.recording.export.base import Exporter, available, load

__all__ = ["Exporter", "available", "load"]
