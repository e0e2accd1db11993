"""`World`: every completion that can be drawn, so that the expectation of a learner's gradient is a finite sum.

The policy is a table of logits θ [S, V], one row for each state that it can tell apart. The hidden state of a token is
that row and the head the identity, so that the real learner, on its real batch and head, sees logits = hidden.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import Learner
from distil_envs.counted import generator
from feedback.distribution import Hidden, TokenDistribution

EOS = 0


@dataclass(frozen=True)
class World:
    """N completions of at most T tokens, right-padded. What stands where `mask` is false does not matter."""

    ids: Tensor
    """int64 [N, T]."""
    states: Tensor
    """int64 [N, T], the row of the policy's table that predicts each token."""
    mask: Tensor
    """bool [N, T], true up to the end of the completion."""
    log_p: Tensor
    """float64 [N, T, V], the expert's log-probabilities. They may depend on what the policy cannot see."""
    chance: Tensor
    """float64 [N], the factor of a completion's weight that the policy does not choose: 1, or the chance of what is
    hidden from it, or an importance weight."""

    def log_q(self, theta: Tensor) -> Tensor:
        """Log-probability of each token [N, T] under the policy `theta` [S, V]; 0 outside the mask."""
        return theta.log_softmax(-1)[self.states].gather(-1, self.ids[..., None])[..., 0] * self.mask

    def weights(self, theta: Tensor) -> Tensor:
        """How often each completion is drawn, [N]."""
        return self.chance * self.log_q(theta).sum(-1).exp()

    def costs(self, theta: Tensor) -> Tensor:
        """CE(p_t, q_t) at each token [N, T], nats; 0 outside the mask."""
        return -(self.log_p.exp() * theta.log_softmax(-1)[self.states]).sum(-1) * self.mask

    def objective(self, theta: Tensor) -> Tensor:
        """L(θ) = E_{y~π_θ} Σ_t CE(p_t, q_t), a scalar (arXiv 2606.05152)."""
        return (self.weights(theta) * self.costs(theta).sum(-1)).sum()

    def expected_gradient(self, learner: Learner, theta: Tensor, expert: TokenDistribution | None = None) -> Tensor:
        """Expectation [S, V] of the gradient of `learner.loss` on one completion, which is a group of its own.

        `expert` takes the place of the exact `log_p`: [N, T], such as samples from it.
        """
        N, V = len(self.ids), theta.shape[-1]
        eye = torch.eye(V, dtype=theta.dtype)
        hidden = theta.detach()[self.states].requires_grad_()
        batch = Batch(
            hidden=hidden,
            head_weight=eye,
            ids=self.ids,
            mask=self.mask,
            turn=torch.where(self.mask, 0, -1),
            learnable=self.mask,
            group=torch.arange(N),
            reward=torch.zeros(N),
            valid=torch.ones(N, dtype=torch.bool),
            denominator=1.0,
            expert=Hidden(self.log_p, eye) if expert is None else expert,
        )
        (by_token,) = torch.autograd.grad(learner.loss(batch).value, hidden)
        weighted = by_token * self.weights(theta).detach()[:, None, None]
        return torch.zeros_like(theta).index_put((self.states.view(-1),), weighted.view(-1, V), accumulate=True)


def tree(vocabulary: int, horizon: int, log_p: Tensor) -> World:
    """All completions that end with `EOS` or after `horizon` tokens. A state is a prefix, numbered as in `prefixes`.

    `log_p` [S, V] is the expert in each state.
    """
    completions = [
        ids
        for length in range(1, horizon + 1)
        for ids in itertools.product(range(vocabulary), repeat=length)
        if EOS not in ids[:-1] and (ids[-1] == EOS or length == horizon)
    ]
    number = {prefix: index for index, prefix in enumerate(prefixes(vocabulary, horizon))}
    columns = range(horizon)
    states = torch.tensor([[number[ids[:t]] if t < len(ids) else 0 for t in columns] for ids in completions])
    return World(
        ids=torch.tensor([[*ids, *[EOS] * (horizon - len(ids))] for ids in completions]),
        states=states,
        mask=torch.tensor([[t < len(ids) for t in columns] for ids in completions]),
        log_p=log_p[states],
        chance=torch.ones(len(completions), dtype=log_p.dtype),
    )


def prefixes(vocabulary: int, horizon: int) -> list[tuple[int, ...]]:
    """What a completion can have said before its next token, shorter ones first."""
    going_on = range(EOS + 1, vocabulary)
    return [ids for length in range(horizon) for ids in itertools.product(going_on, repeat=length)]


def random_tree(vocabulary: int, horizon: int, seed: int) -> tuple[World, Tensor, Tensor]:
    """A tree, the log-probabilities of the random expert in it [S, V], and the logits θ [S, V] of a random policy."""
    states = len(prefixes(vocabulary, horizon))
    log_p = table(states, vocabulary, seed, "expert").log_softmax(-1)
    return tree(vocabulary, horizon, log_p), log_p, table(states, vocabulary, seed, "policy")


def table(states: int, vocabulary: int, seed: int, name: str) -> Tensor:
    """Standard normal logits, float64 [S, V]."""
    return torch.from_numpy(generator(seed, f"theory {name}").normal(size=(states, vocabulary)))


def differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-3) -> Tensor:
    """Central differences of fourth order: [*shape of the value, *shape of `at`]."""
    columns = []
    for shift in step * torch.eye(at.numel(), dtype=at.dtype).view(-1, *at.shape):
        near, far = function(at + shift) - function(at - shift), function(at + 2 * shift) - function(at - 2 * shift)
        columns.append((8 * near - far) / (12 * step))
    return torch.stack(columns, -1).view(*columns[0].shape, *at.shape)


def relative(got: Tensor, exact: Tensor) -> float:
    """‖got - exact‖ / ‖exact‖."""
    return float((got - exact).norm() / exact.norm())
