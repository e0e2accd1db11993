"""A run ends with what it may spend, and is evaluated at shares of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agents import CE, Trainer, TrainerConfig
from agents.limits import Limits, Spent
from agents.policy import PolicyConfig
from distil_envs.errors import ConfigError

STEPS = st.lists(st.tuples(st.integers(1, 64), st.integers(1, 999), st.floats(0.01, 9)), min_size=1, max_size=20)


@given(STEPS, st.integers(1, 400), st.integers(1, 4000))
def test_the_nearest_limit_decides(steps: list[tuple[int, int, float]], samples: int, tokens: int) -> None:
    spent, budget, before = Spent(), Limits(samples=samples, tokens=tokens), 0.0
    for done, (rollouts, generated, seconds) in enumerate(steps, 1):
        spent.add({"samples": rollouts, "tokens": generated, "seconds_rollout": seconds, "seconds_update": seconds})
        share = spent.share(20, budget)
        assert share > before
        over = done >= 20 or spent.samples >= samples or spent.tokens >= tokens
        assert (share >= 1) == over
        before = share
    assert spent.seconds == pytest.approx(2 * sum(seconds for *_, seconds in steps))


@pytest.mark.parametrize("name", ["samples", "tokens", "seconds"])
def test_a_limit_that_allows_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"limits.{name} must be positive"):
        Limits(**{name: 0}).validate()


def test_a_share_outside_the_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="eval_at must hold shares between 0 and 1"):
        TrainerConfig(eval_at=(0.5, 1.0)).validate()


@pytest.mark.parametrize("budget", [Limits(samples=24), Limits(tokens=100), Limits(seconds=1e-6), Limits()], ids=str)
def test_a_run_ends_in_time_and_is_evaluated_on_the_way(small_model: Path, tmp_path: Path, budget: Limits) -> None:
    config = TrainerConfig(
        model=str(small_model),
        env="distil/Toy-v0",
        feedback="answer",
        learner=CE(),
        steps=8,
        tasks_per_step=2,
        group_size=4,
        eval_every=0,
        eval_at=(0.25, 0.6),
        eval_tasks=4,
        base_shots=0,
        limits=budget,
        policy=PolicyConfig(lora_rank=0),
        save_model=False,
        run_dir=str(tmp_path / "run"),
    )
    Trainer(config, console=Console(quiet=True)).train()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    spent, shares = Spent(), [0.0]
    for row in rows:
        spent.add(row)
        shares.append(spent.share(8, budget))
    assert shares[-1] >= 1 > shares[-2]
    evaluated = {row["step"] for row in read(tmp_path / "run" / "evaluations.jsonl")}
    assert evaluated == {0, len(rows), *(next(i for i, s in enumerate(shares) if s >= at) for at in (0.25, 0.6))}
    assert not (tmp_path / "run" / "model").exists()
    episodes = read(tmp_path / "run" / "episodes.jsonl")
    drawn = [len(row["logprobs"]) for row in episodes]
    assert sum(drawn) == spent.tokens
    assert len(drawn) == spent.samples
    # A resumed run that is over does nothing.
    Trainer(config, resume=True, console=Console(quiet=True)).train()
    assert len(read(tmp_path / "run" / "metrics.jsonl")) == len(rows)


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
