# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The nodes: thin shells that connect topics to the pieces of the other packages."""

import os
import signal
import sys

if sys.argv[0] == "-m" or os.path.basename(sys.argv[0]).endswith("_node"):
    # A node is the program, and what it is made of is being imported for a second or two: whoever ends it meanwhile
    # gets the exit code of a node that was not there yet, and no traceback. Later, executor.main hears signals.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(128 + number))
