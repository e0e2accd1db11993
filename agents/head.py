"""The chunked vocabulary head: every quantity of a loss that needs logits, without ever holding [B, T, V] (law 7).

Every learner's gradient has one form per token: with scalars w_t and c_t,

    dz_t = w_t · ∂D(p_t, q_t)/∂z + c_t · (onehot(y_t) - q_t)

which is what autograd gives for ``Σ w_t D_t + c_t log q_t(y_t)``, with D the cross-entropy or another divergence. So
`score` returns ``ce``, ``divergence`` and ``logp`` as ordinary differentiable tensors [B, T], learners write their loss
in them as in their equation, and the backward pass below turns the incoming gradients into gradients of the hidden
states and the head, chunk by chunk, recomputing the logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.distribution import TokenDistribution, logits, widened
from feedback.divergence import Divergence

CHUNK = {"cpu": 128, "cuda": 2048}
"""Rows whose logits exist at one time: what is fast on each device."""


@dataclass
class Probe:
    """Asks what a loss does to single logits: after its backward pass ``push.grad`` is dL/dz_t[ids_t], 0 where nothing
    was scored.
    """

    ids: Tensor
    """int64 [B, T], which logit of each position."""
    push: Tensor
    """float32 [B, T], zeros that require a gradient."""


@dataclass
class Scores:
    """Per-token quantities [B, T], float32 or better, zero where the mask is. `logp`, `ce` and `divergence` carry
    gradients.
    """

    logp: Tensor
    """log q(y_t), nats."""
    ce: Tensor
    """CE(p_t, q_t), nats; zero without an expert."""
    divergence: Tensor
    """D(p_t, q_t), nats, of the divergence that was asked for; zero without one."""
    entropy: Tensor
    """Entropy of the student, nats."""
    expert_entropy: Tensor | None
    """Entropy of the expert, nats; None without an expert, or where it cannot be known (`Samples`)."""
    expert_logp: Tensor | None
    """log p_t(y_t), nats; None likewise."""

    @property
    def kl(self) -> Tensor:
        """KL(p_t ‖ q_t), nats. Raises ConfigError when the expert's entropy cannot be known."""
        if self.expert_entropy is None:
            raise ConfigError(
                "a KL needs the expert's entropy, which samples do not give: use cost='ce', or an expert that gives "
                "probabilities (TopK or Hidden)"
            )
        return self.ce - self.expert_entropy


def score(
    hidden: Tensor,
    weight: Tensor,
    ids: Tensor,
    mask: Tensor,
    expert: TokenDistribution | None = None,
    divergence: Divergence | None = None,
    *,
    probe: Probe | None = None,
    chunk: int | None = None,
) -> Scores:
    """Score the ids of a batch under a student, and the student under an expert.

    Args:
        hidden: [B, T, H] states that predict `ids`.
        weight: [V, H] output embedding; gets a gradient only if it requires one.
        ids: [B, T] sampled tokens.
        mask: [B, T], true where a token counts.
        expert: distributions [B, T] to compare with; None scores the ids alone.
        divergence: between expert and student, beside the cross-entropy; needs an expert.
        probe: logits whose gradients are wanted; changes no value.
        chunk: rows at a time; by default what suits the device.

    Raises ConfigError when there is no expert for the divergence, or one that does not know what it needs.
    """
    if divergence is not None and expert is None:
        raise ConfigError("a divergence needs an expert to measure it from: give the learner one")
    keep = mask.bool()
    flat = None if expert is None else expert.rows(keep)
    size = chunk or CHUNK.get(hidden.device.type, 128)
    values = _Head.apply(  # type: ignore[no-untyped-call]
        hidden[keep],
        weight,
        ids[keep],
        flat,
        divergence,
        size,
        *((None, None) if probe is None else (probe.ids[keep], probe.push[keep])),
    )
    logp, ce, distance, entropy, *of_expert = (_unflatten(value, keep) for value in values)
    known = expert is not None and expert.has_probabilities
    return Scores(logp, ce, distance, entropy, *(of_expert if known else (None, None)))


def _unflatten(flat: Tensor, keep: Tensor) -> Tensor:
    return flat.new_zeros(keep.shape).masked_scatter(keep, flat)


class _Head(torch.autograd.Function):
    """(hidden [N, H], weight [V, H]) -> logp, ce, divergence, entropy, expert entropy, expert logp, each [N]."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, ids: Tensor, expert: Any, divergence: Divergence | None, size: int,
        probed: Tensor | None, push: Tensor | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        values = tuple(hidden.new_zeros(len(hidden), dtype=_wide(hidden, weight)) for _ in range(6))
        logp, ce, distance, entropy, expert_entropy, expert_logp = values
        head = widened(weight)
        for start in range(0, len(hidden), size):
            part = slice(start, start + size)
            log_q = torch.log_softmax(logits(hidden[part], head), dim=-1)
            logp[part] = log_q.gather(-1, ids[part, None])[:, 0]
            entropy[part] = torch.special.entr(log_q.exp()).sum(-1)
            if expert is not None:
                target = expert.chunk(start, start + size)
                ce[part] = target.cross_entropy(log_q)
                if divergence is not None:
                    distance[part] = divergence.value(target, log_q)
                if expert.has_probabilities:
                    expert_entropy[part] = target.entropy(log_q)
                    expert_logp[part] = target.log_prob(ids[part], log_q)
        ctx.save_for_backward(hidden, weight, ids)
        ctx.expert, ctx.divergence, ctx.size, ctx.probed = expert, divergence, size, probed
        ctx.mark_non_differentiable(entropy, expert_entropy, expert_logp)
        ctx.set_materialize_grads(False)  # what the loss did not use has no gradient to work out
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_logp, grad_ce, grad_distance = gradients[:3]
        hidden, weight, ids = ctx.saved_tensors
        wide = _wide(hidden, weight)
        head = widened(weight)
        grad_hidden = torch.zeros_like(hidden)
        # float32 at least: accumulating chunks in bfloat16 loses the gradient.
        grad_weight = torch.zeros(weight.shape, dtype=wide, device=weight.device) if ctx.needs_input_grad[1] else None
        pushed = None if ctx.probed is None else torch.zeros(len(hidden), dtype=wide, device=hidden.device)
        for start in range(0, len(hidden), ctx.size):
            part = slice(start, start + ctx.size)
            log_q = torch.log_softmax(logits(hidden[part], head), dim=-1)
            dz = torch.zeros_like(log_q)
            if grad_logp is not None:
                c = grad_logp[part, None]
                dz -= c * log_q.exp()
                dz.scatter_add_(-1, ids[part, None], c)
            if ctx.expert is not None:
                target = ctx.expert.chunk(start, start + ctx.size)
                if grad_ce is not None:
                    dz += grad_ce[part, None] * target.logit_gradient(log_q)
                if grad_distance is not None and ctx.divergence is not None:
                    dz += grad_distance[part, None] * ctx.divergence.logit_gradient(target, log_q)
            if pushed is not None:
                pushed[part] = dz.gather(-1, ctx.probed[part, None])[:, 0]
            grad_hidden[part] = _matmul(dz, head).to(hidden.dtype)
            if grad_weight is not None:
                _accumulate(grad_weight, dz, hidden[part])
        grad = None if grad_weight is None else grad_weight.to(weight.dtype)
        return grad_hidden, grad, None, None, None, None, None, pushed


def _wide(hidden: Tensor, weight: Tensor) -> torch.dtype:
    return torch.promote_types(torch.promote_types(hidden.dtype, weight.dtype), torch.float32)


def _matmul(dz: Tensor, weight: Tensor) -> Tensor:
    return dz.to(weight.dtype) @ weight


def _accumulate(total: Tensor, dz: Tensor, hidden: Tensor) -> None:
    """total += dzᵀ hidden, in place, so that no second [V, H] exists."""
    if hidden.is_cuda and hidden.dtype in (torch.bfloat16, torch.float16):
        torch.addmm(total, dz.to(hidden.dtype).T, hidden, out_dtype=torch.float32, out=total)
    else:
        total.addmm_(dz.T, hidden.to(total.dtype))
