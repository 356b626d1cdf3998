# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading LeRobot's data sets, version 3.0."""
