# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The training loop, its optimizer, and how a training that was interrupted is resumed."""
