# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Clients of a running graph: for commands, tests and benchmarks."""
