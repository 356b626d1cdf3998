# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the learner sees: one file is one encoder of images, found by its file's name."""
