# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recording: what was said, untouched, from the first byte to a verified bag.

A ``Journal`` takes messages while an episode runs and survives a kill; ``finalise`` makes a rosbag2 directory of it;
``recover`` does so for what a killed recorder left behind; ``read_episode`` joins a bag's messages into steps.
Messages that are laid out alike are read together: ``Scan`` finds them, ``Columns`` takes their numbers by the places
that a ``Layout`` has found, and ``joined`` puts observations together as the live policy does.
"""
