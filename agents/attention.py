"""Attention on a CPU: PyTorch's kernel for it repeats the keys of grouped heads, and is slow with gradients.

Queries of heads that share keys are folded into one longer query, so that nothing is repeated; and where gradients are
wanted of short sequences, scores are written out in float32. `benchmarks/attention.py` measures both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

NAME = "distil_cpu"
ELSEWHERE = ("position_bias", "softcap", "cache")
"""What some models ask for, and transformers' own way does or refuses."""
SHORT = 1 << 14
"""Scores of a head (queries times keys) up to which writing them out is faster with gradients."""


def use_on_cpu(network: Any) -> None:
    """Let a transformers model use `attend`, if it would use PyTorch's `scaled_dot_product_attention`."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    if network.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        network.set_attn_implementation(NAME)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What `transformers.integrations.sdpa_attention.sdpa_attention_forward` returns, [B, T, N, D].

    Args:
        query: [B, N, T, D].
        key: [B, M, S, D] with M dividing N; so is ``value``.
        attention_mask: bool [B, 1, T, S], True where a query sees a key; None: of equally many those up to its own.
            With other masks, dropout or `ELSEWHERE` it is transformers' own way.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    (b, n, t, d), (m, s) = query.shape, key.shape[1:3]
    mask = attention_mask
    if mask is None and t == s > 1 and (module.is_causal if is_causal is None else is_causal):
        mask = query.new_ones(1, 1, t, s, dtype=torch.bool).tril()
    plain = not dropout and all(others.get(name) is None for name in ELSEWHERE)
    shared = t == 1 if mask is None else mask.dtype == torch.bool and mask.shape[1] == 1
    if query.device.type != "cpu" or not plain or not shared:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, is_causal=is_causal, **others
        )
    scale = d**-0.5 if scaling is None else scaling
    folded = query.reshape(b, m, n // m * t, d)
    if query.requires_grad and t * s <= SHORT:
        wide = torch.promote_types(query.dtype, torch.float32)
        scores = (folded.to(wide) * scale @ key.to(wide).mT).view(b, n, t, s)
        if mask is not None:  # not -inf: a query that sees nothing, as padding does, must not become NaN
            scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
        found = scores.softmax(-1).view(b, m, n // m * t, s) @ value.to(wide)
    else:
        rows = None if mask is None else mask.repeat(1, 1, n // m, 1)
        found = scaled_dot_product_attention(folded, key, value, attn_mask=rows, scale=scale)
    return found.to(query.dtype).view(b, n, t, d).transpose(1, 2).contiguous(), None
