# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The DAgger trainer of HumanCompatibleAI/imitation, run in its own environment: see ``imitation_dagger.py``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from il_ros.core.errors import ConfigError
from il_ros.learning.dagger.config import DaggerConfig

PEER = "imitation's DAgger"
"""What it is called on the page."""
ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers"


def rounds_of(plan: DaggerConfig) -> list[dict[str, Any]]:
    """Return its rounds under a plan of ours, in the words of our ledger.

    Raises:
        ConfigError: if its environment is not there, or it fails.
    """
    options = {name: getattr(plan, name) for name in ("task", "expert", "seed", "demonstrations", "rounds")}
    options |= {"added": plan.labels_per_round, "batches": plan.training().steps}
    options |= {"evaluated": plan.eval_episodes, "enough": plan.success_threshold}
    options |= {"lapses": plan.lapses, "lapse-reach": plan.lapse_reach}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    python = PEERS / "bin" / "python"
    try:
        done = subprocess.run(
            [python, "-m", "studies.imitation_dagger", *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        message = getattr(error, "stderr", "") or str(error)
        raise ConfigError(
            f"the peer in {PEERS} does not run ({message.strip()[-300:]}); make {PEERS.name}/.complete"
        ) from error
    rounds, labels, wall_s = [], 0, 0.0
    for line in map(json.loads, done.stdout.splitlines()):
        rounds.append(
            {
                "labels": line["labels"] - labels,
                "alone": {"success": line["success"], "episodes": plan.eval_episodes},
                "wall_s": {"collect": 0.0, "train": line["wall_s"] - wall_s, "measure": 0.0},
                **dict.fromkeys(("takeovers", "switches", "expert_steps", "expert_s", "watched_s"), 0),
            }
        )
        labels, wall_s = line["labels"], line["wall_s"]
    return rounds
