# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""No gating: the policy drives, as behaviour cloning is evaluated."""

from __future__ import annotations

from il_ros.gate.rules import Rule, Situation
from il_ros.gate.table import Event, State


class Nobody(Rule):
    """The expert is not listened to; the services of the gate still are."""

    initial = State.POLICY
    sources = ("policy",)

    def decide(self, situation: Situation) -> Event | None:
        """Never."""
        return None
