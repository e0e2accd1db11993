"""Bad input gets one clear line or a status, and loses nothing."""

from __future__ import annotations

import io
import json
import math
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from transformers import AutoTokenizer

import distil_envs
import feedback
from agents import GRPO, DistIL, EnvConfig, PolicyConfig, TrainerConfig
from distil_envs import Outcome, Status
from distil_envs.errors import ConfigError, DistilError, NotFoundError, TaskError

TASKS = [
    {"id": word, "domain": "words", "prompt": f"Say {word}.", "reference": {"answer": word}}
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight")
]


def one_line(error: BaseException) -> str:
    """The message, which must fit the command line's promise: one line, neither empty nor a dump."""
    text = str(error)
    assert "\n" not in text
    assert 20 < len(text) < 800, text
    return text


@pytest.fixture
def refused(train: Any, config: TrainerConfig) -> Any:
    """Training with these options is refused: the kind of error, and what its one line must say."""

    def check(kind: type[Exception], *said: str, **options: Any) -> None:
        folder = Path(config.run_dir or "")
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(kind) as caught:
            train(**options)
        assert isinstance(caught.value, DistilError)
        text = one_line(caught.value)
        for words in said:
            assert words in text, text
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before, (
            "nothing was touched"
        )

    return check


@pytest.fixture
def registered() -> Any:
    """Registers an environment of the five tasks with a verifier, once for each test."""

    def make(env_id: str, verifier: Any, **options: Any) -> str:
        distil_envs.register(env_id, tasks=TASKS, verifier=verifier, replace=True, **options)
        return env_id

    return make


def exact(task: distil_envs.Task, completion: str) -> bool:
    return completion == task.reference["answer"]


# What cannot begin.


def test_an_unknown_model(refused: Any, tmp_path: Path) -> None:
    refused(ConfigError, "no model folder at", "smollm2", model=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    refused(ConfigError, "has no config.json", model=str(tmp_path / "empty"))


def test_a_tokenizer_without_a_chat_template(refused: Any, small_model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(small_model, bare)
    tokenizer = AutoTokenizer.from_pretrained(bare)
    tokenizer.chat_template = None
    (bare / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(bare)
    refused(ConfigError, "chat template", model=str(bare))


def test_malformed_tasks(train: Any, config: TrainerConfig, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    good = {"id": "a", "domain": "math", "prompt": "What is 1 + 1?", "reference": {"answer": "2"}}
    file.write_text(json.dumps(good) + "\n{oops\n")
    with pytest.raises(TaskError, match=r"tasks\.jsonl:2: not JSON"):
        train(environment=replace(config.environment, tasks=str(file)))
    assert not Path(config.run_dir or "").exists()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"max_prompt_tokens": 3}, "raise max_prompt_tokens"),
        ({"tasks": "toy/ruel"}, "toy/rule"),
        ({"extra": {"colour": "red"}}, "colour"),
        ({"num_tasks": 0}, "num_tasks"),
    ],
)
def test_options_of_the_environment(refused: Any, config: TrainerConfig, environment: Any, said: str) -> None:
    refused(DistilError, said, environment=replace(config.environment, **environment))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"group_size": 1}, "leave-one-out"),
        ({"group_size": 1, "learner": GRPO()}, "GRPO compares"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"learning_rate": math.nan}, "learning_rate must be positive"),
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"learner": DistIL(gamma=1.5)}, "gamma must be in [0, 1]"),
        ({"policy": PolicyConfig(lora_rank=-1)}, "lora_rank"),
        ({"environment": EnvConfig(extra={"verifier": exact})}, "environment.extra.verifier is a function"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_is_loaded(
    refused: Any, options: dict[str, Any], said: str
) -> None:
    refused(ConfigError, said, model="never-loaded", **options)


def test_unknown_names(refused: Any) -> None:
    refused(NotFoundError, "acme/None-v0", env="acme/None-v0")
    refused(NotFoundError, "'anwser'", "'answer'", feedback="anwser")


def test_unknown_options_of_a_configuration(tmp_path: Path) -> None:
    for text, said in [
        ("stepz: 3", "unknown option stepz; did you mean steps"),
        ("learner: {name: DistIL, gama: 1}", "unknown option learner.gama; did you mean learner.gamma"),
        ("environment: {max_tokens: 3}", "environment.max_tokens"),
        ("learner: {name: DistILL}", "DistIL"),
        ("- a\n- b", "must hold options"),
        ("a: [", "not valid YAML"),
    ]:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        with pytest.raises(DistilError) as caught:
            TrainerConfig.load(file)
        assert said in one_line(caught.value)
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        TrainerConfig.load(tmp_path / "missing.yaml")


def test_a_learner_that_needs_feedback_where_there_is_none(refused: Any) -> None:
    refused(ConfigError, "DistIL learns from feedback", "--feedback answer", feedback=None)


# What must not be lost.


def test_a_folder_with_a_run_is_not_taken(train: Any, refused: Any, config: TrainerConfig) -> None:
    train(steps=1)
    refused(ConfigError, "already holds a run", "--resume")
    # And what cannot begin leaves it alone too.
    refused(
        ConfigError, "no model folder", model="/no/model", resume=False, run_dir=str(Path(config.run_dir or "") / "x")
    )


def test_a_run_that_could_not_begin_does_not_take_the_folder(train: Any, refused: Any, config: TrainerConfig) -> None:
    refused(NotFoundError, "'anwser'", feedback="anwser")
    assert not Path(config.run_dir or "").exists()
    train(steps=1)


def test_resuming_without_a_run_or_as_another_one(train: Any, refused: Any, config: TrainerConfig) -> None:
    refused(ConfigError, "no run in", resume=True)
    train(steps=1)
    refused(ConfigError, "seed (was 0, now 1)", resume=True, seed=1)
    refused(
        ConfigError,
        "learner.gamma (was 1.0, now 0.5)",
        "cannot resume",
        resume=True,
        learner=DistIL(gamma=0.5),
        steps=2,
    )


def test_a_folder_where_another_process_trains(train: Any, refused: Any, config: TrainerConfig) -> None:
    from agents.run_directory import RunDirectory

    train(steps=1)
    other = RunDirectory(Path(config.run_dir or ""))
    other.lock()
    refused(ConfigError, "is in use", resume=True, steps=2)
    other.close()
    train(resume=True, steps=2)


# What happens on the way.


def test_a_set_without_held_out_tasks_trains_without_them_and_says_so(train: Any, rows: Any) -> None:
    few = [task for task in TASKS if distil_envs.Task(**task).split == "train"][:3]
    distil_envs.register("bad/Few-v0", tasks=few, verifier=Sometimes(raises, []), replace=True)
    said = io.StringIO()
    result = train(env="bad/Few-v0", base_shots=4, console=Console(file=said, width=300))
    assert {(row["set"], row["tasks"]) for row in rows(result["run_dir"], "evaluations")} == {("pool", 3)}
    assert "no held-out evaluation: the test split of" in said.getvalue()
    assert "no few-shot evaluation of the base: shots=4, but only" in said.getvalue()


POOL = [task.id for task in distil_envs.load_tasks(TASKS, "train").take(4)]


class Sometimes:
    """Fails on some tasks; runs in a thread of this process, as a `Verifier` may."""

    def __init__(self, broken: Any, tasks: list[str]) -> None:
        self.broken = broken
        self.tasks = tasks

    def __call__(self, task: distil_envs.Task, text: str) -> Any:
        return self.broken() if task.id in self.tasks else Outcome(0.25, Status.WRONG)


def raises() -> float:
    raise RuntimeError("the judge is out")


@pytest.mark.parametrize(
    ("broken", "learner", "told"),
    [
        (lambda: math.nan, DistIL(), "returned the reward nan"),
        (lambda: math.nan, GRPO(), "returned the reward nan"),
        (raises, DistIL(), "the judge is out"),
        (lambda: "great", DistIL(), "returned str"),
    ],
    ids=["nan", "nan-grpo", "raises", "garbage"],
)
def test_a_broken_verification_is_masked_and_counted_aloud(
    broken: Any, learner: Any, told: str, train: Any, rows: Any, registered: Any
) -> None:
    env = registered("bad/Sometimes-v0", Sometimes(broken, POOL[:1]))
    said = io.StringIO()
    result = train(env=env, learner=learner, tasks_per_step=4, console=Console(file=said, width=300))
    attempts = [row["attempts"][-1] | {"id": row["task"]["id"]} for row in rows(result["run_dir"], "episodes")]
    for attempt in attempts:
        failed = attempt["id"] == POOL[0]
        assert attempt["outcome"]["status"] == ("infra_error" if failed else "wrong")
        assert (attempt["feedback"] is None) == failed
    for row in rows(result["run_dir"], "metrics"):
        assert row["infra_errors"] == 2
        assert row["reward"] == 0.25, "a failure is no reward of 0"
        assert math.isfinite(row["loss"])
        assert f"step {row['step']:4d}  2 of 8 verifications failed on our side and are left out" in said.getvalue()
    assert told in said.getvalue()
    evaluated = [row for row in rows(result["run_dir"], "evaluations") if row["set"] == "pool"]
    assert all(row["tasks"] == 3 and row["status"]["infra_error"] == 1 for row in evaluated)
    assert "1 of 4 verifications failed on our side" in said.getvalue()


def test_every_verification_failing_is_an_error(refused: Any, registered: Any) -> None:
    env = registered("bad/Never-v0", Sometimes(raises, POOL))
    refused(ConfigError, "none of the 4 attempts could be graded", "the judge is out", env=env)


def test_verifications_that_begin_to_fail_end_the_run_which_can_go_on(
    train: Any, registered: Any, config: TrainerConfig, tmp_path: Path, rows: Any
) -> None:
    switch = tmp_path / "judge-is-out"

    class Judge:
        def __call__(self, task: distil_envs.Task, text: str) -> Outcome:
            if switch.exists():
                raises()
            return Outcome(0.25, Status.WRONG)

    env = registered("bad/Judge-v0", Judge())
    train(env=env, steps=1, checkpoint_every=1)
    switch.touch()
    with pytest.raises(
        DistilError, match=r"step 2: all 4 verifications failed on our side.*the judge is out.*--resume"
    ):
        train(env=env, steps=3, checkpoint_every=1, resume=True)
    switch.unlink()
    train(env=env, steps=3, checkpoint_every=1, resume=True)
    train(env=env, steps=3, checkpoint_every=1, run_dir=str(tmp_path / "straight"))
    assert rows(tmp_path / "run", "episodes") == rows(tmp_path / "straight", "episodes")


def test_a_users_function_that_hangs_or_gives_nan_costs_only_the_rows_it_concerns(
    train: Any, registered: Any, rows: Any, config: TrainerConfig
) -> None:
    hang, nan = POOL[:2]

    def mine(task: distil_envs.Task, completion: str) -> float:  # runs in a process of its own
        while task.id == hang:
            time.sleep(60)
        return math.nan if task.id == nan else 0.5

    env = registered("bad/Hangs-v0", mine, verify_timeout_s=0.3)
    result = train(env=env, steps=1, tasks_per_step=4, eval_tasks=0)
    expected = {hang: "timeout", nan: "infra_error"}
    for row in rows(result["run_dir"], "episodes"):
        outcome = row["attempts"][-1]["outcome"]
        assert outcome["status"] == expected.get(row["task"]["id"], "wrong")
        assert outcome["reward"] == (0.5 if outcome["status"] == "wrong" else 0.0)
    [row] = rows(result["run_dir"], "metrics")
    assert row["infra_errors"] == 2
    assert row["reward"] == pytest.approx(0.5 * 4 / 6), "a hang is the completion's fault and counts, a NaN does not"


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (lambda episode: 1 / 0, "'broken' raised ZeroDivisionError: division by zero"),
        (lambda episode: 42, "'broken' returned int; expected Feedback, a string, or None"),
    ],
    ids=["raises", "garbage"],
)
def test_a_broken_feedback_function_is_named(says: Any, told: str, refused: Any) -> None:
    feedback.provider("broken")(says)
    refused(ConfigError, told, feedback="broken", demonstrations=1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda episodes: None, "must return a list"),
        (lambda episodes: ["x"] * len(episodes), "must return Feedback or None"),
    ],
    ids=["none", "strings"],
)
def test_a_provider_that_breaks_its_contract_is_named(answer: Any, told: str, train: Any) -> None:
    class Broken:
        name = "contract-breaker"

        def __call__(self, episodes: Any) -> Any:
            return answer(episodes)

    distil_envs.registry.register_object("feedback", "contract-breaker", Broken())
    with pytest.raises(ConfigError, match="contract-breaker") as caught:
        train(feedback="contract-breaker", demonstrations=0)
    assert told in one_line(caught.value)


def test_a_gradient_that_is_not_finite_ends_training_and_keeps_the_weights(train: Any, tmp_path: Path) -> None:
    train(steps=1, checkpoint_every=1)
    checkpoint = tmp_path / "run" / "checkpoints" / "step-000001" / "state.pt"
    before = checkpoint.read_bytes()
    with pytest.raises(DistilError, match="training diverged"):
        train(run_dir=str(tmp_path / "wild"), learning_rate=1e30, steps=6)
    assert checkpoint.read_bytes() == before
