"""Small random networks of several architectures, as policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.policy import Policy, PolicyConfig
from distil_envs import ByteTokenizer

VOCABULARY = 61


def _configs() -> dict[str, Any]:
    from transformers import GPT2Config, LlamaConfig, MistralConfig, Qwen2Config

    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "bos_token_id": None,
        "eos_token_id": None,
        "initializer_range": 0.3,  # so that a random network has opinions, and what it has read matters
    }
    return {
        "llama": LlamaConfig(**shape, max_position_embeddings=128),
        "qwen2": Qwen2Config(**shape, max_position_embeddings=128, tie_word_embeddings=True),
        "gpt2": GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=48,
            bos_token_id=None,
            eos_token_id=None,
            initializer_range=0.3,
            attn_pdrop=0.0,
            embd_pdrop=0.0,
            resid_pdrop=0.0,
        ),
        "sliding": MistralConfig(**shape, max_position_embeddings=128, sliding_window=6),
    }


def _build(name: str, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return AutoModelForCausalLM.from_config(_configs()[name]).to(dtype).eval()


@pytest.fixture(scope="session")
def build_policy() -> Callable[..., Policy]:
    """Makes a policy: ``build_policy("llama" | "qwen2" | "gpt2" | "sliding", dtype=torch.float32)``."""

    def build(name: str, *, dtype: torch.dtype = torch.float32) -> Policy:
        return Policy(_build(name, dtype), ByteTokenizer())

    return build


@pytest.fixture
def load(small_model: Path) -> Callable[..., Policy]:
    def policy(**changes: Any) -> Policy:
        return Policy.load(str(small_model), PolicyConfig(**{"device": "cpu", "dtype": "float32", **changes}))

    return policy


@pytest.fixture(scope="module")
def tiny() -> Policy:
    """The embedded toy model."""
    return Policy.load("tiny", PolicyConfig(device="cpu"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """A model as small as the toy loses by more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
