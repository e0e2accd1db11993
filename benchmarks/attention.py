"""Attention on a CPU: agents/attention.py against transformers' own, on shapes of SmolLM2-135M.

    python benchmarks/attention.py

Milliseconds a layer, the middle of several rounds, in which both take turns; bfloat16, as a policy computes.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from agents.attention import attend

HEADS, KEYS, SIZE = 9, 3, 64
SHAPES = (
    ("completions of the student", 32, 12, 72, True),
    ("prompts of the student", 16, 54, 54, True),
    ("longer ones", 8, 128, 128, True),
    ("much longer ones", 4, 512, 512, True),
    ("completions of a teacher with demonstrations", 32, 12, 277, False),
    ("its prompts", 16, 60, 265, False),
    ("one token of a rollout", 32, 1, 70, False),
)


@dataclass
class Options:
    """How long to measure."""

    rounds: int = 9
    """Of each way."""
    threads: int | None = None
    """Of PyTorch; None leaves them as they are."""


def main(options: Options) -> None:
    """Measure and print."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    table = Table(title=f"ms a layer, {torch.get_num_threads()} threads")
    for name in ("", "rows × queries × keys", "gradients", "transformers", "ours", "ratio"):
        table.add_column(name, justify="left" if not name else "right")
    for name, rows, queries, keys, gradients in SHAPES:
        theirs, ours = measure(rows, queries, keys, gradients, options.rounds)
        shape = f"{rows} × {queries} × {keys}"
        table.add_row(name, shape, "yes" if gradients else "no", f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}")
    console = Console()
    console.width = max(console.width, 120)
    console.print(table)


def measure(rows: int, queries: int, keys: int, gradients: bool, rounds: int) -> tuple[float, float]:
    """Milliseconds of transformers' way and ours."""
    module = SimpleNamespace(num_key_value_groups=HEADS // KEYS, is_causal=True)
    made = [torch.randn(rows, n, t, SIZE) for n, t in ((HEADS, queries), (KEYS, keys), (KEYS, keys))]
    given = [each.bfloat16().requires_grad_(gradients) for each in made]
    mask = torch.ones(rows, 1, queries, keys, dtype=torch.bool).tril(keys - queries)

    def once(way: Callable[..., tuple[Tensor, Any]]) -> float:
        began = time.perf_counter()
        out, _ = way(module, *given, mask)
        if gradients:
            out.sum().backward()
        return 1000 * (time.perf_counter() - began)

    times: dict[Any, list[float]] = {sdpa_attention_forward: [], attend: []}
    for _ in range(rounds + 1):
        for way, found in times.items():
            found.append(once(way))
    theirs, ours = (statistics.median(found[1:]) for found in times.values())  # the first warms up
    return theirs, ours


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:]))
