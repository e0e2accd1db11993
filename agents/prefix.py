"""Hidden states for many rows that share prefixes, each prefix encoded once.

Rows ``context + completion`` are laid out as levels of a tree: the prefix common to all contexts, what is left of every
distinct context, and the completions. Each level is one forward on top of its parent's keys and values, which are
selected by index and stay differentiable. For a group of G samples this costs ``P + G R`` tokens instead of
``G (P + R)``, and a demonstration that stands before every prompt is encoded once per batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Ids = Sequence[int]
MIN_SHARED = 8
"""Shorter common prefixes are not worth a forward of their own."""


@dataclass
class Level:
    """One forward."""

    ids: Tensor
    """[n, T], padded."""
    mask: Tensor
    """int64 [n, T], 1 where there is a token."""
    parent: Tensor
    """[n], the row of the level before that each row continues."""

    @property
    def last(self) -> Tensor:
        """[n], the column of each row's last token."""
        return self.mask.cumsum(1).argmax(1)


@dataclass
class Encoded:
    """Result of running levels: last `hidden` [n, T, H], and what a further level needs."""

    hidden: Tensor
    cache: Any
    mask: Tensor
    """[n, columns], 1 where the cache column holds a token of the row (int64)."""
    positions: Tensor
    """[n], the position of the next token."""

    def select(self, index: Tensor) -> None:
        """Keep (and repeat) rows of the cache."""
        self.cache.batch_select_indices(index)
        self.mask, self.positions = self.mask[index], self.positions[index]


def supports_sharing(config: Any) -> bool:
    """Whether all layers attend to everything before, so that a cache with gaps is exact."""
    layers = getattr(config, "layer_types", None)
    if layers is not None:
        return all(kind == "full_attention" for kind in layers)
    return getattr(config, "sliding_window", None) is None


def plan(
    contexts: Sequence[Ids],
    completions: Sequence[Ids],
    *,
    share: bool,
    device: torch.device,
    pad_left: bool = False,
) -> list[Level]:
    """Levels whose last one holds, row by row, the inputs that predict each completion.

    The last level's row i is the last id of ``contexts[i]`` and ``completions[i][:-1]``, so its hidden states are
    aligned with ``completions[i]``; in a plan of one level all of ``contexts[i]`` stands before them. Contexts must not
    be empty. `pad_left` pads a single level on the left, for those who go on after it: layers with a sliding window
    count columns, so no gap may stand between a row's tokens.
    """
    last = [[context[-1], *completion[:-1]] for context, completion in zip(contexts, completions, strict=True)]
    heads = [tuple(context[:-1]) for context in contexts]
    whole = [[*head, *row] for head, row in zip(heads, last, strict=True)]
    if not share:
        return [_level(whole, range(len(last)), device, pad_left=pad_left)]
    distinct = list(dict.fromkeys(heads))
    common = _common_prefix(distinct)
    levels: list[Level] = []
    row_of = {head: index for index, head in enumerate(distinct)}
    if len(distinct) > 1 and common >= MIN_SHARED:
        levels.append(_level([distinct[0][:common]], [0], device))
        levels.append(_level([head[common:] for head in distinct], [0] * len(distinct), device))
    elif common or len(distinct) > 1:
        levels.append(_level(distinct, range(len(distinct)), device))
    if not levels or not all(distinct):  # a context of one id: nothing before the last level
        return [_level(whole, range(len(last)), device)]
    levels.append(_level(last, [row_of[head] for head in heads], device))
    return levels


def encode(trunk: Any, levels: Sequence[Level], *, cache: Any = None) -> Encoded:
    """Run the levels through `trunk` (a transformers base model without its head).

    `cache` is an empty transformers cache for those who go on after the last level; several levels make their own.
    """
    from transformers import DynamicCache

    if cache is None and len(levels) > 1:
        cache = DynamicCache()
    state: Encoded | None = None
    for level in levels:
        if state is None:
            past = level.ids.new_zeros((len(level.ids), 0))
            start = level.ids.new_zeros(len(level.ids))
        else:
            state.select(level.parent)
            past, start = state.mask, state.positions
        mask = torch.cat([past, level.mask], dim=1)
        # Padding takes the position of a neighbour, so that none exceeds what a learned embedding has.
        steps = (level.mask.cumsum(1) - 1).clamp(min=0)
        output = trunk(
            input_ids=level.ids,
            attention_mask=mask,
            position_ids=start[:, None] + steps,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        state = Encoded(output.last_hidden_state, cache, mask, start + level.mask.sum(1))
    if state is None:
        raise ValueError("nothing to encode")
    return state


def _level(
    rows: Sequence[Ids], parent: Sequence[int] | range, device: torch.device, *, pad_left: bool = False
) -> Level:
    ids = torch.zeros(len(rows), max(len(row) for row in rows), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        start = ids.shape[1] - len(row) if pad_left else 0
        ids[index, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, start : start + len(row)] = 1
    return Level(ids.to(device), mask.to(device), torch.tensor(list(parent), device=device))


def _common_prefix(rows: Sequence[tuple[int, ...]]) -> int:
    """Length of the prefix common to all rows, leaving at least one id of each."""
    shortest, longest = min(rows), max(rows)  # lexicographic extremes share what all share
    limit = min(len(row) for row in rows) - 1
    for index in range(max(limit, 0)):
        if shortest[index] != longest[index]:
            return index
    return max(limit, 0)
