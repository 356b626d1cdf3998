# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that lacks a library: it must not keep the others from being used."""

import a_library_that_is_not_installed  # noqa: F401
