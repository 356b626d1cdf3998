"""``python -m il_ros.cli`` is ``il-ros``."""

import sys

from il_ros.cli import main

sys.exit(main())
