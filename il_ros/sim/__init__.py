# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A PyBullet arm behind the interface of a real one, and the tasks that it is given."""
