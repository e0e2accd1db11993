"""Attention on a CPU equals PyTorch's, whichever way it goes, and hides nothing from a mask."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from agents import Policy, PolicyConfig, attention
from agents.attention import NAME, attend

quick = settings(max_examples=40, deadline=None, derandomize=True)


def inputs(seed: int, heads: int, groups: int, t: int, s: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Queries, keys and values, which want gradients."""
    made = torch.Generator().manual_seed(seed)
    shapes = [(2, heads * groups, t, 4), (2, heads, s, 4), (2, heads, s, 4)]
    return [torch.randn(shape, generator=made, dtype=dtype).requires_grad_() for shape in shapes]


def both(given_: list[Tensor], mask: Tensor | None, groups: int, **options: Any) -> list[tuple[Tensor, list[Tensor]]]:
    """What `attend` and transformers find, and the gradients of a weighted sum."""
    module, found = SimpleNamespace(num_key_value_groups=groups, is_causal=True), []
    for way in (attend, sdpa_attention_forward):
        out, _ = way(module, *given_, mask, **options)  # type: ignore[arg-type]
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
        found.append((out.detach(), list(torch.autograd.grad((out * weights).sum(), given_))))
    return found


@quick
@given(
    seed=st.integers(0, 99), heads=st.integers(1, 3), groups=st.integers(1, 3), t=st.integers(1, 6),
    more=st.integers(0, 5), short=st.booleans(), scaling=st.sampled_from([None, 0.3]),
)  # fmt: skip
def test_values_and_gradients_are_those_of_pytorch(
    seed: int, heads: int, groups: int, t: int, more: int, short: bool, scaling: float | None
) -> None:
    made = inputs(seed, heads, groups, t, t + more)
    mask = torch.rand(2, 1, t, t + more, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[..., 0] = True  # every query sees something
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "SHORT", attention.SHORT if short else 0)
        (own, grads), (other, expected) = both(made, mask, groups, scaling=scaling)
    torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(grads, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("t", [1, 5])
def test_without_a_mask_a_query_sees_what_is_up_to_it(t: int, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "SHORT", attention.SHORT if short else 0)
    (own, grads), (other, expected) = both(inputs(0, 2, 3, t, 5), None, 3)
    torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(grads, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["float", "by head"])
def test_other_masks_go_transformers_own_way(kind: str) -> None:
    made = inputs(0, 2, 2, 3, 3)
    mask = torch.randn(2, 1, 3, 3, dtype=torch.float64) if kind == "float" else torch.rand(2, 4, 3, 3) < 2
    (own, _), (other, _) = both(made, mask, 2)
    assert torch.equal(own, other)


def test_a_query_that_sees_nothing_becomes_no_nan() -> None:
    """As padding before a sequence does; nobody reads what it finds."""
    made = inputs(0, 2, 2, 3, 3)
    mask = torch.ones(3, 3).tril().bool().repeat(2, 1, 1, 1)
    mask[0, 0, 0] = False
    out, _ = attend(SimpleNamespace(is_causal=True), *made, mask)
    assert all(each.isfinite().all() for each in torch.autograd.grad(out[:, 1:].sum(), made))
    assert out.isfinite().all()


def test_half_precision_is_summed_in_float32() -> None:
    made = inputs(0, 3, 3, 12, 70)
    mask = torch.ones(12, 70, dtype=torch.bool).tril(58).repeat(2, 1, 1, 1)
    exact, _ = attend(SimpleNamespace(is_causal=True), *made, mask)
    out, _ = attend(SimpleNamespace(is_causal=True), *(each.bfloat16() for each in made), mask)
    assert out.dtype == torch.bfloat16
    assert (out.double() - exact).abs().max() < 0.02


def test_a_policy_uses_it_on_the_cpu_and_saves_nothing_of_it(tmp_path: Path) -> None:
    policy = Policy.load("tiny", PolicyConfig(device="cpu"))
    assert policy.base.config._attn_implementation == NAME
    policy.save(tmp_path)
    assert NAME not in json.dumps(json.loads((tmp_path / "config.json").read_text()))
