# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""DAgger runs: rounds of collecting, aggregating, training and evaluating, and the ledger of what they cost."""
