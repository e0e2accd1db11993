"""Training with a curriculum: what was drawn and found is learned from, saved, logged and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console

from agents import EnvConfig, PolicyConfig, Trainer, TrainerConfig
from agents.cli.run_options import configure
from agents.cli.train import TrainCommand
from agents.learners import GRPO
from agents.sampled import draw_sampled, figures, results
from distil_envs import Attempt, Episode, Outcome, Status, Task, TokenEnv
from distil_envs.curriculum import CurriculumConfig
from distil_envs.errors import ConfigError

Rows = list[dict[str, Any]]


class Chance:
    """Grades by the letters, so that a random model is right now and then; sometimes it fails on our side."""

    def __call__(self, task: Task, text: str) -> Outcome:
        kind = sum(map(ord, text)) % 7
        if kind == 0:
            return Outcome(0.0, Status.INFRA_ERROR)
        level = int(task.metadata["level"])
        return Outcome(1.0, Status.CORRECT) if kind > 2 * level else Outcome(0.0, Status.WRONG)


class OwnDraw(TokenEnv):
    """Has no task set to pick from."""

    def draw(self, seed: int, episode: int, options: Mapping[str, Any]) -> Task:
        return self.tasks.draw(seed, 0)


@pytest.fixture(scope="module", autouse=True)
def _environments() -> None:
    import gymnasium as gym

    gym.register("test/Chance-v0", entry_point=TokenEnv, kwargs={"tasks": "toy/rule", "verifier": Chance()})
    gym.register("test/OwnDraw-v0", entry_point=OwnDraw, kwargs={"tasks": "toy/rule", "verifier": Chance()})


@pytest.fixture
def train(small_model: Path, tmp_path: Path) -> Callable[..., Rows]:
    """Train with some options, and return the rows of ``episodes.jsonl``."""

    def act(name: str, *, resume: bool = False, **options: Any) -> Rows:
        config = TrainerConfig(
            model=str(small_model),
            env="test/Chance-v0",
            learner=GRPO(),
            steps=6,
            tasks_per_step=4,
            group_size=2,
            learning_rate=0.01,
            eval_every=0,
            eval_tasks=0,
            base_shots=0,
            checkpoint_every=3,
            environment=EnvConfig(num_tasks=12, max_new_tokens=6, max_prompt_tokens=128),
            policy=PolicyConfig(dtype="float32", device="cpu"),
            run_dir=str(tmp_path / name),
        )
        Trainer(replace(config, **options), resume=resume, console=Console(quiet=True)).train()
        return read(tmp_path / name / "episodes.jsonl")

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield act
    torch.set_num_threads(threads)


def read(log: Path) -> Rows:
    return [json.loads(line) for line in log.read_text().splitlines()]


def state(run: Path, step: int) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(run / "checkpoints" / f"step-{step:06d}" / "state.pt", weights_only=True)
    return loaded


def test_a_run_that_is_resumed_draws_as_if_it_had_never_stopped(train: Any, tmp_path: Path) -> None:
    options = {"curriculum": CurriculumConfig(kind="success", half_life=3.0)}
    whole = train("whole", **options)
    train("stopped", **options, steps=3)
    assert train("stopped", **options, resume=True) == whole
    ended = [state(tmp_path / name, 6)["curriculum"] for name in ("whole", "stopped")]
    assert ended[0] == ended[1] != state(tmp_path / "whole", 3)["curriculum"]
    assert json.loads(json.dumps(ended[0])) == ended[0]


def test_only_what_was_graded_counts_and_all_of_it(train: Any, tmp_path: Path) -> None:
    endless = 1e9  # nothing fades in six steps
    episodes = train("run", curriculum=CurriculumConfig(kind="success", half_life=endless))
    statuses = [(row["task"], row["attempts"][-1]["outcome"]["status"]) for row in episodes]
    graded = [(task, status == "correct") for task, status in statuses if status != "infra_error"]
    assert 0 < len(graded) < len(statuses)
    counted = state(tmp_path / "run", 6)["curriculum"]
    for task in {task["id"] for task, _ in graded}:
        wins = [win for each, win in graded if each["id"] == task]
        assert counted["tasks"][task][:2] == pytest.approx([sum(wins), len(wins)])
    for level in (1, 2):
        wins = [win for each, win in graded if each["metadata"]["level"] == level]
        assert counted["buckets"][f"toy/rule@{level}"][:2] == pytest.approx([sum(wins), len(wins)])


def test_levels_open_up_in_training_from_the_pool_or_from_all_there_is(train: Any) -> None:
    options = {"curriculum": CurriculumConfig(kind="levels", levels={"0": "1", "3": "2"}), "checkpoint_every": 6}
    endless = EnvConfig(num_tasks=None, max_new_tokens=6, max_prompt_tokens=128)
    for episodes in (train("pool", **options), train("all", **options, environment=endless)):
        levels = [(row["step"], row["task"]["metadata"]["level"]) for row in episodes]
        assert levels == [(step, 1 if step <= 3 else 2) for step in range(1, 7) for _ in range(8)]
        for start in range(0, len(episodes), 2):
            assert episodes[start]["task"] == episodes[start + 1]["task"], "a group is of one task"


def test_the_sample_is_logged_by_bucket_and_drawn(train: Any, tmp_path: Path) -> None:
    episodes = train("run")
    for row in read(tmp_path / "run" / "metrics.jsonl"):
        known = [each for each in episodes if each["step"] == row["step"]]
        assert sum(value for name, value in row.items() if name.startswith("sampled/")) == len(known) == 8
        assert row.items() >= figures(results(known)).items()
        assert row["attempts"] == 1
        assert not row.keys() & {"success_first", "tool_calls"}, "there is one attempt, and no tool"
    assert (tmp_path / "run" / "curriculum.png").read_bytes().startswith(b"\x89PNG")


def test_a_row_tells_of_attempts(train: Any, tmp_path: Path) -> None:
    environment = EnvConfig(num_tasks=12, max_new_tokens=6, max_prompt_tokens=128, max_attempts=2)
    episodes = train("run", environment=environment, feedback="answer", train_attempts=(-1,), checkpoint_every=6)
    assert {len(row["attempts"]) for row in episodes} == {1, 2}
    for row in read(tmp_path / "run" / "metrics.jsonl"):
        known = [each["attempts"] for each in episodes if each["step"] == row["step"]]
        graded = [each for each in known if each[-1]["outcome"]["status"] != "infra_error"]
        for name, index in (("success_first", 0), ("success", -1)):
            wins = sum(each[index]["outcome"]["status"] == "correct" for each in graded)
            assert row[name] == pytest.approx(wins / len(graded))
        assert row["attempts"] == pytest.approx(sum(map(len, known)) / len(known))
        made = sum(len(attempt["completion_ids"]) for each in known for attempt in each)
        assert row["length"] == pytest.approx(made / len(known))


def logged(level: int, *statuses: Status) -> Rows:
    task = Task("one", "acme", "What?", metadata={"family": "x", "level": level})
    attempts = [Attempt((1,), (2,), "", Outcome(0.0, status)) for status in statuses]
    return [Episode(task, [attempt]).to_dict() for attempt in attempts]


def test_figures_leave_out_what_failed_on_our_side() -> None:
    rows = logged(1, Status.CORRECT, Status.WRONG, Status.MALFORMED, Status.INFRA_ERROR)
    rows += logged(2, Status.INFRA_ERROR)
    expected = {"sampled/acme/x@1": 4.0, "success/acme/x@1": 1 / 3, "sampled/acme/x@2": 1.0}
    assert figures(results(rows)) == expected


@pytest.mark.parametrize(
    ("names", "drawn"),
    [
        (["acme"], False),
        (["acme/x@1", "acme/x@2"], True),
        (["acme", "other/y"], True),
        ([f"acme/x{family}@{level}" for family in range(5) for level in range(4)], True),  # by level and by family
        ([f"acme/x{family}" for family in range(30)], True),  # most are others
    ],
)
def test_a_picture_for_every_number_of_buckets(names: Sequence[str], drawn: bool, tmp_path: Path) -> None:
    rows = [
        {"step": step, "loss": 0.1, "ids": "abc"}
        | {f"sampled/{name}": 4.0 for name in names[step % 3 :] or names}
        | {f"success/{name}": 0.5 for name in names if step % 2}
        for step in range(1, 90)
    ]
    draw_sampled(tmp_path / "curriculum.png", "title", rows, 10.0)
    assert [path.name for path in tmp_path.iterdir()] == (["curriculum.png"] if drawn else [])


def test_an_environment_that_draws_its_tasks_itself_trains_with_uniform_only(train: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OwnDraw draws its tasks itself: use kind 'uniform'"):
        train("own", env="test/OwnDraw-v0", curriculum=CurriculumConfig(kind="success"))
    assert not (tmp_path / "own").exists(), "nothing began"
    environment = EnvConfig(num_tasks=None, max_new_tokens=6, max_prompt_tokens=128)
    assert len(train("own", env="test/OwnDraw-v0", steps=1, environment=environment)) == 8


def test_names_that_the_tasks_do_not_have_are_told_before_anything_begins(train: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing called 'algebra'; it has toy/rule@1, toy/rule@2"):
        train("bad", curriculum=CurriculumConfig(kind="weights", weights={"algebra": 2}))
    assert not (tmp_path / "bad").exists()


def test_attempts_that_there_never_are(train: Any) -> None:
    with pytest.raises(ConfigError, match="there is no attempt 1, episodes have at most 1"):
        train("bad", train_attempts=(0, 1))


def test_options_come_from_words_and_from_yaml(tmp_path: Path) -> None:
    levels = {"0": "1", "20": "1-2"}
    words = ["--curriculum.kind", "levels", "--curriculum.levels", json.dumps(levels), "--train-attempts", "0", "-1",
             "--environment.max-attempts", "3", "--environment.tools", "python", "calculator"]  # fmt: skip
    config = configure(TrainCommand, "distil train", words).options
    assert config.curriculum == CurriculumConfig(kind="levels", levels=levels)
    assert config.train_attempts == (0, -1)
    arguments = config.environment.arguments()
    assert (arguments["max_attempts"], arguments["tools"]) == (3, ("python", "calculator"))
    assert not EnvConfig().arguments().keys() & {"max_attempts", "tools"}
    config.validate()
    again = TrainerConfig.from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict())))
    again.validate()
    assert again == config
    assert not again.differences(config)
    assert again.differences(TrainerConfig()).keys() == {
        "curriculum.kind", "curriculum.levels.0", "curriculum.levels.20", "train_attempts",
        "environment.max_attempts", "environment.tools",
    }  # fmt: skip
    written = tmp_path / "run.yaml"
    written.write_text("curriculum:\n  kind: levels\n  levels: {0: 1, 20: 1-2}\n")
    TrainerConfig.load(written).validate()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"curriculum": {"kind": "levels"}}, "'levels' needs curriculum.levels"),
        ({"curriculum": {"kind": "hard"}}, "curriculum.kind must be one of uniform, levels, weights, success"),
        ({"curriculum": {"half_live": 3}}, "unknown option curriculum.half_live; did you mean curriculum.half_life"),
        ({"train_attempts": ["last"]}, r"train_attempts must be a list of whole numbers, got \('last',\)"),
        ({"train_attempts": 1}, "train_attempts must be a list of whole numbers, got 1"),
        ({"environment": {"tools": "python"}}, "environment.tools must be a list of names, got 'python'"),
        ({"environment": {"max_attempts": 0}}, "environment.max_attempts must be at least 1, got 0"),
    ],
)
def test_options_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainerConfig.from_dict(values).validate()
