"""Credit: what a token is charged with, and how much its state counts. The coefficient rules of `DistIL`."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.batch import Batch
from agents.head import Scores
from distil_envs.errors import ConfigError


def charged(cost: Tensor, batch: Batch, gamma: float, *, within_attempt: bool, full: bool, mean: bool) -> Tensor:
    """G [B, T], what each token is charged with: the `cost` [B, T] that came after it, discounted by `gamma`.

    Args:
        cost: 0 where nothing is counted.
        within_attempt: whether only costs of the token's own attempt count.
        full: add the costs that hang on the token by way of the feedback: those of its attempt up to it where the
            feedback was made from this row, and those of the siblings that the row taught.
        mean: divide by the (discounted) number of terms.
    """
    horizon = batch.turn if within_attempt else None
    future = cost_to_go(cost, gamma, batch.mask, horizon)
    if mean:
        terms = cost_to_go(batch.counted.to(cost.dtype), gamma, batch.mask, horizon)
        future = future / terms.clamp(min=1)
    if full and batch.depends_on is not None:
        depends = batch.depends_on.to(cost.dtype)
        so_far = before(cost, batch.turn) + cost
        of_siblings = depends.T.clone().fill_diagonal_(0) @ cost.sum(1)
        future = future + depends.diagonal()[:, None] * so_far + of_siblings[:, None]
    return future


def shares_costs(depends_on: Tensor | None, *, full: bool) -> Tensor | None:
    """bool [B, B], [i, k]: what row k is charged with hangs on the tokens of row i, so k has no part in i's baseline.

    Args:
        depends_on: bool [B, B], [i, j] when feedback of row i was made from row j (`Batch.depends_on`).
        full: with the full sum k is charged with the costs of those that it taught, too.
    """
    if depends_on is None:
        return None
    if not full:
        return depends_on.T
    costs = (depends_on | torch.eye(len(depends_on), dtype=torch.bool, device=depends_on.device)).float()
    return (costs.T @ costs) > 0  # some row's costs hang on both


def state_weight(batch: Batch, scores: Scores, *, normalised: bool) -> Tensor:
    """ρ [B, T] of `reach`, 0 where nothing is counted; `normalised` to a mean of 1 over the tokens of each group."""
    rho = torch.where(batch.counted, reach(scores, batch.turn), 0.0)
    if not normalised:
        return rho
    same = (batch.group[:, None] == batch.group).to(rho.dtype)
    mean = same @ rho.sum(1) / (same @ batch.counted.sum(1).to(rho.dtype)).clamp(min=1)
    return rho / torch.where(mean > 0, mean, 1.0)[:, None]


def reach(scores: Scores, turn: Tensor) -> Tensor:
    """``ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s))`` [B, T], s in the attempt of t (`Batch.turn`, int64 [B, T]).

    An importance weight of the state, from the student's to the expert's visits, clipped token by token. It begins anew
    with each attempt, as the expert does, who has read something else. Raises ConfigError for `Samples`.
    """
    if scores.expert_logp is None:
        raise ConfigError(
            "divergence_weight needs the expert's probability of each token, which samples do not give: set it to "
            "none, or use an expert that gives probabilities (TopK or Hidden)"
        )
    return before((scores.expert_logp - scores.logp.detach()).clamp(max=0), turn).exp()


def before(values: Tensor, turn: Tensor) -> Tensor:
    """Sum of `values` [B, T] over the earlier positions of the same attempt (`turn`, int64 [B, T])."""
    total = torch.zeros_like(values)
    for attempt in turn.unique():
        own = turn == attempt
        sums = torch.nn.functional.pad(torch.where(own, values, 0.0), (1, -1)).cumsum(-1)
        total = torch.where(own, sums, total)
    return total


def cost_to_go(cost: Tensor, gamma: float, made: Tensor, turn: Tensor | None = None) -> Tensor:
    """``G_t = Σ_{i>t} γ^(n_i-n_t-1) cost_i``, i over tokens of the policy, of which n_t come before t.

    Args:
        cost: [B, T]; does not matter where `made` is false.
        gamma: the discount for each token of the policy.
        made: bool [B, T], which tokens the policy made.
        turn: int64 [B, T]; the sum ends where it changes. None: it ends with the row.

    Returns:
        [B, T]; 0 after the last token of the policy.
    """
    future = torch.zeros_like(cost)
    for t in range(cost.shape[-1] - 2, -1, -1):
        later = torch.where(made[:, t + 1], cost[:, t + 1] + gamma * future[:, t + 1], future[:, t + 1])
        future[:, t] = later if turn is None else torch.where(turn[:, t] == turn[:, t + 1], later, 0.0)
    return future
