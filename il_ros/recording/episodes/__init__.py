# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes: where they are stored, and how the messages of a bag become aligned steps."""
