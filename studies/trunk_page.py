"""``docs/trunk.md``: what matters in the trunk and in its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def page(rows: Sequence[Row]) -> str:
    """The whole text, Markdown."""
    return ""
