# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is claimed about speed, measured: ours and the peers' in turn, in one run; ``python -m benchmarks`` runs it all.

One measurement is one file: a module that defines ``MEASUREMENTS`` and the functions that build its sides. It is found
by being here. The modules are imported in both environments, ours and the peers', so whatever only one of them has is
imported inside a function.
"""
