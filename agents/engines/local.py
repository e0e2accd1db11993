"""Generation with the training module itself: no weight copy, counted randomness, exact ids.

Prompts are encoded once per distinct prompt. Each token is drawn by inverse-CDF sampling from one uniform number that
the caller derived from (seed, step, task, sample), so a row's draws do not depend on the other rows of its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents import prefix
from agents.policy import Policy
from feedback.distribution import logits, widened

Ids = Sequence[int]


@dataclass
class Completions:
    """Exact ids with the log-probability (nats) that the policy gave to each at the sampling temperature."""

    ids: list[list[int]]
    logprobs: list[list[float]]


@torch.inference_mode()
def generate(
    policy: Policy,
    prompts: Sequence[Ids],
    uniforms: Sequence[Tensor] | Tensor,
    *,
    temperature: float,
    eos_ids: Sequence[int],
    stopped: Callable[[int, list[int]], bool] | None = None,
) -> Completions:
    """Continue every prompt until an end id, a stop, or the row's budget.

    Args:
        prompts: one row each; equal rows are encoded once.
        uniforms: for every row as many numbers in [0, 1) as it may draw tokens; at least one.
        temperature: 0 takes the most likely token (the lowest id among equals).
        eos_ids: ids that end a completion; they are part of it.
        stopped: called with a row's number and its completion so far after each token; True ends it.
    """
    from transformers import DynamicCache

    device = policy.device
    budgets = torch.tensor([len(row) for row in uniforms], device=device)
    numbers = torch.nn.utils.rnn.pad_sequence(list(uniforms), batch_first=True).to(device)
    levels = prefix.plan(
        prompts, [[0]] * len(prompts), share=policy.shares_prefixes, device=device, pad_left=not policy.shares_prefixes
    )
    state = prefix.encode(policy.trunk, levels, cache=DynamicCache(config=policy.base.config))
    hidden = state.hidden[torch.arange(len(prompts), device=device), levels[-1].last]
    head = widened(policy.head_weight.detach())
    ends = torch.tensor(list(eos_ids), device=device)
    rows = torch.arange(len(prompts), device=device)  # which prompt each live row continues
    out = Completions([[] for _ in prompts], [[] for _ in prompts])
    for step in range(numbers.shape[1]):
        ids, logprobs = draw(logits(hidden, head), numbers[rows, step], temperature)
        alive = budgets[rows] > step + 1
        if len(ends):
            alive &= ~torch.isin(ids, ends)
        for index, (row, token, logprob) in enumerate(zip(rows.tolist(), ids.tolist(), logprobs.tolist(), strict=True)):
            out.ids[row].append(token)
            out.logprobs[row].append(logprob)
            if stopped is not None and stopped(row, out.ids[row]):
                alive[index] = False
        if not alive.any():
            break
        if not alive.all():  # drop finished rows: the batch shrinks as answers end
            kept = alive.nonzero()[:, 0]
            rows, ids = rows[kept], ids[kept]
            state.select(kept)
        state.mask = torch.cat([state.mask, state.mask.new_ones(len(rows), 1)], dim=1)
        hidden = policy.trunk(
            input_ids=ids[:, None],
            attention_mask=state.mask,
            position_ids=state.positions[:, None],
            past_key_values=state.cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        state.positions = state.positions + 1
    return out


def draw(scores: Tensor, uniforms: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """One id per row of scores [N, V], by inverse CDF at `uniforms` [N], and its log-probability in nats."""
    if temperature == 0:
        logp = torch.log_softmax(scores, dim=-1)
        ids = scores.argmax(dim=-1)
    else:
        logp = torch.log_softmax(scores / temperature, dim=-1)
        cdf = logp.exp().cumsum(dim=-1, dtype=torch.float64)
        # Scaled by the last entry, so that rounding cannot push the draw past the end.
        ids = torch.searchsorted(cdf, (uniforms.double() * cdf[:, -1])[:, None], right=True)[:, 0]
        ids = ids.clamp(max=scores.shape[-1] - 1)  # scores of NaN fall past the end; their log-probability shows it
    return ids, logp.gather(1, ids[:, None])[:, 0]
