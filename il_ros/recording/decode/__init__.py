# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Decoding many CDR messages at once: where the fields lie, and their values as columns."""
