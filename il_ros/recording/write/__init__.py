# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writing bags: the journal of an episode, its finalization, and recovery after a crash."""
