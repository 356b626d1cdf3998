# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Studies that take an hour: the claims of the lecture, put to the test; ``python -m studies.policies`` runs one."""
