# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Steering of the scripted experts: through gaps, for pushing and for handling things; shared by the tasks."""
