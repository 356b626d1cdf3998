# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training data: windows of episodes, labels, normalization, outliers and seeds."""
