# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scripts that teach gymnasium-robotics' Fetch tasks behind our topics."""
