"""Distributions made of others: `Mixed`, several at once, and `Hard`, the most likely token alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

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
        return TopK.at(self, ids)  # type: ignore[arg-type]  # the same refusal

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
        label = self.distribution.dense(log_q).argmax(-1, keepdim=True)
        return torch.full_like(log_q, -torch.inf).scatter(-1, label, 0.0)
