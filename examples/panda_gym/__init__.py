# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""panda-gym's Push and PickAndPlace behind our topics: contracts, experts and a training configuration."""
