# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Runnable programs to begin with; run them from the checkout, for example ``python -m examples.train_from_bags``."""
