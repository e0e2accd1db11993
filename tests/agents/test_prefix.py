"""`Policy.hidden`, with its shared prefixes, against one forward for each row; gradients too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents import prefix
from agents.policy import Policy

MODELS = ["llama", "qwen2", "gpt2", "sliding"]
SHARING = MODELS[:3]
CPU = torch.device("cpu")
Rows = list[tuple[list[int], list[int]]]
quick = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

tokens = st.integers(0, 60)
completion = st.lists(tokens, min_size=1, max_size=6)


@st.composite
def batches(draw: Any) -> Rows:
    """Contexts that share a long prefix, are prefixes of one another, are equal, have one id, or share nothing."""
    stem = draw(st.lists(tokens, min_size=1, max_size=14))
    made = st.one_of(
        st.just(stem),
        st.integers(1, len(stem)).map(lambda length: stem[:length]),
        st.lists(tokens, min_size=1, max_size=5).map(lambda more: stem + more),
        st.lists(tokens, min_size=1, max_size=12),
    )
    contexts = draw(st.lists(made, min_size=1, max_size=5))
    return [(context, draw(completion)) for context in contexts]


def one_by_one(policy: Policy, rows: Rows) -> list[Tensor]:
    """[T_i, H] for each row, from a plain forward of the whole row."""
    states = []
    for context, ids in rows:
        output = policy.trunk(input_ids=torch.tensor([[*context, *ids]]), use_cache=False).last_hidden_state[0]
        states.append(output[len(context) - 1 : len(context) - 1 + len(ids)])
    return states


def together(policy: Policy, rows: Rows) -> list[Tensor]:
    hidden = policy.hidden([context for context, _ in rows], [ids for _, ids in rows])
    assert hidden.shape[:2] == (len(rows), max(len(ids) for _, ids in rows))
    return [hidden[index, : len(ids)] for index, (_, ids) in enumerate(rows)]


def gradients(policy: Policy, states: Sequence[Tensor]) -> dict[str, Tensor]:
    """Of a fixed random projection of the states."""
    source = torch.Generator().manual_seed(0)
    policy.model.zero_grad()
    total = sum((row * torch.randn(row.shape, generator=source)).sum() for row in states)
    assert isinstance(total, Tensor)
    total.backward()
    return {name: p.grad.clone() for name, p in policy.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", MODELS)
@given(rows=batches())
@quick
def test_equals_a_forward_row_by_row(build_policy: Callable[..., Policy], name: str, rows: Rows) -> None:
    policy = build_policy(name)
    assert policy.shares_prefixes == (name in SHARING)
    expected, got = one_by_one(policy, rows), together(policy, rows)
    for mine, theirs in zip(got, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=2e-5)
    by_row, by_batch = gradients(policy, expected), gradients(policy, got)
    assert by_row.keys() == by_batch.keys()
    for parameter, value in by_row.items():
        scale = max(1.0, float(value.abs().max()))
        assert float((by_batch[parameter] - value).abs().max()) < 1e-4 * scale, parameter


SYSTEM = list(range(20))
GROUPS: Rows = [
    *[([*SYSTEM, 30, 31], ids) for ids in ([1, 2, 3], [4], [5, 6, 7, 8])],
    *[([*SYSTEM, 40, 41, 42, 43], ids) for ids in ([9, 10], [11, 12, 13])],
]


@pytest.mark.parametrize("name", SHARING)
def test_what_is_shared_is_encoded_once(build_policy: Callable[..., Policy], name: str) -> None:
    policy = build_policy(name)
    levels = prefix.plan([c for c, _ in GROUPS], [ids for _, ids in GROUPS], share=True, device=CPU)
    assert [level.mask.sum(1).tolist() for level in levels] == [[20], [1, 3], [3, 1, 4, 2, 3]]
    assert [level.parent.tolist() for level in levels] == [[0], [0, 0], [0, 0, 0, 1, 1]]
    expected, got = one_by_one(policy, GROUPS), together(policy, GROUPS)
    assert all(torch.allclose(mine, theirs, atol=2e-5) for mine, theirs in zip(got, expected, strict=True))


def test_a_group_of_one_prompt_takes_two_levels() -> None:
    levels = prefix.plan([[1, 2, 3]] * 4, [[4, 5]] * 4, share=True, device=CPU)
    assert [level.ids.tolist() for level in levels] == [[[1, 2]], [[3, 4]] * 4]


@pytest.mark.parametrize(
    "contexts", [[[7]], [[7], [7]], [[7], [8, 9]], [[7], [7, 8], [7, 8, 9]]], ids=["one", "twice", "two", "nested"]
)
def test_contexts_of_a_single_id(build_policy: Callable[..., Policy], contexts: list[list[int]]) -> None:
    rows = [(context, [3, 4, 5][: index + 1]) for index, context in enumerate(contexts)]
    policy = build_policy("llama")
    expected, got = one_by_one(policy, rows), together(policy, rows)
    assert all(torch.allclose(mine, theirs, atol=2e-5) for mine, theirs in zip(got, expected, strict=True))


def test_padding_never_exceeds_the_positions_that_a_model_has(build_policy: Callable[..., Policy]) -> None:
    """A long context beside a long completion: their widths together exceed GPT-2's table, no row does."""
    policy = build_policy("gpt2")
    rows: Rows = [(list(range(45)), [1, 2, 3]), ([*range(10), 50], list(range(30)))]
    expected, got = one_by_one(policy, rows), together(policy, rows)
    assert all(torch.allclose(mine, theirs, atol=2e-5) for mine, theirs in zip(got, expected, strict=True))


def test_layers_with_a_window_take_the_unshared_path(build_policy: Callable[..., Policy]) -> None:
    from transformers import Gemma3TextConfig, Qwen2Config

    policy = build_policy("sliding")
    assert not policy.shares_prefixes
    expected, got = one_by_one(policy, GROUPS), together(policy, GROUPS)
    assert all(torch.allclose(mine, theirs, atol=2e-5) for mine, theirs in zip(got, expected, strict=True))
    assert not prefix.supports_sharing(Gemma3TextConfig())
    assert not prefix.supports_sharing(
        Qwen2Config(num_hidden_layers=4, use_sliding_window=True, sliding_window=8, max_window_layers=2)
    )
    assert prefix.supports_sharing(Qwen2Config(num_hidden_layers=4))


def test_an_empty_context_is_refused(build_policy: Callable[..., Policy]) -> None:
    with pytest.raises(ValueError, match="at least one id"):
        build_policy("llama").hidden([[]], [[1]])


@pytest.mark.gpu
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_on_cuda_close_to_float64_on_the_cpu(
    build_policy: Callable[..., Policy], name: str, dtype: torch.dtype
) -> None:
    exact = one_by_one(build_policy(name, dtype=torch.float64), GROUPS)
    policy = build_policy(name)
    moved = Policy(policy.model.to("cuda"), policy.tokenizer, dtype=dtype)
    limit = 0.15 if dtype == torch.bfloat16 else 1e-3
    for mine, theirs in zip(together(moved, GROUPS), exact, strict=True):
        assert float((mine.cpu().double() - theirs).abs().max()) < limit
