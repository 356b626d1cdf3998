# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What RViz and Foxglove read: the arm's description, its transforms, and markers."""
