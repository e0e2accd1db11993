"""`Rollouts`: a batch of exact ids with what came of them, made through the corridor: `reset` and `submit` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from agents.engines.local import generate
from agents.policy import Policy
from distil_envs import Episode, Outcome, Raised, Status, TokenEnv
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
    """Of each id that the policy made here, in all attempts, nats, at the sampling temperature. What a saved state
    held before is not among them."""
    group: list[int]
    """Which group each rollout belongs to."""

    @property
    def tokens(self) -> int:
        """Tokens that the policy made here, in all attempts."""
        return sum(map(len, self.logprobs))


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
    """One episode in each row.

    All rows that can act are continued together, then all are graded and their tools run, and so on; so the make-up of
    a batch, on which a draw in bfloat16 may hang, does not depend on who is graded first.

    Args:
        envs: autoreset mode ``DISABLED``.
        resets: for every row the seed and the options of `reset`. With ``{"state": state}`` a saved episode is
            continued, so that one beginning can be continued in many ways.
        keys: for every row (group, sample): with the sampling's seed, purpose and step they fix its random numbers,
            one for each token of each attempt. So an episode that is continued with the key it was begun with ends as
            it would have.
    """
    names = [f"{sampling.step}/{group}/{sample}" for group, sample in keys]
    named = [(seed, {**options, "rollout_id": name}) for (seed, options), name in zip(resets, names, strict=True)]
    rows = _Rows(envs, named)
    env = envs.rows[0]
    # One number for each token that any attempt may take: a row's draws depend on nothing but its key.
    uniforms = [
        torch.from_numpy(
            generator(sampling.seed, sampling.purpose, sampling.step, *key).random(
                (env.max_attempts, env.max_new_tokens)
            )
        )
        for key in keys
    ]
    logprobs: list[list[float]] = [[] for _ in keys]
    while len(rows.finished) < len(keys):
        waiting = rows.can_act()
        for start in range(0, len(waiting), sampling.max_rows):
            part = waiting[start : start + sampling.max_rows]
            made = generate(
                policy,
                [rows.ids[row] for row in part],
                [uniforms[row][rows.attempt[row], -rows.tokens_left[row] :] for row in part],
                temperature=sampling.temperature,
                eos_ids=sorted(env.eos_token_ids),
                stopped=partial(_stopped, [envs.rows[row] for row in part]) if env.stop else None,
            )
            for row, more in zip(part, made.logprobs, strict=True):
                logprobs[row] += more
            rows.submit(dict(zip(part, made.ids, strict=True)))  # grading goes on while the next rows are generated
        rows.settle()
    episodes = [rows.finished[row] for row in range(len(keys))]
    _link(episodes, keys, sampling.step)
    return Rollouts(episodes, logprobs, [group for group, _ in keys])


class _Rows:
    """Where the rows of a vector environment stand, as `reset` and `submit` tell."""

    def __init__(self, envs: TokenVectorEnv, resets: Sequence[tuple[int, dict[str, Any]]]) -> None:
        self._envs = envs
        self.finished: dict[int, Episode] = {}
        self._take(_reset(envs, resets))
        self.submit({})  # a saved episode may be over
        self.settle()  # or at work

    def submit(self, ids: dict[int, list[int]]) -> None:
        """Continue these rows."""
        observation, *_, infos = self._envs.submit([ids.get(row, []) for row in range(self._envs.num_envs)])
        self.finished |= {row: infos["episode"][row] for row in np.flatnonzero(infos.get("_episode", ())).tolist()}
        self._take((observation, infos))

    def settle(self) -> None:
        """Wait until no row is at work."""
        while self.pending.any():
            # `submit` would not wait while other rows can act.
            self._envs.wait()
            self.submit({})

    def can_act(self) -> list[int]:
        """Rows that await a token."""
        return [row for row in range(self._envs.num_envs) if row not in self.finished and not self.pending[row]]

    def _take(self, told: tuple[dict[str, Any], dict[str, Any]]) -> None:
        observation, infos = told
        self.ids = _ids(observation)
        self.pending: Any = infos["pending"]
        self.attempt: Any = infos["attempt"]
        self.tokens_left: Any = infos["tokens_left"]


def reset_rows(envs: TokenVectorEnv, resets: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, ...]]:
    """Reset every row with its seed and options, and return the prompt ids."""
    return _ids(_reset(envs, resets)[0])


def _reset(envs: TokenVectorEnv, resets: Sequence[tuple[int, dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = {name for _, options in resets for name in options}
    options = {name: [options[name] for _, options in resets] for name in names}
    return envs.reset(seed=[seed for seed, _ in resets], options=options)


def _ids(observation: dict[str, Any]) -> list[tuple[int, ...]]:
    used = observation["attention_mask"].astype(bool)
    return [tuple(ids[mask].tolist()) for ids, mask in zip(observation["input_ids"], used, strict=True)]


def _stopped(rows: Sequence[TokenEnv], at: int, ids: list[int]) -> bool:
    return rows[at].stopped(ids)


def _link(episodes: list[Episode], keys: Sequence[tuple[int, int]], step: int) -> None:
    """Give every episode its group and its siblings."""
    groups: dict[int, list[Episode]] = {}
    for episode, (group, _) in zip(episodes, keys, strict=True):
        episode.group_id = f"{step}/{group}"
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
