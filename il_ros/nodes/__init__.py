# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The nodes: thin shells that connect topics to the pieces of the other packages."""

import os
import signal
import sys

if sys.argv[0] == "-m" or os.path.basename(sys.argv[0]).endswith("_node"):
    # A node is the program, and what it is made of is being imported for a second or two: whoever ends it meanwhile
    # gets the exit code of a node that was not there yet, and no traceback. Later, spin.main handles signals.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(128 + number))
