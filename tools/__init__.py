# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Generators of the reference pages under ``docs/reference``: ``python -m tools.reference`` writes all of them."""
