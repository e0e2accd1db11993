"""`distil eval` as a user meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents import Policy, PolicyConfig, evaluate
from distil_envs import TokenVectorEnv

Distil = Callable[..., tuple[int, str, str]]
ON_CPU = ("--device", "cpu", "--dtype", "float32")


@pytest.fixture
def run(small_model: Path, tmp_path: Path) -> Path:
    """A finished run, as far as its folder shows."""
    folder = tmp_path / "run"
    shutil.copytree(small_model, folder / "model")
    options = {
        "model": "elsewhere",
        "env": "distil/Toy-v0",
        "eval_tasks": 3,
        "eval_max_new_tokens": 7,
        "seed": 4,
        "environment": {"tasks": "toy/fact", "num_tasks": 5, "max_new_tokens": 4, "instruction": "Say it."},
        "policy": {"device": "cpu", "dtype": "float32", "lora_rank": 4},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(options))
    return folder


def expected(model: Path, split: str, count: int, budget: int, seed: int, samples: int = 0, **options: Any) -> Any:
    """The same measured from Python."""
    policy = Policy.load(str(model), PolicyConfig(device="cpu", dtype="float32"))
    envs = TokenVectorEnv.of(
        "distil/Toy-v0", count, autoreset_mode="Disabled", tokenizer=policy.tokenizer, eos_token_ids=policy.eos_ids,
        split=split, num_tasks=count, max_new_tokens=budget, **options,
    )  # fmt: skip
    try:
        return evaluate(policy, envs, seed=seed, samples=samples, ks=(1, 2)).to_dict()
    finally:
        envs.close()


def test_a_model_is_measured_as_from_python_and_written_as_json(
    distil: Distil, small_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "found.json"
    words = ["--env", "distil/Toy-v0", "--num-tasks", 6, "--max-new-tokens", 5, "--seed", 2, "--samples", 2]
    status, out, err = distil("eval", small_model, *words, "--ks", 1, 2, *ON_CPU, "--output", output)
    assert (status, err) == (0, "")
    found = json.loads(output.read_text())
    assert found["env"] == "distil/Toy-v0"
    assert found["task_set"] == "toy/rule"
    assert found["split"] == "test"
    wanted = expected(small_model, "test", 6, 5, 2, samples=2)
    assert {name: found[name] for name in wanted} == json.loads(json.dumps(wanted))
    accuracy = wanted["accuracy"]
    assert f"{accuracy['mean']:.3f} [{accuracy['low']:.3f},{accuracy['high']:.3f}]" in out
    for name in ("6 tasks", "verifier accuracy", "exact match", "value anywhere", "pass@1", "pass@2", "tokens, mean"):
        assert name in out
    for status_name, count in wanted["status"].items():
        assert f"{status_name}: {count}" in out


def test_a_run_gives_model_environment_and_sizes_and_words_override_them(
    distil: Distil, run: Path, tmp_path: Path
) -> None:
    output = tmp_path / "found.json"

    def found(*words: object) -> dict[str, Any]:
        status, _, err = distil("eval", run, "--output", output, *words)
        assert status == 0, err
        rows: dict[str, Any] = json.loads(output.read_text())
        return rows

    own = {"tasks": "toy/fact", "instruction": "Say it."}
    held_out, pool = found(), found("--split", "train")
    assert held_out["per_task"] == expected(run / "model", "test", 3, 7, 4, **own)["per_task"]
    assert pool["per_task"] == expected(run / "model", "train", 5, 7, 4, **own)["per_task"]
    assert held_out["seed"] == 4
    other = found("--tasks", "toy/rule", "--num-tasks", 2, "--max-new-tokens", 3)
    wanted = expected(run / "model", "test", 2, 3, 4, tasks="toy/rule", instruction="Say it.")
    assert other["per_task"] == wanted["per_task"]


def test_several_attempts_are_measured_one_by_one(distil: Distil, tmp_path: Path) -> None:
    """`tiny` seldom knows the answer, but repeats what it is told."""
    output = tmp_path / "found.json"
    words = ["--env", "distil/Toy-v0", "--tasks", "toy/rule@1", "--num-tasks", 12, "--max-new-tokens", 6]
    status, out, err = distil(
        "eval", "tiny", *words, "--max-attempts", 2, "--feedback", "answer", *ON_CPU, "--output", output
    )
    assert status == 0, err
    found = json.loads(output.read_text())
    first, last = found["by_attempt"]
    assert first["mean"] < 0.5 < last["mean"] == found["accuracy"]["mean"]
    assert found["gain"]["mean"] == pytest.approx(last["mean"] - first["mean"])
    statuses = [task["attempts"] for task in found["per_task"]]
    assert first["mean"] == pytest.approx(statuses.count(["correct"]) / 12)
    assert last["mean"] == pytest.approx(sum(each[-1] == "correct" for each in statuses) / 12)
    for name, value in (("after attempt 1", first), ("after attempt 2", last)):
        assert f"{value['mean']:.3f} [{value['low']:.3f},{value['high']:.3f}]" in cells(out, name)
    assert f"{found['gain']['mean']:+.3f}" in cells(out, "gain of later ones")


def cells(out: str, name: str) -> str:
    return next(line for line in out.splitlines() if name in line)


def test_a_config_gives_the_environment_for_another_model(
    distil: Distil, run: Path, small_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "found.json"
    status, out, err = distil("eval", small_model, "--config", run / "config.yaml", "--output", output)
    assert status == 0, err
    assert f"{small_model} on distil/Toy-v0, toy/fact, test split" in out
    assert len(json.loads(output.read_text())["per_task"]) == 3


def test_a_small_task_set_is_measured_whole(distil: Distil, small_model: Path, user_env: Path) -> None:
    from distil_envs import load_tasks

    words = ("--env", "acme/AddOne-v0", "--import", user_env, "--max-new-tokens", 2)
    status, out, err = distil("eval", small_model, *words, *ON_CPU)
    assert status == 0, err
    rows = [{"id": f"t{i}", "domain": "acme", "prompt": f"Add 1 to {i}."} for i in range(40)]
    assert f"{len(load_tasks(rows, 'test'))} tasks" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("MODEL --env distil/Toy-v0 --max-new-tokens 0", "--max-new-tokens must be at least 1, got 0"),
        ("MODEL --num-tasks 0", "--num-tasks must be at least 1, got 0"),
        ("MODEL --samples 2 --ks 1 4", "pass@4 needs --samples 4 or more, got 2"),
        ("MODEL --ks 0", "--ks must be at least 1, got 0"),
        ("MODEL --output nowhere/found.json", "--output nowhere/found.json: the folder is not there"),
        ("MODEL --config nowhere.yaml", "cannot read the configuration nowhere.yaml"),
        ("MODEL --env distil/Toy-v0 --tasks toy/fact --num-tasks 9999", "but 9999 were asked for: ask for at most"),
        ("./nowhere", "no model folder at nowhere"),
    ],
)
def test_errors_are_one_line(words: str, said: str, fails: Callable[..., str], small_model: Path) -> None:
    assert said in fails("eval", *(small_model if word == "MODEL" else word for word in words.split()))


def test_a_run_that_is_not_finished_says_how_to_finish_it(fails: Callable[..., str], run: Path) -> None:
    shutil.rmtree(run / "model")
    assert f"finish the run with distil train --resume --run-dir {run}" in fails("eval", run)


def test_a_tokenizer_without_chat_template_is_told(
    fails: Callable[..., str], small_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(small_model, folder)
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        path = folder / name
        if path.suffix == ".json":
            path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": None}))
        else:
            path.unlink(missing_ok=True)
    said = fails("eval", folder, "--env", "distil/Toy-v0", "--num-tasks", 2, *ON_CPU)
    assert "has no chat template" in said
