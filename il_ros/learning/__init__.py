# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From recorded episodes to a checkpoint, and from a checkpoint to action chunks."""
