"""One process or two, one batch or many, this machine's order or another: the same run (law 2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from agents import GRPO, DistIL, EnvConfig, PolicyConfig, TrainerConfig
from feedback.experts.self_teacher import SelfTeacher

TRAINS = """
import sys
from agents import Trainer, TrainerConfig
from distil_envs import Outcome, Raised, Status, Trace, register

class Sum:  # no sense in it, but rewards that differ, and some failures on our side
    def __call__(self, task, text):
        kind = sum(map(ord, text)) % 8
        failed = Trace((Raised("Broken", "now and then"),))
        return Outcome(kind / 7, Status.WRONG) if kind else Outcome(0, Status.INFRA_ERROR, trace=failed)

register("e2e/Sum-v0", tasks="toy/rule", verifier=Sum(), feedback="answer")
for name in sys.argv[1:]:
    Trainer(TrainerConfig.load(name), resume=name.endswith("resumed.yaml")).train()
"""
RUNS: dict[str, dict[str, Any]] = {
    "distil": {"expert": SelfTeacher(weights="ema", ema_rate=0.3), "learner": DistIL(gamma=0.9)},
    "grpo": {"learner": GRPO(), "passes": 2, "temperature": 2.0},
}
TOLERANCE = 1e-6
TIMES = {"seconds_rollout", "seconds_update", "tokens_per_second"}


@pytest.fixture
def base(config: TrainerConfig) -> TrainerConfig:
    """With `tiny`, which has something to learn. Adam makes steps of the same size from gradients that are nothing but
    rounding (of tokens that hardly matter), so parameters are the same to a small share of the learning rate; the
    gradients themselves are compared as a whole.
    """
    return replace(config, model="tiny", env="e2e/Sum-v0", steps=3, tasks_per_step=3, learning_rate=4e-6, eval_every=2)


def averaged_gradient(run: Path) -> torch.Tensor:
    """Adam's first moment after the last step: a mean of all the gradients of the run."""
    state = torch.load(run / "checkpoints" / "step-000003" / "state.pt", weights_only=True)["optimizer"]["state"]
    return torch.cat([state[index]["exp_avg"].flatten() for index in sorted(state)])


def assert_close(first: Path, second: Path, rows: Any, *, exactly: Sequence[str] = ("episodes", "evaluations")) -> None:
    """The same ids, rewards and evaluations; the same figures and parameters up to rounding."""
    for log in exactly:
        for one, two in zip(rows(first, log), rows(second, log), strict=True):
            assert one.pop("logprobs", ()) == pytest.approx(two.pop("logprobs", ()), rel=1e-4, abs=1e-5)
            assert one.pop("tokens", {}).keys() == two.pop("tokens", {}).keys()  # figures that are rounded
            assert one == two, log
    for one, two in zip(rows(first, "metrics"), rows(second, "metrics"), strict=True):
        assert one.keys() == two.keys()
        assert one["ids"] == two["ids"]
        for name in one.keys() - TIMES - {"ids"}:
            assert one[name] == pytest.approx(two[name], rel=1e-5, abs=1e-5), name
    weights = [load_file(run / "model" / "model.safetensors") for run in (first, second)]
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], rtol=0, atol=TOLERANCE), name
    gradients = [averaged_gradient(run) for run in (first, second)]
    assert gradients[0].norm() > 0
    assert (gradients[0] - gradients[1]).norm() < 1e-5 * gradients[0].norm()


def test_two_processes_are_as_good_as_one(
    base: TrainerConfig, tmp_path: Path, repository: Path, python: Any, rows: Any
) -> None:
    """By `accelerate launch` over gloo, three groups over two processes, killed run and resumed included."""
    script = tmp_path / "train.py"
    script.write_text(TRAINS)
    names: dict[str, list[str]] = {"one": [], "two": []}
    for processes, files in names.items():
        for run, options in RUNS.items():
            made = replace(base, **options, run_dir=str(tmp_path / f"{run}-{processes}"))
            files.append(str(tmp_path / f"{run}-{processes}.yaml"))
            # The second part of the run that two processes share is a resumed one.
            half = replace(made, steps=2) if (run, processes) == ("distil", "two") else made
            Path(files[-1]).write_text(yaml.safe_dump(half.to_dict()))
            if half is not made:
                files.append(str(tmp_path / "resumed.yaml"))
                Path(files[-1]).write_text(yaml.safe_dump(made.to_dict()))
    code, output = python.run(script, *names["one"])
    assert code == 0, output
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
        "--num_cpu_threads_per_process", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0",
    ]  # fmt: skip
    done = subprocess.run(
        [*launch, str(script), *names["two"]],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for run in RUNS:
        one, two = tmp_path / f"{run}-one", tmp_path / f"{run}-two"
        assert_close(one, two, rows)
        failures = sum(row["infra_errors"] for row in rows(two, "metrics"))
        assert failures == sum(e["attempts"][0]["outcome"]["status"] == "infra_error" for e in rows(two, "episodes"))
        assert [row["step"] for row in rows(two, "episodes")] == [1] * 6 + [2] * 6 + [3] * 6
    assert "resuming" in done.stderr
    assert done.stderr.count("resuming") == 1, "only the main process speaks"


@pytest.mark.parametrize("run", RUNS)
def test_the_size_of_a_micro_batch_changes_nothing(
    run: str, base: TrainerConfig, tmp_path: Path, python: Any, rows: Any
) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAINS)
    folders, files = [], []
    for tokens in (1, 400, 1_000_000):  # each group by itself; two groups and one; all at once
        folders.append(tmp_path / f"run-{tokens}")
        files.append(tmp_path / f"options-{tokens}.yaml")
        made = replace(base, **RUNS[run], micro_batch_tokens=tokens, run_dir=str(folders[-1]), eval_tasks=0)
        files[-1].write_text(yaml.safe_dump(made.to_dict()))
    code, output = python.run(script, *map(str, files))
    assert code == 0, output
    for other in folders[1:]:
        assert_close(folders[0], other, rows)


def test_evaluations_tell_the_same_whatever_else_is_evaluated_beside_it() -> None:
    """Of twelve tasks, alone or in any order and number of rows generated at one time."""
    from agents import Policy, Sampling, rollout
    from distil_envs import TokenVectorEnv

    policy = Policy.load("tiny", PolicyConfig(device="cpu"))
    options = {"max_new_tokens": 8, "max_prompt_tokens": 64, "tokenizer": policy.tokenizer, "num_tasks": 12}

    def texts(order: Sequence[int], max_rows: int, temperature: float) -> dict[int, tuple[str, tuple[int, ...]]]:
        envs = TokenVectorEnv.of("distil/Toy-v0", len(order), autoreset_mode="Disabled", **options)
        sampling = Sampling(3, "evaluate-sample", 0, temperature, max_rows)
        made = rollout(policy, envs, [(0, {"index": i}) for i in order], [(i, 0) for i in order], sampling)
        envs.close()
        return {
            i: (episode.task.id, episode.attempt.completion_ids)
            for i, episode in zip(order, made.episodes, strict=True)
        }

    for temperature in (0.0, 1.0):
        whole = texts(range(12), 256, temperature)
        assert len({ids for _, ids in whole.values()}) > 1
        assert texts(range(12), 5, temperature) == whole
        assert texts(list(reversed(range(12))), 256, temperature) == whole
        assert texts([4], 256, temperature) == {4: whole[4]}


EXPORTED = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

assert not {"agents", "distil_envs", "feedback"} & set(sys.modules)
for folder, prompt in json.loads(sys.argv[1]):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    chat = [{"role": "user", "content": prompt}]
    chat = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
    ids = model.generate(**chat, do_sample=False, max_new_tokens=8)[0, chat["input_ids"].shape[1]:]
    text = tokenizer.decode([token for token in ids if token != tokenizer.eos_token_id])
    print(json.dumps([chat["input_ids"][0].tolist(), text, str(model.dtype)]))
"""


def test_the_exported_model_is_a_plain_hugging_face_folder(
    config: TrainerConfig, train: Any, tmp_path: Path, rows: Any
) -> None:
    """Loaded by transformers alone, in a folder and process that know nothing of us, it answers as in evaluation."""
    questions, expected = [], []
    for name, policy in (("full", config.policy), ("lora", replace(config.policy, lora_rank=2))):
        run = tmp_path / name
        environment = EnvConfig(max_new_tokens=8, num_tasks=2)
        train(model="tiny", policy=policy, environment=environment, run_dir=str(run), eval_tasks=0, learning_rate=1e-3)
        asked = next(row for row in rows(run, "evaluations") if row["step"] == 2)["per_task"][0]
        episode = next(e for e in rows(run, "episodes") if e["task"]["id"] == asked["task"])
        questions.append((str(run / "model"), episode["task"]["prompt"]))
        expected.append([episode["attempts"][0]["prompt_ids"], asked["text"], "torch.float32"])
        assert asked["text"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", EXPORTED, json.dumps(questions)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")] == expected


@pytest.mark.gpu
@pytest.mark.parametrize("lora_rank", [0, 2])
def test_three_steps_on_a_gpu_in_bfloat16(
    lora_rank: int, config: TrainerConfig, train: Any, tmp_path: Path, rows: Any
) -> None:
    policy = PolicyConfig(device="cuda", dtype="bfloat16", lora_rank=lora_rank)
    expert = SelfTeacher(weights="ema", ema_rate=0.3)
    result = train(policy=policy, expert=expert, steps=3, eval_samples=2)
    metrics = rows(result["run_dir"], "metrics")
    assert [row["step"] for row in metrics] == [1, 2, 3]
    assert all(torch.tensor(row["loss"]).isfinite() for row in metrics)
    weights = load_file(Path(result["run_dir"]) / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    straight = rows(result["run_dir"], "episodes")
    train(policy=policy, expert=expert, steps=2, eval_samples=2, run_dir=str(tmp_path / "resumed"))
    train(policy=policy, expert=expert, steps=3, eval_samples=2, run_dir=str(tmp_path / "resumed"), resume=True)
    resumed = rows(tmp_path / "resumed", "episodes")
    # Sums in another order may tip a draw after the first update; resuming is proven to the bit on the CPU.
    assert resumed[:4] == straight[:4]
    assert [row["step"] for row in resumed] == [row["step"] for row in straight]
