# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The trainer node says when it is free, and is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from il_ros.core.errors import ConfigError
from il_ros.nodes.trainer_node import TrainerNode

pytestmark = pytest.mark.graph


def test_who_hears_of_a_checkpoint_may_ask_for_the_next_one_at_once(
    ros: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(folder=str(tmp_path / "e"), checkpoints=str(tmp_path / "c"))
    node = TrainerNode()
    learned, announced, made = threading.Event(), threading.Event(), []

    def train(*arguments: Any) -> dict[str, Any]:
        assert learned.wait(10.0)
        return {"path": "checkpoint_000001", "hash": "0"}

    def publish(message: Any) -> None:
        made.append(message)
        announced.set()
        time.sleep(0.3)  # whoever hears it is quicker than the rest of the thread

    monkeypatch.setattr(node._workshop, "train", train)
    monkeypatch.setattr(node._topic, "publish", publish)
    try:
        node._train()
        with pytest.raises(ConfigError, match=r"a training is under way \(ingesting\)"):
            node._train()
        learned.set()
        assert announced.wait(10.0)
        assert node._train().startswith("training diffusion")
        node._thread.join()
        assert len(made) == 2
    finally:
        learned.set()
        node.close()
