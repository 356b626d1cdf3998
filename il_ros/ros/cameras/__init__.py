# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cameras: what a node sees of them, and the simulated ones."""
