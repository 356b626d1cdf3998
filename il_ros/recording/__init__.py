# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recording: messages as they were published, from the first byte to a verified bag, and back to aligned steps.

A ``Journal`` takes messages while an episode runs and survives a kill; ``finalize`` makes a rosbag2 directory of it;
``recover`` does so for what a killed recorder left behind; ``read_episode`` joins a bag's messages into steps.
Messages that are laid out alike are read together: ``McapScanner`` finds them, ``FieldColumns`` takes their numbers by
the places that a ``CdrLayout`` has found, and ``joined`` puts observations together as the live policy does.
"""
