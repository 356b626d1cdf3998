# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the nodes are made of: the base node, parameters, QoS, codecs and the order of steps."""
