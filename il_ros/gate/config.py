# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The configuration of the gate."""

from __future__ import annotations

from dataclasses import dataclass

from il_ros.core.contract import gap_ns
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.gate.chunk_executor import ChunkExecutor
from il_ros.gate.temporal_ensemble import TemporalEnsemble


@dataclass(frozen=True)
class GateConfig:
    """How the gate behaves.

    Raises:
        ConfigError: for a value outside its limits.
    """

    rule: str = "human"
    policy_timeout_s: float = 0.125
    """A policy whose last answer is older than this, and than one and a half steps, is lost."""
    expert_timeout_s: float = 0.125
    execute_steps: int = 0
    """How many rows of a chunk are executed before the newest one is adopted; 0: as many as the policy asks for, which
    is what its training configuration says, else ``EXECUTE_STEPS``."""
    ensembling: float = -1.0
    """Decay of temporal ensembling, 0.01 in ACT; every step is then the mean of all chunks. Negative: none."""

    anchored: bool = True
    """Whether the rows of a chunk belong to instants, so that those which come too late are dropped; else a late chunk
    is executed from its beginning."""
    policy_delay: int = 0
    """Steps that pass before an answer of the policy counts, as with a slow network or a long line; for studies. Its
    timeout does not grow by that."""
    expert_delay: int = 0
    """The same for the expert, who then reacts to what was."""

    def __post_init__(self) -> None:
        for name in ("policy_timeout_s", "expert_timeout_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"gate: {name} is {getattr(self, name)}; it must be positive")
        for name in ("policy_delay", "expert_delay", "execute_steps"):
            if getattr(self, name) < 0:
                raise ConfigError(f"gate: {name} is {getattr(self, name)}; it must be 0 or a number of steps")

    def timeout_ns(self, source: str, step_ns: int) -> int:
        """Return after how long ``policy`` or ``expert`` is lost, ns; an answer that is one step late is in time."""
        timeout_s: float = getattr(self, f"{source}_timeout_s")
        return max(round(timeout_s * 1e9), gap_ns(step_ns))

    def make_executor(self, step_ns: int, is_gripper: Array | None = None) -> ChunkExecutor:
        """Return what executes the chunks; ``is_gripper`` (Da,) says which components are never averaged."""
        if self.ensembling < 0:
            return ChunkExecutor(step_ns, self.execute_steps, self.anchored)
        return TemporalEnsemble(step_ns, self.ensembling, self.anchored, is_gripper)
