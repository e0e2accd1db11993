"""Training on programs: demonstrations from wrong solutions, solved examples, and what grading ran on."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest

from agents import EnvConfig, Trainer, TrainerConfig
from agents.demonstrations import demonstrate
from agents.run_directory import RunDirectory
from distil_envs import Task, TokenEnv
from distil_envs.errors import DistilError
from feedback.experts.self_teacher import SelfTeacher
from feedback.providers.execution_trace import ExecutionTrace

SMALL = EnvConfig(
    tasks="code@1", num_tasks=4, max_new_tokens=8, max_prompt_tokens=4096, extra={"sandbox": "subprocess"}
)


def test_the_answer_of_a_task() -> None:
    assert Task("t", "math", "p", {"answer": 3, "solution": "because"}).answer == "3"
    assert Task("t", "math", "p", {"solution": "because"}).answer is None
    assert Task("t", "code", "p", {"solution": "x = '```'\n"}).answer == "````python\nx = '```'\n````"
    assert Task("t", "code", "p", {}).answer is None


def test_demonstrations_show_a_wrong_solution_its_trace_and_the_right_one() -> None:
    env = gym.make("distil/Code-v0", tasks="code@1-2", num_tasks=4, sandbox="subprocess").unwrapped
    assert isinstance(env, TokenEnv)
    made = demonstrate(env, ExecutionTrace(), 2)
    env.close()
    tasks = {task.content: task for task in env.source.sources[0].tasks("train")}
    assert len(made) == 2
    for shown in made:
        task = tasks[shown.content]
        assert shown.response == task.answer
        assert task.reference["wrong"][0]["solution"].rstrip() in shown.attempt
        assert shown.feedback.splitlines()[0].endswith(("fails.", "fail."))


def test_solved_examples_are_programs() -> None:
    env = gym.make("distil/Code-v0", tasks="code@1", shots=1, sandbox="subprocess", max_prompt_tokens=4096).unwrapped
    assert isinstance(env, TokenEnv)
    _, info = env.reset(seed=0)
    [example] = [message for message in env.messages(info["task"]) if message["role"] == "assistant"]
    assert example["content"].startswith("```python\n")
    env.close()


@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_records_what_grading_ran_on(small_model: Path, tmp_path: Path, resumed: bool) -> None:
    config = TrainerConfig(
        model=str(small_model),
        env="distil/Code-v0",
        feedback="execution-trace",
        environment=SMALL,
        steps=1,
        tasks_per_step=1,
        group_size=2,
        eval_tasks=2,
        eval_every=0,
        base_shots=0,
        demonstrations=1,
        checkpoint_every=1,
        run_dir=str(tmp_path / "run"),
    )
    assert isinstance(config.expert, SelfTeacher)
    config.expert.context.max_tokens = 4096
    Trainer(config).train()
    run = RunDirectory(tmp_path / "run")
    assert run.read("resources.jsonl") == [{"step": 0, "sandbox": "subprocess"}]
    if resumed:
        config.steps = 2
        Trainer(config, resume=True).train()
        assert run.read("resources.jsonl") == [
            {"step": 0, "sandbox": "subprocess"},
            {"step": 1, "sandbox": "subprocess"},
        ]
    episodes = run.read("episodes.jsonl")
    assert {row["attempts"][0]["outcome"]["status"] for row in episodes} <= {"malformed", "wrong"}
    assert all(row["attempts"][0]["feedback"]["source"] == "execution-trace" for row in episodes)


def test_without_a_sandbox_nothing_begins(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("docker.DockerSandbox", "bubblewrap.BubblewrapSandbox"):
        monkeypatch.setattr(f"distil_envs.sandbox.{name}.problem", lambda: "it is not there")
    environment = EnvConfig(tasks="code@1", num_tasks=4)
    config = TrainerConfig(
        model=str(small_model),
        env="distil/Code-v0",
        feedback="execution-trace",
        environment=environment,
        run_dir=str(tmp_path / "run"),
    )
    with pytest.raises(DistilError, match="no sandbox works here"):
        Trainer(config).train()
    assert not (tmp_path / "run").exists()
