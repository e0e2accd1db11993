"""Train the embedded model `tiny` from scratch: a character-level Llama that speaks the toy dialects (tiny_texts.py).

python scripts/train_tiny.py --output agents/tiny
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from tiny_texts import Text, Texts

from agents.engines.local import generate
from agents.evaluate import evaluate
from agents.head import score
from agents.policy import Policy, PolicyConfig
from agents.rollout import Sampling, rollout
from distil_envs import Episode, load_tasks
from distil_envs.counted import derive
from distil_envs.sources import SplitName
from distil_envs.toy import FAMILIES, exact_match
from distil_envs.vector import TokenVectorEnv
from feedback.context import ContextTemplate
from feedback.feedback import FeedbackProvider
from feedback.providers.answer import answer
from feedback.providers.binary import binary

END, ROLES = "<|end|>", ("system", "user", "assistant")
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
    # At the usual 0.02 so narrow a network takes much longer before it begins to copy.
    "initializer_range": 0.08,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
}
BUDGET = 16
"""Characters of an answer, EOS included."""


@dataclass
class Options:
    """Train the embedded model `tiny` from scratch and print what it can do."""

    output: Path = Path("agents/tiny")
    """Folder for weights, configuration and tokenizer."""
    seed: int = 0
    """Of the initial weights and of the texts. The same seed gives the same weights on the same machine."""
    steps: int = 1000
    """Optimiser steps."""
    batch_size: int = 64
    """Texts per step."""
    learning_rate: float = 2e-3
    """AdamW's peak; it rises over the first 20 steps and falls linearly to zero."""
    threads: int = 1
    """Threads of torch. Another number may round differently."""


def make_tokenizer() -> Any:
    """One id per printable ASCII character, and the control tokens of the chat template."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    special = ["<|pad|>", "<|unk|>", END, *(f"<|{role}|>" for role in ROLES)]
    vocabulary = {token: index for index, token in enumerate([*special, "\n", *map(chr, range(32, 127))])}
    characters = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<|unk|>"))
    characters.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=characters,
        pad_token="<|pad|>",
        unk_token="<|unk|>",
        eos_token=END,
        additional_special_tokens=special[3:],
        chat_template=TEMPLATE,
        model_max_length=SHAPE["max_position_embeddings"],
    )


def make_policy(seed: int) -> Policy:
    """The model with random weights, in float32."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "tiny-weights") % 2**63)
        model: Any = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **SHAPE, **ends))
    model.generation_config = GenerationConfig(**ends)
    policy = Policy(model, tokenizer)
    policy.shares_prefixes = False  # hardly two texts share one: a single forward is faster
    return policy


def train(options: Options, console: Console) -> Policy:
    """A policy trained from scratch."""
    policy = make_policy(options.seed)
    texts = Texts(policy.tokenizer, options.seed)
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=options.learning_rate, betas=(0.9, 0.98))
    columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("loss {task.fields[loss]:.3f}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("", total=options.steps, loss=float("nan"))
        for step in range(options.steps):
            rise, fall = (step + 1) / 20, (options.steps - step) / options.steps
            optimizer.param_groups[0]["lr"] = options.learning_rate * min(1.0, rise, fall)
            batch = [texts[number] for number in range(step * options.batch_size, (step + 1) * options.batch_size)]
            loss = _accumulate_gradient(policy, batch)
            torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.update(bar, advance=1, loss=loss)
    return policy


def _accumulate_gradient(policy: Policy, batch: Sequence[Text]) -> float:
    """Backward pass of the mean negative log-likelihood of the answers; returns it, in nats per character."""
    count = sum(len(text.answer) for text in batch)
    total = 0.0
    for texts in _by_length(batch):
        width = max(len(text.answer) for text in texts)
        ids = torch.tensor([text.answer + [0] * (width - len(text.answer)) for text in texts])
        mask = torch.tensor([[at < len(text.answer) for at in range(width)] for text in texts])
        hidden = policy.hidden([text.context for text in texts], [text.answer for text in texts])
        loss = -score(hidden, policy.head_weight, ids, mask).logp.sum() / count
        loss.backward()
        total += float(loss.detach())
    return total


def _by_length(batch: Sequence[Text]) -> Iterator[Sequence[Text]]:
    """Bare texts and those with feedback apart, since padding costs as much as text."""
    ordered = sorted(batch, key=lambda text: len(text.context))
    cut = sum(len(text.context) < 40 for text in ordered)
    return (part for part in (ordered[:cut], ordered[cut:]) if part)


def save(policy: Policy, folder: Path) -> None:
    """Write weights in bfloat16, configuration and tokenizer."""
    Policy(policy.model.to(torch.bfloat16), policy.tokenizer, dtype=torch.bfloat16).save(folder)


def abilities(policy: Policy, dialect: str, *, tasks: int = 64, samples: int = 8, seed: int = 0) -> dict[str, float]:
    """Accuracies in one dialect, level 1: of the bare model on train and test tasks, and of it as its own teacher.

    ``greedy`` and ``sampled`` (temperature 1) are bare, with ``train-`` on train tasks. Those named after a feedback
    provider are greedy answers to the teacher's context of a sampled attempt at a test task.
    """
    found: dict[str, float] = {}
    splits: tuple[tuple[SplitName, str], ...] = (("train", "train-"), ("test", ""))
    for split, prefix in splits:
        available = load_tasks(f"toy/{dialect}@1", split).size
        size = min(tasks, tasks if available is None else available)
        options = {"tasks": f"toy/{dialect}@1", "split": split, "num_tasks": size, "max_new_tokens": BUDGET}
        with closing(
            TokenVectorEnv.of("distil/Toy-v0", size, autoreset_mode="Disabled", tokenizer=policy.tokenizer, **options)
        ) as envs:
            bare = evaluate(policy, envs, seed=seed, samples=samples)
            resets = [(0, {"index": index}) for index in range(size)]
            attempts = rollout(policy, envs, resets, [(row, 0) for row in range(size)], Sampling(seed, "attempt"))
        found |= {f"{prefix}greedy": bare.accuracy.mean, f"{prefix}sampled": bare.pass_at[1].mean}
    return found | {each.name: teacher_accuracy(policy, attempts.episodes, each) for each in (binary, answer)}


def teacher_accuracy(
    policy: Policy, episodes: Sequence[Episode], provider: FeedbackProvider, template: ContextTemplate | None = None
) -> float:
    """Share of right greedy answers to the contexts that the self-teacher gets."""
    template = template or ContextTemplate()
    told = [(episode, said) for episode, said in zip(episodes, provider(episodes), strict=True) if said is not None]
    contexts = [template.ids(policy.tokenizer, episode, said) for episode, said in told]
    made = generate(policy, contexts, torch.zeros(len(told), BUDGET), temperature=0.0, eos_ids=policy.eos_ids)
    texts = [policy.tokenizer.decode(ids, skip_special_tokens=True) for ids in made.ids]
    right = [exact_match(episode.task, text).success for (episode, _), text in zip(told, texts, strict=True)]
    return float(np.mean(right))


def main(options: Options) -> None:
    """Train, save, load again and measure."""
    console = Console()
    torch.set_num_threads(options.threads)
    began, used = time.perf_counter(), time.process_time()
    policy = train(options, console)
    console.print(f"trained in {time.perf_counter() - began:.0f} s ({time.process_time() - used:.0f} CPU-seconds)")
    save(policy, options.output)
    tiny = Policy.load(str(options.output), PolicyConfig(device="cpu", dtype="float32"))
    console.print(_table({dialect: abilities(tiny, dialect) for dialect in FAMILIES}))


def _table(results: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("dialect", *next(iter(results.values())), title="Accuracy at level 1")
    for dialect, row in results.items():
        table.add_row(dialect, *(f"{value:.3f}" for value in row.values()))
    return table


if __name__ == "__main__":
    main(tyro.cli(Options))
