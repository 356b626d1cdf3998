# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Transformer blocks, for policies that read tokens."""

from __future__ import annotations

from torch import Tensor, nn

from il_ros.policies.layers.fast_linear import Linear


class Attention(nn.Module):
    """Scaled dot-product attention with several heads (Vaswani 2017, section 3.2)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_value, self.out = Linear(width, width), Linear(width, 2 * width), Linear(width, width)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (B, N, width), which look at ``context`` (B, M, width) where ``mask`` (B, 1, 1, M) is True."""
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out


class TransformerBlock(nn.Module):
    """A pre-norm block (Xiong 2020): attention of tokens to each other, then an MLP for each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm, self.inner, self.outer = nn.LayerNorm(width), Linear(width, 4 * width), Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (B, N, width) to (B, N, width); ``mask`` (B, 1, 1, N) is False for tokens that nobody may see."""
        return self._each(self._together(x, mask))

    def _together(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        normed = self.attention_norm(x)
        together: Tensor = x + self.attention(normed, normed, mask)
        return together

    def _each(self, x: Tensor) -> Tensor:
        each: Tensor = x + self.outer(nn.functional.gelu(self.inner(self.norm(x))))
        return each


class DecoderBlock(TransformerBlock):
    """One whose tokens look at others, too, between the two."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.look_norm, self.look = nn.LayerNorm(width), Attention(width, heads)

    def forward(self, x: Tensor, others: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, N, width), which look at ``others`` (B, M, width)."""
        x = self._together(x)
        return self._each(x + self.look(self.look_norm(x), others))
