# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What everything else is made of: errors, types, the contract, episodes, messages and plugins; numpy only, no ROS."""
