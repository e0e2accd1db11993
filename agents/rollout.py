"""`Rollouts`: a batch of exact ids with what came of them, made through the corridor: `reset` and `submit` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from agents.engines.local import generate
from agents.policy import Policy
from distil_envs import Episode, Outcome, Raised, Status
from distil_envs.counted import generator
from distil_envs.vector import TokenVectorEnv


@dataclass
class Sampling:
    """How completions are drawn."""

    seed: int
    """Seed of the run."""
    purpose: str
    """Names the stream of random numbers, e.g. ``rollout`` or ``evaluate``."""
    step: int = 0
    """Counter of the stream."""
    temperature: float = 1.0
    """0 is greedy."""
    max_rows: int = 256
    """Rows generated at one time; whole prompts stay together where they can. Changes no draw."""


@dataclass
class Rollouts:
    """N rollouts. Row i of every list belongs to episode i."""

    episodes: list[Episode]
    logprobs: list[list[float]]
    """Of each completion id, nats, at the sampling temperature."""
    group: list[int]
    """Which group each rollout belongs to."""
    tokens: int = field(init=False)
    """Completion tokens in all."""

    def __post_init__(self) -> None:
        self.tokens = sum(len(episode.attempt.completion_ids) for episode in self.episodes)


def ids_hash(attempts: Iterable[tuple[Sequence[int], Sequence[int]]]) -> str:
    """Digest of prompt and completion ids in order: equal runs have equal ones."""
    digest = hashlib.sha256()
    for attempt in attempts:
        for ids in attempt:
            digest.update(np.asarray([len(ids), *ids], dtype="<i8").tobytes())
    return digest.hexdigest()[:16]


def rollout(
    policy: Policy,
    envs: TokenVectorEnv,
    resets: Sequence[tuple[int, dict[str, Any]]],
    keys: Sequence[tuple[int, int]],
    sampling: Sampling,
) -> Rollouts:
    """One attempt in each row.

    Args:
        envs: autoreset mode ``DISABLED``.
        resets: for every row the seed and the options of `reset`.
        keys: for every row (group, sample): with the sampling's seed, purpose and step they fix its random numbers.
    """
    prompts = reset_rows(envs, resets)
    env = envs.rows[0]
    uniforms = torch.tensor(
        np.stack([
            generator(sampling.seed, sampling.purpose, sampling.step, *key).random(env.max_new_tokens) for key in keys
        ])
    )  # fmt: skip
    logprobs: list[list[float]] = []
    finished: dict[int, Episode] = {}
    for start in range(0, len(keys), sampling.max_rows):
        part = slice(start, start + sampling.max_rows)
        made = generate(
            policy,
            prompts[part],
            uniforms[part],
            temperature=sampling.temperature,
            eos_ids=sorted(env.eos_token_ids),
            stopped=env.stopped if env.stop else None,
        )
        logprobs += made.logprobs
        actions: list[list[int]] = [[] for _ in keys]
        actions[part] = made.ids
        finished |= _ended(envs.submit(actions))  # grading goes on while the next rows are generated
    while len(finished) < len(keys):
        finished |= _ended(envs.submit([[] for _ in keys]))
    episodes = [finished[row] for row in range(len(keys))]
    _link(episodes, keys, sampling.step)
    return Rollouts(episodes, logprobs, [group for group, _ in keys])


def reset_rows(envs: TokenVectorEnv, resets: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, ...]]:
    """Reset every row with its seed and options, and return the prompt ids."""
    names = {name for _, options in resets for name in options}
    options = {name: [options[name] for _, options in resets] for name in names}
    observations, _ = envs.reset(seed=[seed for seed, _ in resets], options=options)
    used = observations["attention_mask"].astype(bool)
    return [tuple(ids[mask].tolist()) for ids, mask in zip(observations["input_ids"], used, strict=True)]


def _ended(result: Any) -> dict[int, Episode]:
    infos = result[-1]
    present = infos.get("_episode", ())
    return {row: infos["episode"][row] for row in np.flatnonzero(present).tolist()}


def _link(episodes: list[Episode], keys: Sequence[tuple[int, int]], step: int) -> None:
    """Give every episode its ids and its siblings."""
    groups: dict[int, list[Episode]] = {}
    for episode, (group, sample) in zip(episodes, keys, strict=True):
        episode.group_id = f"{step}/{group}"
        episode.rollout_id = f"{step}/{group}/{sample}"
        groups.setdefault(group, []).append(episode)
    for members in groups.values():
        for episode in members:
            episode.siblings = tuple(other for other in members if other is not episode)


def failure(outcome: Outcome) -> str:
    """Why a verification failed on our side, in one line."""
    raised = outcome.trace.of(Raised)
    return (raised[0].message.strip() or raised[0].type).splitlines()[0] if raised else "no reason was given"


def usable(episode: Episode) -> bool:
    """Whether an outcome says something about the policy (law 4)."""
    return episode.outcome is not None and episode.outcome.status is not Status.INFRA_ERROR
