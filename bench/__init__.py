# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is claimed about speed, measured: ours and the peers' in turn, in one run; ``python -m bench`` runs it all.

One measurement is one file: a module that defines ``MEASUREMENTS`` and the functions that build its sides. It is found
by being here. The modules are imported in both environments, ours and the peers', so whatever only one of them has is
imported inside a function.
"""
