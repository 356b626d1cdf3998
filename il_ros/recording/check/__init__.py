# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of recordings and of running graphs against a contract."""
