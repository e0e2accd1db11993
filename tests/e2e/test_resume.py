"""Killed at any moment and resumed, a run ends as the uninterrupted one does, to the last bit (law 2)."""

from __future__ import annotations

import hashlib
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from agents import GRPO, DAgger, DistIL, EnvConfig, PolicyConfig, TrainerConfig
from distil_envs.curriculum import CurriculumConfig
from feedback.experts.self_teacher import SelfTeacher
from feedback.schedule import Schedule

SCRIPT = """
import json, os, sys
import torch
import agents.run_directory
from agents import Trainer, TrainerConfig
from agents.run_directory import RunDirectory
from distil_envs import Outcome, Status, register

class Sum:  # no sense in it, but a reward that differs between rollouts of a random model
    def __call__(self, task, text):
        reward = sum(map(ord, text)) % 7 / 6
        return Outcome(reward, Status.CORRECT if reward == 1 else Status.WRONG)

register("e2e/Sum-v0", tasks="toy/rule", verifier=Sum(), feedback="answer")
config, resume, deadly = TrainerConfig.load(sys.argv[1]), sys.argv[2] == "resume", json.loads(sys.argv[3])

def die():
    os.kill(os.getpid(), 9)

if deadly and deadly[0] == "torn":  # the last line of a log is half written
    _, log, step, lost = deadly
    append = RunDirectory.append
    def tear(self, name, rows):
        rows = list(rows)
        append(self, name, rows)
        if name == log and rows[-1]["step"] == step:
            file = self.path / name
            os.truncate(file, file.stat().st_size - lost)
            die()
    RunDirectory.append = tear
elif deadly and deadly[0] == "half":  # a checkpoint is half written
    save = torch.save
    def half(state, file):
        save(state, file)
        file.flush()
        if f"step-{deadly[1]:06d}" in file.name:
            os.truncate(file.fileno(), os.fstat(file.fileno()).st_size // 2)
            die()
    torch.save = half
elif deadly:  # at the nth file operation of a kind on a path
    _, kind, path, left = deadly
    def watch(event, arguments):
        global left
        if event == kind and arguments and path in str(arguments[0]):
            left -= 1
            if left == 0:
                die()
    sys.addaudithook(watch)

Trainer(config, resume=resume).train()
"""

MOMENTS = [
    ["torn", "evaluations.jsonl", 0, 30],  # before the first step
    ["torn", "episodes.jsonl", 2, 700],  # before the first checkpoint
    ["half", 3],  # while the first checkpoint is written
    ["at", "os.rename", ".step-000003.new", 1],  # when it is whole but has no name yet
    ["torn", "metrics.jsonl", 4, 1],  # right after a checkpoint; only the line break is missing
    ["at", "open", "metrics.jsonl", 2],  # episodes of step 5 are logged, its figures not
    ["torn", "evaluations.jsonl", 6, 100],
    ["at", "shutil.rmtree", "step-000003", 1],  # while the first checkpoint is thrown away
    ["half", 7],  # while the last one is written
    ["at", "os.rename", ".model.new", 1],  # while the result is exported
]
CHANGING = {"seconds_rollout", "seconds_update", "tokens_per_second"}

VARIANTS: dict[str, dict[str, Any]] = {
    "frozen-full": {"expert": SelfTeacher(weights="frozen")},
    "ema-full": {"expert": SelfTeacher(weights="ema", ema_rate=0.3), "learner": DistIL(gamma=0.9, cost="kl")},
    "aggregated-lora": {"learner": DAgger(Schedule(1.0, 0.3, 4), keep=9), "policy": {"lora_rank": 2}},
    "ema-lora": {"expert": SelfTeacher(weights="ema", ema_rate=0.3), "policy": {"lora_rank": 2}},
    "live-grpo-two-passes": {"learner": GRPO(), "passes": 2, "env": "e2e/Sum-v0", "feedback": None},
    "attempts-curriculum": {
        "env": "e2e/Sum-v0",
        "environment": EnvConfig(num_tasks=4, max_new_tokens=6, max_prompt_tokens=256, max_attempts=2),
        "train_attempts": (-1,),
        "curriculum": CurriculumConfig(kind="success"),
    },
}


@pytest.fixture
def resumable(config: TrainerConfig, tmp_path: Path, python: Any) -> Any:
    """Starts training in a process: ``begin("run", resume=False, deadly=None)``; with ``options`` other than usual."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)

    class Runs:
        def prepare(self, name: str, **options: Any) -> None:
            policy = PolicyConfig(dtype="float32", device="cpu", **options.pop("policy", {}))
            steps = {"steps": 7, "eval_every": 3, "checkpoint_every": 3, "keep_checkpoints": 1}
            made = replace(config, **steps, policy=policy, run_dir=str(tmp_path / name), **options)
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(made.to_dict()))

        def start(self, name: str, *, resume: bool = False, deadly: list[Any] | None = None) -> Any:
            file = tmp_path / f"{name}.yaml"
            return python.start(script, str(file), "resume" if resume else "begin", json.dumps(deadly))

    return Runs()


def digest(state: Any) -> str:
    """Hash of a nested state, tensors bit for bit."""
    if isinstance(state, torch.Tensor):
        raw = state.contiguous().flatten().view(torch.uint8).numpy().tobytes()
        return hashlib.sha256(repr((state.dtype, tuple(state.shape))).encode() + raw).hexdigest()
    if isinstance(state, dict):
        parts = [(repr(key), digest(value)) for key, value in state.items()]
    elif isinstance(state, (list, tuple)):
        parts = [("", digest(value)) for value in state]
    else:
        parts = [("", repr(state))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def assert_same(first: Path, second: Path, rows: Any) -> None:
    """Both runs have ended, whole, with the same logs, parameters and optimiser state."""
    states = [
        torch.load(run / "checkpoints" / "step-000007" / "state.pt", weights_only=True) for run in (first, second)
    ]
    for part in ("policy", "optimizer", "expert", "curriculum", "lessons"):
        assert digest(states[0][part]) == digest(states[1][part]), part
    for log in ("episodes.jsonl", "evaluations.jsonl"):
        assert (first / log).read_bytes() == (second / log).read_bytes(), log
    figures = [
        [{k: v for k, v in row.items() if k not in CHANGING} for row in rows(run, "metrics")] for run in (first, second)
    ]
    assert figures[0] == figures[1]
    assert [row["step"] for row in figures[0]] == list(range(1, 8))
    assert [(row["step"], row["set"]) for row in rows(first, "evaluations")] == [
        (step, name) for step in (0, 3, 6, 7) for name in ("pool", "held-out")
    ]
    assert [row["step"] for row in rows(first, "episodes")] == [step for step in range(1, 8) for _ in range(4)]
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (first, second)]
    assert weights[0] == weights[1]
    names = [
        sorted(str(path.relative_to(run)) for path in run.rglob("*") if "tensorboard" not in str(path))
        for run in (first, second)
    ]
    assert names[0] == names[1], "nothing half written is left"


@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_again_and_again_a_run_ends_as_if_never_killed(
    variant: str, resumable: Any, tmp_path: Path, rows: Any
) -> None:
    resumable.prepare("whole", **VARIANTS[variant])
    resumable.prepare("killed", **VARIANTS[variant])
    whole = resumable.start("whole")
    assert whole.wait() == 0, whole.output.read_text()
    for count, moment in enumerate(MOMENTS if variant == "frozen-full" else MOMENTS[1::3]):
        dying = resumable.start("killed", resume=count > 0, deadly=moment)
        assert dying.wait() == -9, (moment, dying.output.read_text())
    last = resumable.start("killed", resume=True)
    assert last.wait() == 0, last.output.read_text()
    assert_same(tmp_path / "whole", tmp_path / "killed", rows)
    states = torch.load(tmp_path / "whole" / "checkpoints" / "step-000007" / "state.pt", weights_only=True)
    if variant == "attempts-curriculum":
        made = [row["attempts"] for row in rows(tmp_path / "whole", "episodes")]
        assert {len(each) for each in made} == {1, 2}
        assert states["curriculum"]["tasks"], "it has counted"
    moved = [value["exp_avg"].abs().sum() for value in states["optimizer"]["state"].values()]
    assert max(moved) > 0, "the run learned something, or there was nothing to compare"


def test_killed_from_outside_at_random_moments(resumable: Any, tmp_path: Path, rows: Any) -> None:
    resumable.prepare("whole")
    resumable.prepare("killed")
    began = time.monotonic()
    whole = resumable.start("whole")
    assert whole.wait() == 0, whole.output.read_text()
    took = time.monotonic() - began
    chance = random.Random(7)
    kills = 0
    for _ in range(4):
        dying = resumable.start("killed", resume=(tmp_path / "killed" / "config.yaml").exists())
        time.sleep(chance.uniform(0.1, 0.9) * took)
        dying.kill()
        code = dying.wait()
        assert code in (0, -9), dying.output.read_text()
        kills += code == -9
    assert kills
    resume = (tmp_path / "killed" / "config.yaml").exists()
    last = resumable.start("killed", resume=resume)
    assert last.wait() == 0, last.output.read_text()
    assert_same(tmp_path / "whole", tmp_path / "killed", rows)


def test_a_finished_run_resumed_changes_nothing(train: Any, tmp_path: Path, rows: Any) -> None:
    train()
    before = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")}
    state = digest(torch.load(tmp_path / "run" / "checkpoints" / "step-000002" / "state.pt", weights_only=True))
    train(resume=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")} == before
    after = torch.load(tmp_path / "run" / "checkpoints" / "step-000002" / "state.pt", weights_only=True)
    assert digest(after) == state


def test_a_run_goes_on_for_more_steps_as_if_it_had_been_asked_for_them(train: Any, tmp_path: Path, rows: Any) -> None:
    train(steps=2, run_dir=str(tmp_path / "long"), eval_every=2)
    train(steps=4, run_dir=str(tmp_path / "long"), eval_every=2, resume=True)
    train(steps=4, run_dir=str(tmp_path / "straight"), eval_every=2)
    for log in ("episodes", "evaluations"):
        assert rows(tmp_path / "long", log) == rows(tmp_path / "straight", log)
    assert yaml.safe_load((tmp_path / "long" / "config.yaml").read_text())["steps"] == 4
