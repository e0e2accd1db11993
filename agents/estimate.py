"""What a run will cost, told before it starts: time from two short probes on this machine, memory by arithmetic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from agents.config import TrainerConfig
from agents.engines.local import generate
from agents.head import CHUNK
from agents.policy import Policy

ACTIVATION_BYTES = 34
"""Bytes kept for the backward pass per token, layer and hidden unit at half precision (arXiv 2205.05198, section 4)."""


@dataclass(frozen=True)
class Estimate:
    """Expected cost of training, evaluation apart."""

    seconds: float
    """If episodes use half of their budget."""
    seconds_at_most: float
    """If every episode uses all of it."""
    memory_bytes: float
    """Model, optimiser, teacher, activations and head; not the interpreter."""

    def __str__(self) -> str:
        return (
            f"about {duration(self.seconds)}, at most {duration(self.seconds_at_most)}, "
            f"and {self.memory_bytes / 2**30:.1f} GiB"
        )


@dataclass(frozen=True)
class Probe:
    """What a batch costs on this machine, seconds."""

    rows: int
    """Rows of the batch."""
    prefill: float
    """To read their prompts."""
    decode: float
    """For one more token of each."""

    def generating(self, rows: int, new_tokens: float) -> float:
        """Seconds to make so many tokens for each of so many rows, in batches as they were probed."""
        return rows / self.rows * (self.prefill + self.decode * new_tokens)


def probe(policy: Policy, rows: Sequence[Sequence[int]]) -> Probe:
    """Time a prefill and a decoding step of these prompts."""
    _timed(policy, rows[:2], 1)  # the first call pays for set-up
    prefill = _timed(policy, rows, 1)
    return Probe(len(rows), prefill, max(_timed(policy, rows, 3) - prefill, 0.0) / 2)


def estimate(policy: Policy, config: TrainerConfig, prompts: Sequence[Sequence[int]], budget: int) -> Estimate:
    """Probe a batch as training uses it, and add up.

    Args:
        prompts: the prompts of one step, one per group.
        budget: token budget of an episode, all attempts together.
    """
    rows = [prompt for prompt in prompts for _ in range(config.group_size)]
    return expected(policy, config, prompts, budget, probe(policy, rows))


def expected(
    policy: Policy, config: TrainerConfig, prompts: Sequence[Sequence[int]], budget: int, measured: Probe
) -> Estimate:
    """`estimate` from a probe that was made before."""
    length, rows = max(len(prompt) for prompt in prompts), len(prompts) * config.group_size
    rate = measured.prefill / sum(len(prompt) for prompt in prompts)  # seconds a token, each group's prompt once

    def of(new_tokens: float) -> float:
        student = rate * (length * len(prompts) + new_tokens * rows) * 3  # forward, and twice that backward
        teacher = rate * (2 * length + new_tokens) * rows if config.learner.needs_expert else 0.0
        return config.steps * (measured.generating(rows, new_tokens) + config.passes * (student + teacher))

    return Estimate(of(budget / 2), of(budget), _memory(policy, config, length + budget))


def _timed(policy: Policy, rows: Sequence[Sequence[int]], new_tokens: int) -> float:
    began = time.perf_counter()
    generate(policy, rows, torch.full((len(rows), new_tokens), 0.5), temperature=1.0, eos_ids=[])
    return time.perf_counter() - began


def _memory(policy: Policy, config: TrainerConfig, length: int) -> float:
    shape = policy.base.config
    weights = sum(p.numel() * p.element_size() for p in policy.model.parameters())
    trained = sum(p.numel() * p.element_size() for p in policy.trainable().values())
    held = {source.kind for source in config.expert.sources()} - (
        {"live", "frozen"} if policy.has_adapter else {"live"}
    )
    teacher = weights * len(held) if config.learner.needs_expert else 0
    tokens = min(config.micro_batch_tokens, length * config.tasks_per_step * config.group_size)
    layers = shape.num_hidden_layers * (config.policy.lora_top if policy.has_adapter else 1.0)
    activations = tokens * layers * shape.hidden_size * ACTIVATION_BYTES * (2 if policy.dtype == torch.float32 else 1)
    vocabulary, width = policy.head_weight.shape
    # Two float32 chunks of logits and their gradient, and a float32 copy of the head.
    head = 3 * 4 * CHUNK.get(policy.device.type, 128) * vocabulary + 4 * vocabulary * width
    return float(weights + 3 * trained + teacher + activations + head)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
