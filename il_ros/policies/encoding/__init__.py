# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a policy is shown beside the numbers of an observation: relations between points, and features of images."""
