# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report: one HTML file with charts and top views, which opens without a network."""
