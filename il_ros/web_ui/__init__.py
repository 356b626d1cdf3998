# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page at which a person drives: who sits at the controls, what the hands do, the picture, and its server."""
