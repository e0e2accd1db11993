"""Token distributions: what an expert says the next token should be, at every position of a batch.

`TopK`, `Samples` and `Hidden` share one protocol. All losses need of an expert p against a student q is, for a chunk of
positions and the student's log-probabilities there, the cross-entropy ``-E_p log q`` (nats), its gradient with respect
to the student's logits, the expert's own entropy, and for other divergences (`feedback.divergence`) both sides in the
bins that the expert is known in. Nothing here is ever [B, T, V] (law 7): dense rows exist for one chunk.

Padding: rows of a batch are right-padded to [B, T, …]; `rows(mask)` flattens to the N positions that count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypeVar, get_args

import torch
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.saved import save_distribution

TopKMode = Literal["tail", "renormalise", "truncate"]


class TokenDistribution(Protocol):
    """An expert's distributions for a batch [B, T] or, once flattened by `rows`, for N positions."""

    @property
    def has_probabilities(self) -> bool:
        """Whether p is known, so that `entropy` and `log_prob` can be computed."""
        ...

    @property
    def kept_mass(self) -> Tensor | None:
        """Probability [B, T] of the tokens that are told apart (the k of a `TopK`); None where that is all of it."""
        ...

    def rows(self, mask: Tensor) -> TokenDistribution:
        """The positions where `mask` [B, T] holds, row-major, as one flat distribution of N positions."""
        ...

    def chunk(self, start: int, stop: int) -> TokenDistribution:
        """Positions [start, stop) of a flat distribution."""
        ...

    def placed(self, source: Tensor, target: Tensor) -> TokenDistribution:
        """The positions where `source` [N, S] holds, in order, as those where `target` [B, T] holds.

        Both are bool, with equally many positions. The others are zeros, not distributions: mask them.
        """
        ...

    def dense(self, log_q: Tensor) -> Tensor:
        """log p [C, V], nats. What is known only as a whole is spread as the student spreads it."""
        ...

    def cross_entropy(self, log_q: Tensor) -> Tensor:
        """``-E_p log q`` [C] in nats against a student's `log_q` [C, V]."""
        ...

    def logit_gradient(self, log_q: Tensor) -> Tensor:
        """Gradient of `cross_entropy` [C] with respect to the student's logits, [C, V]."""
        ...

    def bins(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        """log p and log q [C, K] in the K bins that p is known in. Raises ConfigError where it cannot be known."""
        ...

    def spread(self, slope: Tensor, log_q: Tensor) -> Tensor:
        """Gradient with respect to the student's logits [C, V], from that with respect to log q in the bins [C, K]."""
        ...

    def at(self, ids: Tensor) -> TopK:
        """p on the tokens `ids` [C, K], distinct, and one bucket. Raises ConfigError where it cannot be known."""
        ...

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        """The most likely of the tokens that are told apart [C], the lowest id among equals; and the log of its weight:
        0, but with `Samples` that of the position.
        """
        ...

    def entropy(self, log_q: Tensor) -> Tensor:
        """Entropy of p [C] in nats, in the bins of `cross_entropy`. Raises ConfigError where it cannot be known."""
        ...

    def log_prob(self, ids: Tensor, log_q: Tensor) -> Tensor:
        """log p(ids) [C] in nats, for one id at each position. Raises ConfigError where it cannot be known."""
        ...


_CE_ONLY = (
    "a divergence other than the cross-entropy cannot be computed from samples: use a learner of the cross-entropy (CE "
    "or DistIL), or an expert that gives probabilities (TopK or Hidden)"
)

D = TypeVar("D", bound="_Fields")


class _Fields:
    """Flattening and slicing of the tensors whose leading dimensions are positions."""

    PER_POSITION: ClassVar[tuple[str, ...]]

    @property
    def has_probabilities(self) -> bool:
        return True

    @property
    def kept_mass(self) -> Tensor | None:
        return None

    def _map(self: D, function: Callable[[Tensor], Tensor]) -> D:
        return replace(self, **{name: function(getattr(self, name)) for name in self.PER_POSITION})  # type: ignore[type-var]

    def rows(self: D, mask: Tensor) -> D:
        keep = mask.bool()
        return self._map(lambda tensor: tensor[keep])

    def chunk(self: D, start: int, stop: int) -> D:
        return self._map(lambda tensor: tensor[start:stop])

    def placed(self: D, source: Tensor, target: Tensor) -> D:
        if torch.equal(source, target):
            return self

        def move(tensor: Tensor) -> Tensor:
            moved = tensor.new_zeros(*target.shape, *tensor.shape[2:])
            moved[target] = tensor[source]
            return moved

        return self._map(move)


@dataclass
class TopK(_Fields):
    """The expert's k most likely tokens.

    Three readings of the rest: ``tail``, the k tokens and one bucket for all others, of both
    sides; ``renormalise``, p restricted to the k tokens (k = 1 is hard-label DAgger); ``truncate``, ``-Σ_k p log q``.
    With k = V all three are the full objective.
    """

    PER_POSITION = ("ids", "log_p", "log_tail")

    ids: Tensor
    """int64 [B, T, K], distinct within a position."""
    log_p: Tensor
    """float32 [B, T, K], log-probabilities in nats; -inf is allowed (probability zero)."""
    log_tail: Tensor
    """float32 [B, T], log of the mass outside the k tokens; -inf when there is none."""
    mode: TopKMode = "tail"
    """How the rest is read."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(TopKMode):
            raise ConfigError(f"top-k mode must be one of {', '.join(get_args(TopKMode))}, got {self.mode!r}")

    @property
    def kept_mass(self) -> Tensor:
        return self.log_p.exp().sum(-1)

    def _log_kept(self) -> Tensor:
        """The target's log-probabilities of the k tokens, as `mode` reads them."""
        return self.log_p.log_softmax(-1) if self.mode == "renormalise" else self.log_p

    def cross_entropy(self, log_q: Tensor) -> Tensor:
        ce = -dot(self._log_kept().exp(), log_q.gather(-1, self.ids))
        if self.mode == "tail":
            ce = ce - dot(self.log_tail.exp()[..., None], self._log_rest(log_q).logsumexp(-1, keepdim=True))
        return ce

    def logit_gradient(self, log_q: Tensor) -> Tensor:
        return self.spread(-self._log_bins().exp(), log_q)

    def _log_bins(self) -> Tensor:
        """The target's log-probabilities of the k tokens, then of the rest, unless `mode` leaves the rest out."""
        if self.mode == "truncate":
            return self.log_p
        rest = self.log_tail if self.mode == "tail" else torch.full_like(self.log_tail, -torch.inf)
        return torch.cat([self._log_kept(), rest[..., None]], dim=-1)

    def bins(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        kept = log_q.gather(-1, self.ids)
        if self.mode == "truncate":
            return self._log_bins(), kept
        return self._log_bins(), torch.cat([kept, self._log_rest(log_q).logsumexp(-1, keepdim=True)], dim=-1)

    def spread(self, slope: Tensor, log_q: Tensor) -> Tensor:
        gradient = -log_q.exp() * slope.sum(-1, keepdim=True)
        if self.mode != "truncate":
            # A bucket's gradient is shared out as the student spreads it. In logs: what the student leaves to the rest
            # may underflow. NaN stands for "no rest": k = V, or a student sure of the k.
            gradient = gradient + slope[..., -1:] * self._log_rest(log_q).softmax(-1).nan_to_num(0.0)
        return gradient.scatter_add(-1, self.ids, slope[..., : self.ids.shape[-1]].to(gradient.dtype))

    def at(self, ids: Tensor) -> TopK:
        raise ConfigError(
            "the expert's probability of the student's top k tokens is not known from its own top k: use an expert "
            "with hidden states (Hidden), or no top k of the student"
        )

    def dense(self, log_q: Tensor) -> Tensor:
        if self.mode == "tail":
            rest = self.log_tail[..., None] + self._log_rest(log_q).log_softmax(-1).nan_to_num(
                nan=-torch.inf, neginf=-torch.inf
            )
        else:
            rest = torch.full_like(log_q, -torch.inf)
        return rest.scatter(-1, self.ids, self._log_kept().to(rest.dtype))

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        best = self.log_p == self.log_p.amax(-1, keepdim=True)
        return self.ids.masked_fill(~best, log_q.shape[-1]).amin(-1), torch.zeros_like(self.log_tail)

    def entropy(self, log_q: Tensor) -> Tensor:
        log_kept = self._log_kept()
        entropy = -dot(log_kept.exp(), log_kept)
        if self.mode == "tail":
            entropy = entropy - dot(self.log_tail.exp()[..., None], self.log_tail[..., None])
        return entropy

    def log_prob(self, ids: Tensor, log_q: Tensor) -> Tensor:
        inside = torch.where(self.ids == ids[:, None], self._log_kept(), -torch.inf).logsumexp(-1)
        if self.mode != "tail":
            return inside
        # The bucket is spread over the rest as the student spreads it.
        outside = self.log_tail + self._log_rest(log_q).log_softmax(-1).gather(-1, ids[:, None])[:, 0]
        return torch.where((self.ids == ids[:, None]).any(-1), inside, outside)

    def _log_rest(self, log_q: Tensor) -> Tensor:
        """`log_q` [C, V] without the k tokens. Its sum is exact where 1 - Σ_K q would cancel."""
        return log_q.scatter(-1, self.ids, -torch.inf)

    def save(self, path: str | Path) -> None:
        """Write to a safetensors file."""
        save_distribution(path, self, mode=self.mode)


@dataclass
class Samples(_Fields):
    """Tokens sampled from the expert at every position, with weights that sum to one there.

    Cross-entropy from samples is unbiased; a KL or an entropy cannot be computed and raises.
    """

    PER_POSITION = ("ids", "weights")

    ids: Tensor
    """int64 [B, T, S]."""
    weights: Tensor
    """float32 [B, T, S], 1/S each for plain samples; with position subsampling also the 1/π of the position."""

    @property
    def has_probabilities(self) -> bool:
        return False

    def cross_entropy(self, log_q: Tensor) -> Tensor:
        return -dot(self.weights, log_q.gather(-1, self.ids))

    def logit_gradient(self, log_q: Tensor) -> Tensor:
        gradient = log_q.exp() * self.weights.sum(-1, keepdim=True)
        return gradient.scatter_add(-1, self.ids, -self.weights.to(gradient.dtype))

    def bins(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        raise ConfigError(_CE_ONLY)

    def spread(self, slope: Tensor, log_q: Tensor) -> Tensor:
        raise ConfigError(_CE_ONLY)

    def at(self, ids: Tensor) -> TopK:
        raise ConfigError(_CE_ONLY)

    def dense(self, log_q: Tensor) -> Tensor:
        return torch.zeros_like(log_q).scatter_add(-1, self.ids, self.weights.to(log_q.dtype)).log()

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        return self.dense(log_q).argmax(-1), self.weights.sum(-1).log()

    def entropy(self, log_q: Tensor) -> Tensor:
        raise ConfigError(
            "the expert's entropy cannot be computed from samples, so neither can a KL: use cost='ce', or an expert "
            "that gives probabilities (TopK or Hidden)"
        )

    def log_prob(self, ids: Tensor, log_q: Tensor) -> Tensor:
        raise ConfigError(
            "the expert's probability of a token cannot be computed from samples: switch off divergence_weight, or use "
            "an expert that gives probabilities (TopK or Hidden)"
        )

    def save(self, path: str | Path) -> None:
        """Write to a safetensors file."""
        save_distribution(path, self)


@dataclass
class Hidden(_Fields):
    """The teacher's hidden states with a reference to its head: exact, 2H bytes a token, in memory only.

    Saving turns it into a `TopK`.
    """

    PER_POSITION = ("states",)

    states: Tensor
    """[B, T, H], any floating dtype."""
    weight: Tensor
    """The teacher's output embedding [V, H]; not copied."""

    def log_p(self) -> Tensor:
        """Dense log-probabilities [C, V] (at least float32) of a chunk."""
        return torch.log_softmax(logits(self.states, self.weight), dim=-1)

    def rows(self, mask: Tensor) -> Hidden:
        flat = super().rows(mask)
        return replace(flat, weight=widened(flat.weight))

    @cached_property
    def _dense(self) -> tuple[Tensor, Tensor]:
        """p and log p of a chunk; kept, as the chunk is, while it is worked on."""
        log_p = self.log_p()
        return log_p.exp(), log_p

    def cross_entropy(self, log_q: Tensor) -> Tensor:
        return -dot(self._dense[0], log_q)

    def logit_gradient(self, log_q: Tensor) -> Tensor:
        return log_q.exp() - self._dense[0]

    def bins(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        return self._dense[1], log_q

    def spread(self, slope: Tensor, log_q: Tensor) -> Tensor:
        return slope - log_q.exp() * slope.sum(-1, keepdim=True)

    def at(self, ids: Tensor) -> TopK:
        log_p = self._dense[1]
        return TopK(ids, log_p.gather(-1, ids), log_p.scatter(-1, ids, -torch.inf).logsumexp(-1))

    def dense(self, log_q: Tensor) -> Tensor:
        return self._dense[1]

    def label(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        best = self._dense[1].argmax(-1)
        return best, torch.zeros_like(self._dense[1][:, 0])

    def entropy(self, log_q: Tensor) -> Tensor:
        return -dot(*self._dense)

    def log_prob(self, ids: Tensor, log_q: Tensor) -> Tensor:
        return self._dense[1].gather(-1, ids[:, None])[:, 0]

    def top_k(self, k: int, *, mode: TopKMode = "tail", chunk: int = 128) -> TopK:
        """The k most likely tokens of each position and the log mass of the rest."""
        size = self.weight.shape[0]
        if not 1 <= k <= size:
            raise ConfigError(f"k must be between 1 and the vocabulary size {size}, got {k}")
        flat = self.states.reshape(-1, self.states.shape[-1])
        parts = []
        for start in range(0, len(flat), chunk):
            log_p = torch.log_softmax(logits(flat[start : start + chunk], self.weight), dim=-1)
            kept, ids = log_p.topk(k, dim=-1)
            parts.append((ids, kept, log_p.scatter(-1, ids, -torch.inf).logsumexp(-1)))
        shape = self.states.shape[:-1]
        ids, kept, tail = (torch.cat(column) for column in zip(*parts, strict=True))
        return TopK(ids.view(*shape, k), kept.view(*shape, k), tail.view(shape), mode)

    def save(self, path: str | Path, *, k: int = 100) -> None:
        """Write its `TopK` to a safetensors file."""
        self.top_k(min(k, self.weight.shape[0])).save(path)


def logits(states: Tensor, weight: Tensor) -> Tensor:
    """``states @ weight.T`` with at least float32 results: softmax over a vocabulary needs them.

    On CUDA half-precision inputs are multiplied as they are and accumulated into float32; elsewhere they are widened.
    """
    if weight.is_cuda and weight.dtype in (torch.bfloat16, torch.float16):
        return torch.mm(states.to(weight.dtype), weight.T, out_dtype=torch.float32)
    wide = torch.promote_types(torch.promote_types(states.dtype, weight.dtype), torch.float32)
    return states.to(wide) @ weight.to(wide).T


def widened(weight: Tensor) -> Tensor:
    """The head in the precision in which `logits` multiplies it, so that it is converted once and not once a chunk."""
    return weight if weight.is_cuda else weight.to(torch.promote_types(weight.dtype, torch.float32))


def dot(p: Tensor, log_q: Tensor) -> Tensor:
    """Σ p log q over the last dimension, with 0 · -inf = 0."""
    return torch.where(p == 0, 0.0, p * log_q).sum(-1)  # not p > 0: a NaN must show
