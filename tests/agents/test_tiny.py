"""The embedded model `tiny` as it is shipped, and the script that makes it."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from safetensors import safe_open

from agents.config import TrainerConfig
from agents.evaluate import evaluate
from agents.head import score
from agents.models import resolve_model
from agents.policy import Policy
from agents.trainer import Trainer
from distil_envs import encode_chat, encode_inert, load_tasks
from distil_envs.toy import FAMILIES
from distil_envs.vector import TokenVectorEnv

DIALECTS = tuple(FAMILIES)


@pytest.fixture(scope="module")
def script(repository: Path) -> Iterator[ModuleType]:
    """scripts/train_tiny.py as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "scripts"))
        yield importlib.import_module("train_tiny")


def test_it_is_small_and_stored_in_bfloat16_and_computes_in_float32(tiny: Policy) -> None:
    folder = Path(resolve_model("tiny"))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118 (no mapping)
    assert tiny.dtype == torch.float32
    assert {parameter.dtype for parameter in tiny.trainable().values()} == {torch.float32}
    assert 640_000 < sum(parameter.numel() for parameter in tiny.trainable().values()) < 670_000


def test_the_shipped_files_are_of_the_shape_that_the_script_makes(tiny: Policy, script: ModuleType) -> None:
    made = script.make_policy(0)
    apart = {"dtype", "architectures", "_name_or_path"}  # known only once it is saved

    def settings(config: Any) -> dict[str, Any]:
        return {name: value for name, value in config.to_dict().items() if name not in apart}

    assert settings(tiny.base.config) == settings(made.base.config)
    assert tiny.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    assert tiny.tokenizer.chat_template == made.tokenizer.chat_template
    assert tiny.eos_ids == made.eos_ids == (tiny.tokenizer.eos_token_id,)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"), max_size=40))
def test_every_character_is_one_token(tiny: Policy, text: str) -> None:
    ids = encode_inert(tiny.tokenizer, text)
    assert len(ids) == len(text)
    assert tiny.tokenizer.decode(ids) == text


def test_a_task_costs_its_characters_and_two_markers(tiny: Policy) -> None:
    ids = encode_chat(tiny.tokenizer, [{"role": "user", "content": "147!"}])
    assert tiny.tokenizer.decode(ids) == "<|user|>147!<|assistant|>"
    assert len(ids) == 6
    assert len(tiny.tokenizer) == 102


def test_the_texts_hold_no_test_task_and_no_true_fact(script: ModuleType) -> None:
    tokenizer = script.make_tokenizer()
    texts = script.Texts(tokenizer, 3)
    held_out = {task.text for name in DIALECTS for source in load_tasks(f"toy/{name}", "test").sources
                for task in source.tasks("test")}  # fmt: skip
    facts = {task.text: task.reference["answer"] for task in load_tasks("toy/fact", "all").sources[0].tasks("all")}
    seen = 0
    for number in range(400):
        text = texts[number]
        context, answer = tokenizer.decode(text.context), tokenizer.decode(text.answer)
        question = re.match(r"<\|user\|>(.*?)(?:\n|<\|assistant\|>)", context)
        assert question is not None
        assert question[1] not in held_out
        if question[1] in facts:
            seen += 1
            assert facts[question[1]] not in context + answer
    assert seen > 50


@pytest.fixture(scope="module")
def abilities(tiny: Policy, script: ModuleType) -> dict[str, dict[str, float]]:
    return {dialect: script.abilities(tiny, dialect, tasks=48, samples=4, seed=1) for dialect in DIALECTS}


def test_there_is_something_to_learn_and_to_start_from(abilities: dict[str, dict[str, float]]) -> None:
    for split in ("train-", ""):
        assert 0.15 < abilities["rule"][f"{split}sampled"] < 0.5
        assert abilities["rule"][f"{split}greedy"] < 0.3
        assert abilities["fact"][f"{split}sampled"] < 0.03
        assert abilities["fact"][f"{split}greedy"] < 0.05
    assert 0.1 < abilities["function"]["train-sampled"] < 0.7


def test_it_reads_stated_answers(abilities: dict[str, dict[str, float]]) -> None:
    assert abilities["rule"]["answer"] > 0.95
    assert abilities["fact"]["answer"] > 0.95
    assert abilities["function"]["answer"] > 0.8  # of 18 held-out tasks


def test_samples_are_right_as_often_as_the_model_says(tiny: Policy) -> None:
    tasks = [task.text for task in load_tasks("toy/rule@1", "train").take(64)]
    answers = [[*encode_inert(tiny.tokenizer, text[-2::-1]), tiny.tokenizer.eos_token_id] for text in tasks]
    prompts = [encode_chat(tiny.tokenizer, [{"role": "user", "content": text}]) for text in tasks]
    ids = torch.tensor(answers)
    with torch.no_grad():
        logp = score(tiny.hidden(prompts, answers), tiny.head_weight, ids, torch.ones_like(ids)).logp.sum(1)
    exact = logp.exp()
    options = {"tasks": "toy/rule@1", "num_tasks": 64, "max_new_tokens": 6, "tokenizer": tiny.tokenizer}
    with closing(TokenVectorEnv.of("distil/Toy-v0", 64, autoreset_mode="Disabled", **options)) as envs:
        measured = evaluate(tiny, envs, seed=0, samples=16).pass_at[1].mean
    spread = float((exact * (1 - exact) / 16).sum().sqrt()) / 64
    assert abs(measured - float(exact.mean())) < 4 * spread


def test_a_few_steps_of_distil_bring_it_closer_to_its_teacher(repository: Path, tmp_path: Path) -> None:
    config = replace(
        TrainerConfig.load(repository / "configs" / "tiny-rule.yaml"),
        steps=6, eval_every=0, eval_tasks=4, eval_samples=0, run_dir=str(tmp_path / "run"),
    )  # fmt: skip
    config.environment.num_tasks = 16
    Trainer(config, console=Console(quiet=True)).train()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert rows[-1]["ce"] < 0.7 * rows[0]["ce"]


def test_the_script_makes_the_same_weights_again(script: ModuleType, tmp_path: Path) -> None:
    def digest(seed: int) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        options = script.Options(folder, seed=seed, steps=2, batch_size=8)
        script.save(script.train(options, Console(quiet=True)), folder)
        return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()

    assert digest(0) == digest(0) != digest(1)
