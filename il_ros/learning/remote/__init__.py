# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies of other programs, asked over a network."""
