# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading bags: MCAP and SQLite files, their metadata, and the message types that they define."""
