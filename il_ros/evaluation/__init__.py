# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts, metrics with intervals, figures and the report."""
