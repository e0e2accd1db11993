"""Edit distances of all prefixes of a batch of texts to all prefixes of their targets."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def prefix_distances(texts: Tensor, targets: Tensor, counts: Tensor) -> Iterator[Tensor]:
    """Levenshtein distances (an insertion, a deletion or a substitution costs 1), one row of the table after another.

    The t-th yield, t = 0 .. T-1, is int64 [B, L+1]: entry [b, j] is the distance of ``texts[b, :t]``, less the ids that
    do not count, from ``targets[b, :j]``. Each row is made from the one before in O(B L) (Wagner and Fischer 1974).

    Args:
        texts: int64 [B, T], padded on the right with anything.
        targets: int64 [B, L], padded on the right with anything: column j depends on the first j ids alone.
        counts: bool [B, T], whether an id of the texts counts; those that do not are as good as absent.
    """
    column = torch.arange(targets.shape[1] + 1, device=targets.device)
    row = column.expand(len(targets), -1)
    for token, counted in zip(texts.unbind(1), counts.unbind(1), strict=True):
        yield row
        substituted = row[:, :-1] + (targets != token[:, None])
        entered = torch.cat([row[:, :1] + 1, torch.minimum(row[:, 1:] + 1, substituted)], dim=1)
        # Insertions run along the row: entry j is the least of entered[i] + (j - i) over i <= j.
        inserted = (entered - column).cummin(1).values + column
        row = torch.where(counted[:, None], inserted, row)
