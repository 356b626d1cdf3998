# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A process that builds stretches and times them on request; one line of JSON in, one line out.

``{"build": key, "factory": "module:function", "options": {...}}`` makes a stretch, ``{"run": key, "steps": n}`` times
it, ``{"drop": key}`` forgets it. The answer is ``{"durations": [...]}``, or ``{"error": "one line"}``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from benchmarks.measurement import Stretch, build


class Workbench:
    """The stretches of one process, by their keys."""

    def __init__(self) -> None:
        self._stretches: dict[str, Stretch] = {}

    def answer(self, request: dict[str, Any]) -> list[float]:
        """Do what one request asks for."""
        if "build" in request:
            self._stretches[request["build"]] = build(request["factory"], request["options"])
        elif "drop" in request:
            self._stretches.pop(request["drop"], None)
        else:
            gc.collect()  # the other sides' garbage is nobody's business here
            return self._stretches[request["run"]](request["steps"])
        return []


def serve() -> None:
    """Answer until standard input ends; what libraries print goes to standard error."""
    import torch

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    workbench = Workbench()
    for line in sys.stdin:
        try:
            response: dict[str, Any] = {"durations": workbench.answer(json.loads(line))}
        except Exception as error:  # whatever a peer raises, whoever asked is told, and the log has the rest
            import traceback

            traceback.print_exc()
            response = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        answers.write(json.dumps(response) + "\n")


if __name__ == "__main__":
    serve()
