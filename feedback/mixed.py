"""Distributions made of others: `Mixed`, several at once; `Hard`, the most likely token alone; `UniformRest`, a top k
whose other tokens are equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.distribution import TokenDistribution, TopK, dot


class _Made:
    """A distribution that is known through `dense`, which a subclass gives, and so are its parts, chunk by chunk."""

    _last: tuple[Tensor, Tensor] | None

    def parts(self) -> tuple[TokenDistribution, ...]:
        raise NotImplementedError

    def of(self, change: Callable[[TokenDistribution], TokenDistribution]) -> Any:
        """The same of changed parts."""
        raise NotImplementedError

    def dense(self, log_q: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def has_probabilities(self) -> bool:
        return all(part.has_probabilities for part in self.parts())

    @property
    def kept_mass(self) -> Tensor | None:
        return None

    def rows(self, mask: Tensor) -> Any:
        return self.of(lambda part: part.rows(mask))

    def chunk(self, start: int, stop: int) -> Any:
        return self.of(lambda part: part.chunk(start, stop))

    def placed(self, source: Tensor, target: Tensor) -> Any:
        return self.of(lambda part: part.placed(source, target))

    def _log_p(self, log_q: Tensor) -> Tensor:
        """`dense`, kept for as long as the chunk is worked on."""
        if self._last is None or self._last[0] is not log_q:
            self._last = log_q, self.dense(log_q)
        return self._last[1]

    def cross_entropy(self, log_q: Tensor) -> Tensor:
        return -dot(self._log_p(log_q).exp(), log_q)

    def logit_gradient(self, log_q: Tensor) -> Tensor:
        p = self._log_p(log_q).exp()
        return log_q.exp() * p.sum(-1, keepdim=True) - p

    def bins(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        self._require_probabilities(log_q)
        return self._log_p(log_q), log_q

    def spread(self, slope: Tensor, log_q: Tensor) -> Tensor:
        return slope - log_q.exp() * slope.sum(-1, keepdim=True)

    def at(self, ids: Tensor) -> TopK:
        raise ConfigError(
            f"the student's top k tokens cannot be looked up in {type(self).__name__}: use no top k of the student "
            "(learner.top_k None), or an expert that is not mixed"
        )

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        return self._log_p(log_q).argmax(-1), log_q.new_zeros(len(log_q))

    def entropy(self, log_q: Tensor) -> Tensor:
        self._require_probabilities(log_q)
        log_p = self._log_p(log_q)
        return -dot(log_p.exp(), log_p)

    def log_prob(self, ids: Tensor, log_q: Tensor) -> Tensor:
        self._require_probabilities(log_q)
        return self._log_p(log_q).gather(-1, ids[:, None])[:, 0]

    def _require_probabilities(self, log_q: Tensor) -> None:
        for part in self.parts():
            if not part.has_probabilities:
                part.bins(log_q)  # raises, with the reason


@dataclass
class Mixed(_Made):
    """``p = Σ_i w_i p_i``, position by position."""

    distributions: tuple[TokenDistribution, ...]
    """All [B, T]."""
    weights: tuple[float, ...]
    """One each, not negative; they sum to one."""
    _last: tuple[Tensor, Tensor] | None = field(default=None, init=False, repr=False)

    def parts(self) -> tuple[TokenDistribution, ...]:
        return self.distributions

    def of(self, change: Callable[[TokenDistribution], TokenDistribution]) -> Mixed:
        return replace(self, distributions=tuple(map(change, self.distributions)))

    def dense(self, log_q: Tensor) -> Tensor:
        pairs = zip(self.distributions, self.weights, strict=True)
        p = sum((weight * part.dense(log_q).exp() for part, weight in pairs), torch.zeros_like(log_q))
        return p.log()


@dataclass
class Hard(_Made):
    """All mass on the most likely token (the lowest id among equals): the label of DAgger (arXiv 1011.0686)."""

    distribution: TokenDistribution
    """[B, T]."""
    _last: tuple[Tensor, Tensor] | None = field(default=None, init=False, repr=False)

    def parts(self) -> tuple[TokenDistribution, ...]:
        return (self.distribution,)

    def of(self, change: Callable[[TokenDistribution], TokenDistribution]) -> Hard:
        return Hard(change(self.distribution))

    def dense(self, log_q: Tensor) -> Tensor:
        label, log_weight = self.distribution.label(log_q)
        return torch.full_like(log_q, -torch.inf).scatter(-1, label[:, None], log_weight[:, None].to(log_q.dtype))


@dataclass
class UniformRest(_Made):
    """The tokens of a top k, and all others equally likely: what is left of the mass is shared evenly."""

    top: TopK
    """[B, T, K], in mode ``tail``."""
    vocabulary: int
    """V."""
    _last: tuple[Tensor, Tensor] | None = field(default=None, init=False, repr=False)

    @property
    def kept_mass(self) -> Tensor:
        return self.top.kept_mass

    def parts(self) -> tuple[TokenDistribution, ...]:
        return (self.top,)

    def of(self, change: Callable[[TokenDistribution], TokenDistribution]) -> UniformRest:
        top = change(self.top)
        assert isinstance(top, TopK)
        return replace(self, top=top)

    def _log_each(self) -> Tensor:
        """Log-probability [C, 1] of each token that is not listed."""
        others = self.vocabulary - self.top.ids.shape[-1]
        return (
            self.top.log_tail[..., None] - math.log(others)
            if others
            else torch.full_like(self.top.log_p[..., :1], -torch.inf)
        )

    def dense(self, log_q: Tensor) -> Tensor:
        each = self._log_each().to(log_q.dtype).expand_as(log_q)
        return each.scatter(-1, self.top.ids, self.top.log_p.to(log_q.dtype))

    def at(self, ids: Tensor) -> TopK:
        same = ids[..., :, None] == self.top.ids[..., None, :]  # [C, k, K]
        listed = torch.where(same, self.top.log_p[..., None, :], -torch.inf).logsumexp(-1)
        log_p = torch.where(same.any(-1), listed, self._log_each())
        rest = torch.log1p(-log_p.double().exp().sum(-1).clamp(max=1.0)).to(log_p.dtype)
        return TopK(ids, log_p, rest)

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        return self.top.label(log_q)
