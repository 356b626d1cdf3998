# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``python -m il_ros.cli`` is ``il-ros``."""

import sys

from il_ros.cli import main

sys.exit(main())
