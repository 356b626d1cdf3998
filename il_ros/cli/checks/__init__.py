# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What ``il-ros doctor`` looks at beside the machine and the installation."""
