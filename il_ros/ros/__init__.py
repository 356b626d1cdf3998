# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of nodes: the base node, parameters, QoS, codecs, diagnostics and the order of steps."""
