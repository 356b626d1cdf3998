# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the learner may be: one file is one policy class, found by its file's name."""
