"""`distil train` as a user meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents import DistIL, TrainerConfig
from agents.cli.parsing import UsageError
from agents.cli.run_options import configure
from agents.cli.train import TrainCommand
from feedback.experts.correction import CorrectionExpert
from feedback.experts.mixture import Mixture
from feedback.experts.self_teacher import SelfTeacher
from feedback.schedule import Schedule

Distil = Callable[..., tuple[int, str, str]]

STOPPING = """
from dataclasses import dataclass
from typing import ClassVar
from agents import GRPO

@dataclass
class Stopping(GRPO):
    at: int = 99
    steps: ClassVar[int] = 0

    def loss(self, batch):
        Stopping.steps += 1
        if Stopping.steps == self.at:
            raise KeyboardInterrupt
        return super().loss(batch)
"""


@pytest.fixture
def options(small_model: Path, tmp_path: Path) -> dict[str, Any]:
    """A run of two small steps."""
    return {
        "model": str(small_model),
        "env": "distil/Toy-v0",
        "feedback": "answer",
        "learner": {"name": "DistIL", "gamma": 0.9},
        "steps": 2,
        "tasks_per_step": 2,
        "group_size": 2,
        "eval_tasks": 4,
        "base_shots": 1,
        "demonstrations": 1,
        "learning_rate": "5e-4",  # as YAML reads it
        "run_dir": str(tmp_path / "run"),
        "environment": {"num_tasks": 4, "max_new_tokens": 6},
        "policy": {"device": "cpu", "dtype": "float32"},
    }


@pytest.fixture
def config_file(options: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "options.yaml"
    path.write_text(yaml.safe_dump(options))
    return path


def test_options_come_from_defaults_then_file_then_words_and_are_saved_as_used(
    distil: Distil, config_file: Path, options: dict[str, Any], tmp_path: Path
) -> None:
    status, out, err = distil("train", "--config", config_file, "--seed", 3, "--environment.max-new-tokens", 5)
    assert status == 0, err
    saved = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    for name in ("model", "env", "feedback", "steps", "run_dir"):
        assert saved[name] == options[name]
    assert saved["learner"] == {"name": "DistIL", **vars(DistIL(gamma=0.9))}
    assert saved["learning_rate"] == 5e-4
    assert (saved["seed"], saved["environment"]["max_new_tokens"]) == (3, 5)
    assert saved["environment"]["num_tasks"] == 4
    assert saved["max_grad_norm"] == TrainerConfig().max_grad_norm
    # What was saved is a configuration again, and the same one.
    assert TrainerConfig.load(tmp_path / "run" / "config.yaml").to_dict() == saved

    # The end of the run: a table for each set of tasks, and what lies where.
    for heading in ("base zero-shot", "base few-shot", "after", "change", "pool (4)", "held-out (4)"):
        assert heading in out
    for metric in ("verifier accuracy", "exact match", "value anywhere"):
        rows = [line for line in out.splitlines() if metric in line]
        assert len(rows) == 2
        assert all(len(re.findall(r"\[[+-]?\d\.\d+,[+-]?\d\.\d+\]", row)) == 4 for row in rows)
    assert f"run directory: {tmp_path / 'run'}" in out
    listed = {line.split()[0] for line in out.split("run directory:")[1].splitlines()[1:]}
    assert listed <= {path.name for path in (tmp_path / "run").iterdir()}
    assert {"config.yaml", "model", "metrics.jsonl", "learning-curve.png", "checkpoints"} <= listed


def test_a_stopped_run_says_how_to_go_on_and_goes_on(
    distil: Distil, fails: Callable[..., str], config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    code, run = tmp_path / "my_stopping.py", tmp_path / "run"
    code.write_text(STOPPING)
    words = ["--config", config_file, "--import", code, "--checkpoint-every", 1]
    status, _, err = distil("train", *words, "--learner", "my_stopping:Stopping", "--learner.at", 2)
    assert status == 130
    assert err.splitlines()[-1] == (
        f"distil: stopped; resume with: distil train --resume --run-dir {run} --import {code}"
    )
    assert "Traceback" not in err
    assert yaml.safe_load((run / "config.yaml").read_text())["learner"]["at"] == 2

    resume = ["train", "--resume", "--run-dir", run, "--import", code]
    assert "with other options: seed (was 0, now 5)" in fails(*resume, "--seed", 5)
    assert "learner.name (was 'my_stopping:Stopping', now 'GRPO')" in fails(*resume, "--learner", "GRPO")
    status, out, err = distil(*resume, "--steps", 3)  # longer than it was meant to be
    assert status == 0, err
    assert "held-out (4)" in out
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert yaml.safe_load((run / "config.yaml").read_text())["steps"] == 3
    assert "already holds a run: add --resume" in fails("train", *words)
    del sys.modules["my_stopping"]


def test_a_users_environment_and_feedback_train_by_file(
    distil: Distil, config_file: Path, user_env: Path, tmp_path: Path
) -> None:
    status, out, err = distil(
        "train", "--config", config_file, "--import", user_env, "--env", "acme/AddOne-v0", "--feedback", "acme-hint",
        "--steps", 1, "--base-shots", 0, "--demonstrations", 0, "--eval-tasks", 3,
    )  # fmt: skip
    assert status == 0, err
    assert "pool (4)" in out
    assert "few-shot" not in out
    episodes = [json.loads(line) for line in (tmp_path / "run" / "episodes.jsonl").read_text().splitlines()]
    told = {episode["attempts"][0]["feedback"]["text"] for episode in episodes}
    assert told
    assert all(re.fullmatch(r"The answer has \d digits\.", text) for text in told)


def test_a_module_before_the_id_is_imported_from_the_working_directory(
    fails: Callable[..., str], config_file: Path, user_env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user_env.parent)
    said = fails("train", "--config", config_file, "--env", "my_add_one:acme/AddOne-v0", "--feedback", "nobody")
    assert "no feedback provider is named 'nobody'" in said  # so the environment was found


def test_words_become_the_options_of_the_learner_that_they_name() -> None:
    def learner(*words: str) -> Any:
        return configure(TrainCommand, "distil train", words).options.learner

    assert learner("--learner.gamma", "0.5", "--learner.baseline", "none") == DistIL(gamma=0.5, baseline="none")
    assert type(learner("--learner", "GRPO", "--learner.clip", "0.3")).__name__ == "GRPO"
    assert learner("--learner", "GRPO", "--learner.clip", "0.3").clip == 0.3


def test_words_become_the_options_of_the_expert_that_they_name() -> None:
    words = "--expert mixture --expert.first.temperature 0.3 --expert.second.weights live --expert.share.steps 2"
    config = configure(TrainCommand, "distil train", words.split()).options
    assert config.expert == Mixture(CorrectionExpert(0.3), SelfTeacher(weights="live"), Schedule(0.5, 0.5, 2))
    with pytest.raises(UsageError, match=r"unknown option --expert\.weights"):
        configure(TrainCommand, "distil train", ["--expert", "correction", "--expert.weights", "live"])


def test_words_reach_every_nested_option() -> None:
    words = (
        "--environment.tasks math/algebra --environment.num-tasks None --policy.lora-rank 8 --policy.trust-remote-code "
        '--expert.weights ema --expert.context.request Again. --environment.extra {"stop":["Q"]}'
    )
    config = configure(TrainCommand, "distil train", words.split()).options
    assert config.environment.tasks == "math/algebra"
    assert config.environment.num_tasks is None
    assert config.environment.extra == {"stop": ["Q"]}
    assert config.policy == replace(TrainerConfig().policy, lora_rank=8, trust_remote_code=True)
    assert isinstance(config.expert, SelfTeacher)
    assert (config.expert.weights, config.expert.context.request) == ("ema", "Again.")


def test_a_file_keeps_the_options_of_a_learner_unless_another_is_named(tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("learner: {name: GRPO, clip: 0.1}\n")
    assert configure(TrainCommand, "distil train", ["--config", str(path)]).options.learner.clip == 0.1  # type: ignore[attr-defined]
    same = configure(TrainCommand, "distil train", ["--config", str(path), "--learner", "GRPO"]).options
    assert same.learner.clip == 0.1  # type: ignore[attr-defined]
    assert (
        configure(TrainCommand, "distil train", ["--config", str(path), "--learner", "DistIL"]).options.learner
        == DistIL()
    )
    path.write_text("learner: GRPO\n")
    assert type(configure(TrainCommand, "distil train", ["--config", str(path)]).options.learner).__name__ == "GRPO"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [1\nseed: 2\n", "options.yaml, line 2: not valid YAML: "),
        ("steps: 3\nseed: 2\nsteps: 4\n", "options.yaml, line 3: not valid YAML: steps stands there twice"),
        ("learner: {name: GRPO, name: DistIL}\n", "options.yaml, line 1: not valid YAML: name stands there twice"),
        ("- steps\n", "options.yaml must hold options as `name: value` lines, got list"),
        ("stepz: 3\n", "unknown option stepz; did you mean steps"),
        ("learner: {name: DistIL, gama: 1}\n", "unknown option learner.gama; did you mean learner.gamma"),
        ("policy: {lora_rnk: 1}\n", "unknown option policy.lora_rnk; did you mean policy.lora_rank"),
        ("policy: cpu\n", "policy must hold options as `name: value` lines, got 'cpu'"),
        ("steps: few\n", "steps must be a whole number, got 'few'"),
        ("steps: true\n", "steps must be a whole number, got True"),
        ("learning_rate: low\n", "learning_rate must be a number, got 'low'"),
        ("model: null\n", "model must be text, got None"),
        ("policy: {dtype: float8}\n", "policy.dtype must be one of auto, bfloat16, float32, got 'float8'"),
        ("learner: NoSuch\n", "no learner is named 'NoSuch'"),
        ("learner: GRPO\ngroup_size: 1\n", "group_size is 1: raise it to 2 or more"),
    ],
)
def test_a_file_that_cannot_be_is_told_in_one_line(
    text: str, said: str, fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("options.yaml").write_text(text)
    assert said in fails("train", "--config", "options.yaml")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--config nowhere.yaml", "cannot read the configuration nowhere.yaml: No such file or directory"),
        ("--group-size 1", "baseline=leave-one-out needs at least two rollouts per task, but group_size is 1"),
        ("--environment.max-new-tokens 0", "max_new_tokens must be at least 1, got 0"),
        ("--model ./nowhere", "no model folder at nowhere; give a folder"),
        ("--env distil/Math-v9", "no environment 'distil/Math-v9'"),
        ("--environment.tasks toy/rul", "Did you mean 'toy/rule'"),
        ("--feedback anwser", "Did you mean 'answer'"),
        ("--resume", "no run in"),
        ("--resume --run-dir nowhere", "no run in nowhere: expected a config.yaml there"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_and_leaves_no_run(
    words: str,
    said: str,
    fails: Callable[..., str],
    config_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in fails("train", "--config", config_file, *words.split())
    assert not (tmp_path / "run").exists()


def test_a_hub_that_cannot_be_reached_is_told_at_once(
    fails: Callable[..., str], config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    said = fails("train", "--config", config_file, "--model", "nobody/no-such-model")
    assert said.startswith("no model 'nobody/no-such-model': it is neither embedded (")
    assert "check the name, or download the model first" in said
