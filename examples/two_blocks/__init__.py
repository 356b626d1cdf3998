# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An environment of one file: two equal blocks are pushed into two zones, in any order; and its scripted expert."""
