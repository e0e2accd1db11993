"""Generation: greedy as transformers does it; draws that follow the distribution and no other row; what ends a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.engines.local import Completions, draw, generate
from agents.policy import Policy
from distil_envs.counted import generator

MODELS = ["llama", "qwen2", "gpt2", "sliding"]
BUDGET = 12
SYSTEM = list(range(15))
PROMPTS = [[*SYSTEM, 30], [*SYSTEM, 31, 32, 33], [40], [41, 42, 43], [*SYSTEM, 30], [44] * 20]
"""Shared prefixes, a repeated prompt, a prompt of one id, and lengths beyond the sliding window."""


def uniforms(rows: int, purpose: str = "test") -> Tensor:
    return torch.tensor(np.stack([generator(0, purpose, row).random(BUDGET) for row in range(rows)]))


@torch.no_grad()
def log_probabilities(policy: Policy, prompt: list[int], ids: list[int], temperature: float = 1.0) -> Tensor:
    """[T, V] from one full forward of prompt and completion."""
    logits = policy.model(input_ids=torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits.float() / temperature, -1)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_equals_transformers(build_policy: Callable[..., Policy], name: str) -> None:
    policy = build_policy(name)
    made = generate(policy, PROMPTS, uniforms(len(PROMPTS)), temperature=0.0, eos_ids=[])
    for prompt, ids in zip(PROMPTS, made.ids, strict=True):
        own = policy.model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=BUDGET,
            pad_token_id=0,
        )
        assert ids == own[0, len(prompt) :].tolist()
    assert len({tuple(ids) for ids in made.ids}) == len(PROMPTS) - 1  # equal prompts alone give equal answers


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("name", MODELS)
def test_log_probabilities_equal_a_full_forward(
    build_policy: Callable[..., Policy], name: str, temperature: float
) -> None:
    policy = build_policy(name)
    made = generate(policy, PROMPTS, uniforms(len(PROMPTS)), temperature=temperature, eos_ids=[3, 7])
    for prompt, ids, logprobs in zip(PROMPTS, made.ids, made.logprobs, strict=True):
        expected = log_probabilities(policy, prompt, ids, temperature or 1.0).gather(1, torch.tensor(ids)[:, None])
        assert torch.allclose(torch.tensor(logprobs), expected[:, 0], atol=2e-4)


@pytest.mark.parametrize("name", MODELS)
def test_each_token_is_the_inverse_cdf_at_its_own_number(build_policy: Callable[..., Policy], name: str) -> None:
    """And so depends on no other row: the number is compared with the distribution after this row's tokens alone."""
    policy, numbers = build_policy(name), uniforms(len(PROMPTS))
    made = generate(policy, PROMPTS, numbers, temperature=1.0, eos_ids=[3])
    for row, (prompt, ids) in enumerate(zip(PROMPTS, made.ids, strict=True)):
        cdf = log_probabilities(policy, prompt, ids).double().exp().cumsum(-1)
        for step, token in enumerate(ids):
            below = float(cdf[step, token - 1]) if token else 0.0
            assert below - 1e-4 <= float(numbers[row, step]) <= float(cdf[step, token]) + 1e-4


@given(order=st.permutations(range(len(PROMPTS))), cut=st.integers(1, len(PROMPTS)))
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_draws_depend_on_no_other_row(build_policy: Callable[..., Policy], order: list[int], cut: int) -> None:
    """Whatever the order, and wherever the batch is cut (law 2)."""
    for name in ("llama", "sliding"):
        policy, numbers = build_policy(name), uniforms(len(PROMPTS))
        whole = generate(policy, PROMPTS, numbers, temperature=1.0, eos_ids=[3, 7])
        for part in (order[:cut], order[cut:]):
            if part:
                made = generate(policy, [PROMPTS[i] for i in part], numbers[part], temperature=1.0, eos_ids=[3, 7])
                assert made.ids == [whole.ids[i] for i in part]


def test_draws_match_the_distribution() -> None:
    """Chi-square over 20,000 draws at a fixed seed, with tokens that are impossible."""
    logits = torch.tensor([2.0, 0.5, -torch.inf, 1.0, -3.0, -torch.inf])
    numbers = torch.tensor(generator(0, "chi-square").random(20_000))
    for temperature in (1.0, 0.5):
        ids, logprobs = draw(logits.expand(len(numbers), -1), numbers, temperature)
        p = torch.softmax(logits.double() / temperature, -1)
        counts = torch.bincount(ids, minlength=len(p)).double()
        possible = p > 0
        assert float(counts[~possible].sum()) == 0.0
        chi = ((counts - len(numbers) * p) ** 2 / (len(numbers) * p))[possible].sum()
        assert float(chi) < 16.27  # 99.9 % point of chi-square with 3 degrees of freedom
        assert torch.allclose(logprobs.double(), p.log()[ids], atol=1e-6)


def test_draws_at_the_edges_of_the_unit_interval() -> None:
    """The smallest and the largest number below one give the first and the last token that is possible."""
    largest = 1.0 - 2.0**-53
    for logits in ([-torch.inf, 0.0, 0.0, -torch.inf], [-torch.inf, 0.1, 0.2, 0.3, -torch.inf], [-30.0, 0.0, -30.0]):
        possible = [token for token, each in enumerate(logits) if each > -torch.inf]
        ids, _ = draw(torch.tensor([logits, logits]), torch.tensor([0.0, largest], dtype=torch.float64), 1.0)
        assert ids.tolist() == [possible[0], possible[-1]]


def test_greedy_takes_the_lowest_id_among_equals() -> None:
    ids, logprobs = draw(torch.tensor([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0]]), torch.zeros(2), 0.0)
    assert ids.tolist() == [1, 0]
    assert logprobs[1].item() == pytest.approx(-np.log(3))


@pytest.mark.parametrize("name", ["llama", "sliding"])
def test_end_ids_end_a_row_and_are_part_of_it(build_policy: Callable[..., Policy], name: str) -> None:
    policy = build_policy(name)
    free = generate(policy, PROMPTS, uniforms(len(PROMPTS)), temperature=1.0, eos_ids=[])
    assert all(len(ids) == BUDGET for ids in free.ids)
    ends = {free.ids[0][2], free.ids[1][5]}
    made = generate(policy, PROMPTS, uniforms(len(PROMPTS)), temperature=1.0, eos_ids=sorted(ends))
    for ids, all_ids, logprobs in zip(made.ids, free.ids, made.logprobs, strict=True):
        stops = [at for at, token in enumerate(all_ids) if token in ends]
        assert ids == (all_ids[: stops[0] + 1] if stops else all_ids)
        assert len(logprobs) == len(ids)
    assert {len(ids) for ids in made.ids} != {BUDGET}


def test_the_stop_callback_sees_the_completion_so_far(build_policy: Callable[..., Policy]) -> None:
    policy, seen = build_policy("llama"), []

    def stopped(row: int, ids: list[int]) -> bool:
        seen.append((row, list(ids)))
        return len(ids) == 4

    made = generate(policy, PROMPTS[:2], uniforms(2), temperature=1.0, eos_ids=[], stopped=stopped)
    free = generate(policy, PROMPTS[:2], uniforms(2), temperature=1.0, eos_ids=[])
    assert made.ids == [ids[:4] for ids in free.ids]
    assert sorted(seen) == [(row, ids[:length]) for row, ids in enumerate(free.ids) for length in (1, 2, 3, 4)]


def test_a_budget_of_one_token(build_policy: Callable[..., Policy]) -> None:
    made = generate(build_policy("llama"), PROMPTS, uniforms(len(PROMPTS))[:, :1], temperature=1.0, eos_ids=[])
    assert isinstance(made, Completions)
    assert [len(ids) for ids in made.ids] == [1] * len(PROMPTS)


@pytest.mark.parametrize("name", ["llama", "sliding"])
def test_in_bfloat16_scores_are_float32(build_policy: Callable[..., Any], name: str) -> None:
    """Log-probabilities agree with those of the loss far better than bfloat16 logits would."""
    from agents.head import score

    policy = build_policy(name, dtype=torch.bfloat16)
    policy.dtype = torch.bfloat16
    made = generate(policy, PROMPTS[:1], uniforms(1)[:, :1], temperature=1.0, eos_ids=[])
    hidden = policy.hidden(PROMPTS[:1], made.ids)
    assert hidden.dtype == torch.bfloat16
    scored = score(hidden, policy.head_weight, torch.tensor(made.ids), torch.ones(1, 1, dtype=torch.bool))
    assert made.logprobs[0][0] == pytest.approx(float(scored.logp.detach()), abs=1e-5)
