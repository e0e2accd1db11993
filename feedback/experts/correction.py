"""The correction expert: at every prefix, the tokens that lead back to a corrected response. It needs no model."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch import Tensor

from distil_envs import Episode, encode_inert
from distil_envs.errors import ConfigError
from feedback.distribution import TopK
from feedback.experts.edit_distance import prefix_distances
from feedback.experts.expert import Expert, Ids, Models
from feedback.experts.positions import made_by_policy
from feedback.mixed import UniformRest


@dataclass
class CorrectionExpert(Expert):
    """Optimal completion (Sabour, Chan and Norouzi 2018, arXiv 1810.01398) towards `Feedback.correction`.

    With d(a) the edit distance, in tokens, between the correction and the nearest response that goes on from the
    student's tokens with a,

        p(a) = (1 - floor) exp(-(d(a) - min d) / temperature) / Z + floor / V

    The end of the response is a token like any other, but nothing follows it: d(end) is the distance of what is written
    so far. Another token is best, d(a) = min d, where it comes next in the correction after a beginning of it that is
    nearest to what is written so far. Any other has to be deleted again: d(a) = min d + 1.

    Results of tools within the attempt are not the student's words and count as absent. The end of a turn that called a
    tool is one more token to delete.
    """

    temperature: float = 0.0
    """0 is uniform over the best tokens, as in the paper. Above it all others together weigh V exp(-1/temperature) and
    a best one 1: with V = 49,000, at 0.1, twice as much as that one."""
    floor: float = 0.01
    """Share of p that is uniform over the vocabulary. Without it the loss is least where the student is certain."""

    max_tokens: int = 2048
    """Tokens of a correction that are looked at; a longer one is read as if it ended there."""

    def validate(self) -> None:
        if self.max_tokens < 1:
            raise ConfigError(f"expert.max_tokens must be at least 1, got {self.max_tokens}")
        if not 0 <= self.temperature < math.inf:
            raise ConfigError(
                f"expert.temperature must be 0 (the best tokens alone) or positive, got {self.temperature}"
            )
        if not 0 <= self.floor < 1:
            raise ConfigError(f"expert.floor is the uniform share of the distribution, in [0, 1), got {self.floor}")

    def teaches(self, episode: Episode) -> bool:
        """Where the feedback holds a correction."""
        feedback = episode.attempt.feedback
        return feedback is not None and feedback.correction is not None

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> UniformRest:
        """The id that ends a response, the best others, and more up to an equal number; those not listed are equally
        likely.
        """
        del seed, step
        V, device = models.vocabulary, models.device
        corrections = [
            encode_inert(models.tokenizer, each.attempt.feedback.correction)[: self.max_tokens] for each in episodes
        ]
        # What may be listed: the end, and the tokens of the correction, each in a column of its own; then any others.
        columns = [
            {token: column for column, token in enumerate(dict.fromkeys([models.end_id, *ids]))} for ids in corrections
        ]
        width = min(V, max([1, *map(len, columns)]))
        table = _padded([_extended(listed, width) for listed in columns], device)
        counts = [made_by_policy(*pair) for pair in zip(episodes, completions, strict=True)]
        nexts = [[*map(listed.__getitem__, ids), 0] for ids, listed in zip(corrections, columns, strict=True)]
        excess = _excess(
            _padded(completions, device),
            _padded(counts, device).bool(),
            _padded(corrections, device),
            _padded(nexts, device, fill=-1),
            width,
        )

        # The end stays first, whatever its excess. That of the others is 0 or 1, and 1 for all that are not listed.
        rank = excess.clone()
        rank[..., 0] = -1
        K = int((rank <= 0).sum(-1).max()) if rank.numel() else 1
        order = rank.argsort(dim=-1, stable=True)[..., :K]
        K = order.shape[-1]
        decay = math.exp(-1 / self.temperature) if self.temperature else 0.0
        weight = torch.pow(decay, excess.gather(-1, order).double())
        total = weight.sum(-1) + (V - K) * decay
        p = (1 - self.floor) * weight / total[..., None] + self.floor / V
        rest = (V - K) * ((1 - self.floor) * decay / total + self.floor / V)
        ids = table[:, None].expand(-1, order.shape[1], -1).gather(-1, order)
        return UniformRest(TopK(ids, p.log().float(), rest.log().float()), V)


def _excess(texts: Tensor, counts: Tensor, corrections: Tensor, columns: Tensor, width: int) -> Tensor:
    """d - min d, int32 [B, T, width], of the tokens in the columns of a table whose column 0 is the end.

    Args:
        texts: int64 [B, T].
        counts: bool [B, T], whether an id of the texts counts.
        corrections: int64 [B, L], without the end.
        columns: int64 [B, L+1], that of each token of the corrections and then of the end; -1 where there is none.
        width: of the table.
    """
    (B, T), here = texts.shape, columns >= 0
    ends = here.sum(1, keepdim=True) - 1
    excess = torch.ones(B, T, width, dtype=torch.int32, device=texts.device)
    for t, row in enumerate(prefix_distances(texts, corrections, counts)):
        least = row.masked_fill(~here, row.shape[1] + T).amin(1, keepdim=True)
        # What is none of the correction goes to column 0, which is overwritten.
        excess[:, t].scatter_reduce_(1, columns.clamp(min=0), (row != least).int(), "amin")
        excess[:, t, :1] = (row.gather(1, ends) - least).int()
    return excess


def _extended(ids: Collection[int], width: int) -> list[int]:
    """The ids and, up to the width, the first others of the vocabulary."""
    return [*ids, *islice((other for other in count() if other not in ids), width - len(ids))]


def _padded(rows: Sequence[Sequence[int]], device: torch.device, fill: int = 0) -> Tensor:
    """int64 [B, longest]."""
    width = max(map(len, rows), default=0)
    padded = [[*row, *[fill] * (width - len(row))] for row in rows]
    return torch.tensor(padded, dtype=torch.int64, device=device).view(len(rows), width)
