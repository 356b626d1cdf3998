# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The input devices, one file each; a device is found by the name of its file."""
