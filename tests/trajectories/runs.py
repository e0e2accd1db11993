"""Runs on the disk whose episodes went through a real environment, with answers that a test chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from agents.config import EnvConfig, TrainerConfig
from agents.learners import GRPO
from agents.run_directory import RunDirectory
from distil_envs import Episode
from distil_envs.vector import TokenVectorEnv

OPTIONS: dict[str, Any] = {
    "tasks": "toy/rule@1", "max_attempts": 2, "system": "Turn it round.", "max_new_tokens": 8, "max_prompt_tokens": 256,
}  # fmt: skip
RIGHT = "right"
"""Stands for the right answer of whatever is asked."""


def played(group: int, answers: Sequence[str], sample: int = 0, **options: Any) -> Episode:
    """An episode of the toy rule in which these answers were given, with the feedback ``answer``."""
    made = {**OPTIONS, "feedback": "answer", **options}
    with closing(TokenVectorEnv.of("distil/Toy-v0", 1, autoreset_mode="Disabled", **made)) as envs:
        env = envs.rows[0]
        _, info = env.reset(seed=group, options={"rollout_id": f"0/{group}/{sample}"})
        for answer in answers:
            text = info["task"].answer if answer == RIGHT else answer
            ids = env.tokenizer.encode(text, add_special_tokens=False)
            *_, info = env.submit([*ids, min(env.eos_token_ids)])
    episode: Episode = info["episode"]
    episode.group_id = f"0/{group}"
    return episode


def row_of(episode: Episode, step: int = 1) -> dict[str, Any]:
    """As the trainer logs it."""
    made = sum(sum(attempt.sampled) for attempt in episode.attempts)
    return {"step": step, **episode.to_dict(), "logprobs": [-0.1 * (at + 1) for at in range(made)]}


def write_run(folder: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> Path:
    """A run of this folder with these episodes."""
    config = TrainerConfig(
        model="tiny", env="distil/Toy-v0", learner=GRPO(), environment=EnvConfig(**{**OPTIONS, **options})
    )
    run = RunDirectory(folder)
    run.create(config.to_dict())
    run.append("episodes.jsonl", rows)
    run.close()
    return folder
