# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy, a task and a device, as another pip package offers them to il_ros by entry points."""
