"""`Policy`: loading, precisions, adapters, what it refuses, and the folder that it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.models import load_model
from agents.policy import Policy, PolicyConfig, _with_lora
from distil_envs import ByteTokenizer
from distil_envs.errors import ConfigError

CONTEXTS, COMPLETIONS = [[5, 6, 7], [8, 9]], [[10, 11], [12, 13, 14]]
CPU = PolicyConfig(device="cpu", dtype="float32")


def options(**changes: Any) -> PolicyConfig:
    return PolicyConfig(**{"device": "cpu", "dtype": "float32", **changes})


def load(small_model: Path, seed: int = 0, **changes: Any) -> Policy:
    return Policy.load(str(small_model), options(**changes), seed=seed)


def stir(policy: Policy, scale: float = 0.05) -> None:
    """Change every trained weight, as training would."""
    source = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in policy.trainable().values():
            parameter.add_(torch.randn(parameter.shape, generator=source).to(parameter.dtype), alpha=scale)


def states(policy: Policy) -> torch.Tensor:
    return policy.hidden(CONTEXTS, COMPLETIONS).detach().float()


def test_full_training_keeps_float32_weights_and_computes_in_bfloat16(small_model: Path) -> None:
    exact, halved = load(small_model), load(small_model, dtype="bfloat16")
    for policy in (exact, halved):
        trained = policy.trainable()
        assert {p.dtype for p in trained.values()} == {torch.float32}
        assert trained.keys() == dict(policy.model.named_parameters()).keys()
        assert not policy.model.training
    difference = float((states(exact) - states(halved)).abs().max())
    assert 1e-5 < difference < 0.1


def test_states_times_head_are_the_logits(small_model: Path) -> None:
    policy = load(small_model)
    logits = policy.model(input_ids=torch.tensor([CONTEXTS[1] + COMPLETIONS[1]])).logits[0, 1:-1]
    assert torch.allclose(policy.hidden(CONTEXTS, COMPLETIONS)[1] @ policy.head_weight.T, logits, atol=1e-5)


def test_adapters_leave_the_rest_frozen_and_start_at_nothing(small_model: Path) -> None:
    plain, policy = load(small_model), load(small_model, lora_rank=4)
    assert policy.has_adapter and not plain.has_adapter
    assert policy.trainable() and all("lora_" in name for name in policy.trainable())
    assert not any("lm_head" in name or "embed" in name for name in policy.trainable())
    assert not policy.head_weight.requires_grad
    assert torch.equal(states(plain), states(policy))
    stir(policy)
    assert not torch.allclose(states(plain), states(policy), atol=1e-3)
    with policy.without_adapter():
        assert torch.equal(states(plain), states(policy))
    assert not torch.allclose(states(plain), states(policy), atol=1e-3)


def test_adapters_are_drawn_from_the_seed_alone(small_model: Path) -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, same, other = (load(small_model, seed=seed, lora_rank=2).trainable() for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("share", "layers"), [(1.0, {"0", "1"}), (0.5, {"1"}), (0.1, {"1"})])
def test_adapters_may_sit_near_the_head_alone(small_model: Path, share: float, layers: set[str]) -> None:
    names = load(small_model, lora_rank=2, lora_top=share).trainable()
    assert {name.partition("layers.")[2].partition(".")[0] for name in names} == layers


def test_the_scale_of_adapters_is_alpha_times_the_rank(small_model: Path) -> None:
    policy = load(small_model, lora_rank=1, lora_alpha=0.5)
    stir(policy)
    (name, layer), *_ = [(n, m) for n, m in policy.model.named_modules() if n.endswith("0.mlp.up_proj")]
    delta = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    merged = dict(policy.merged_model().named_modules())[name.removeprefix("base_model.model.")]
    assert float(delta.detach().abs().max()) > 1e-4
    assert torch.allclose(merged.weight - layer.base_layer.weight, 0.5 * delta, atol=1e-6)


def test_gpt2_has_linear_layers_too(build_policy: Callable[..., Policy]) -> None:
    policy = Policy(_with_lora(build_policy("gpt2").model, options(lora_rank=2)), ByteTokenizer())
    before = states(policy)
    stir(policy)
    assert {name.split(".")[-4] for name in policy.trainable()} == {"c_attn", "c_proj", "c_fc"}
    assert not torch.allclose(before, states(policy), atol=1e-3)


@pytest.mark.parametrize("rank", [0, 4])
def test_the_saved_folder_is_a_plain_model(small_model: Path, tmp_path: Path, rank: int) -> None:
    policy = load(small_model, lora_rank=rank)
    stir(policy)
    policy.save(tmp_path / "saved")
    plain = load_model(str(tmp_path / "saved"), dtype=torch.float32, trust_remote_code=False)
    ids = torch.tensor([[3, 4, 5, 6]])
    assert torch.allclose(plain(input_ids=ids).logits, policy.model(input_ids=ids).logits, atol=1e-5)
    again = Policy.load(str(tmp_path / "saved"), CPU)
    assert again.eos_ids == policy.eos_ids
    assert again.tokenizer.chat_template == policy.tokenizer.chat_template
    assert torch.allclose(states(again), states(policy), atol=1e-5)


def test_merging_half_precision_weights_loses_no_small_change(small_model: Path) -> None:
    """A change below the spacing of bfloat16 numbers survives: averages are made of it."""
    policy = load(small_model, dtype="bfloat16", lora_rank=2)
    stir(policy, 1e-3)
    merged = policy.merged_model()
    assert {p.dtype for p in merged.parameters()} == {torch.float32}
    name = "model.layers.0.mlp.up_proj"
    layer = dict(policy.base.named_modules())[name]
    factors = layer.lora_A["default"].weight.float(), layer.lora_B["default"].weight.float()
    change = dict(merged.named_modules())[name].weight - layer.base_layer.weight.float()
    assert torch.allclose(change, 2.0 * factors[1] @ factors[0], atol=1e-8)
    assert 0 < float(change.detach().abs().max()) < 2e-3


def test_end_ids_are_the_tokenizers_and_the_models(small_model: Path) -> None:
    policy = load(small_model)
    assert list(policy.eos_ids) == [policy.tokenizer.eos_token_id]
    policy.base.generation_config.eos_token_id = [policy.tokenizer.eos_token_id, 0]
    assert list(policy.eos_ids) == [policy.tokenizer.eos_token_id, 0]


def test_a_chat_template_of_the_users_own(small_model: Path) -> None:
    assert load(small_model, chat_template="{{ messages[0]['content'] }}").tokenizer.chat_template.startswith("{{")


def test_models_whose_logits_the_head_would_get_wrong_are_refused() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM, PhiConfig, PhiForCausalLM

    shape: dict[str, Any] = {"vocab_size": 17, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    shape |= {"num_attention_heads": 2, "num_key_value_heads": 2, "pad_token_id": 0}
    with pytest.raises(ConfigError, match="rescales its logits"):
        Policy(Gemma2ForCausalLM(Gemma2Config(**shape, head_dim=8)), ByteTokenizer())
    with pytest.raises(ConfigError, match="biased output layer"):
        _ = Policy(PhiForCausalLM(PhiConfig(**shape)), ByteTokenizer()).head_weight


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"lora_rank": -1}, "lora_rank must be 0"),
        ({"lora_alpha": 0.0}, "lora_alpha must be positive"),
        ({"lora_top": 0.0}, r"share of the layers in \(0, 1\]"),
        ({"dtype": "fp16"}, "dtype must be one of auto, bfloat16, float32"),
        ({"device": "gpu"}, "device must be auto, cpu, cuda"),
    ],
)
def test_options_that_cannot_work(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        options(**changes).validate()


def test_cuda_without_a_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch sees no CUDA device; use device=cpu"):
        options(device="cuda:1").validate()
    options(device="auto").validate()
