"""Peak memory and seconds of the loss and gradient of one update: the chunked head against full logits with autograd.

    python benchmarks/update_memory.py [--device cuda]

Both compute the same loss of the same learner on the same states, each cell in a fresh process. Measured is the highest
memory while the loss and its gradients are made, less that just before, when the student's states and head and the
expert's are there: on the CPU resident memory (Linux), on CUDA what PyTorch has allocated. So what any way needs is in
it: the gradients of the states and the head, (B·T + V) H numbers. The network below the head is not. The chunked head
also makes the entropies that every learner logs; the full logits are spared them. The last column says how far losses
(in nats a token) and gradients (in relative norm) are apart at most. Prints a table, and writes the file that it is
made from.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor

from agents.batch import Batch
from agents.head import Scores
from agents.learners import CE, GRPO, SDPO, DistIL, Learner
from feedback.distribution import Hidden
from feedback.divergence import Divergence

RESULTS = Path(__file__).resolve().parent / "results" / "update_memory.json"
LEARNERS: dict[str, type[Learner]] = {"DistIL": DistIL, "CE": CE, "SDPO": SDPO, "GRPO": GRPO}
HEADS = ("full", "chunked")
ROWS = 8
"""Rollouts of the one group."""


@dataclass
class Options:
    """What to run."""

    vocabularies: tuple[int, ...] = (49_152, 151_936)
    """V: SmolLM2's and Qwen's."""
    tokens: tuple[int, ...] = (1024, 2048)
    """B·T: tokens of the update, in eight rollouts of one length."""
    hidden: int = 576
    """H: SmolLM2-135M's."""
    learners: tuple[Literal["DistIL", "CE", "SDPO", "GRPO"], ...] = ("DistIL", "CE", "SDPO", "GRPO")
    """Which of them."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of states and heads. Both ways take the softmax in float32."""
    results: Path = RESULTS
    """Where results are kept."""


@dataclass(frozen=True)
class Cell:
    """One measurement."""

    learner: str
    """One of `LEARNERS`."""
    head: str
    """One of `HEADS`."""
    vocabulary: int
    """V."""
    tokens: int
    """B·T, a multiple of `ROWS`."""
    hidden: int
    """H."""
    device: str
    """Of the tensors."""
    dtype: str
    """Of states and heads."""


class FullLogits(Batch):
    """The same batch, scored as one would without a chunked head: [B, T, V] of the student, and of the expert."""

    def scores(self, where: Tensor | None = None, divergence: Divergence | None = None) -> Scores:
        log_q = (self.hidden @ self.head_weight.T).float().log_softmax(-1)
        logp = log_q.gather(-1, self.ids[..., None])[..., 0]
        ce = distance = nothing = torch.zeros_like(logp)
        if self.expert is not None:
            assert isinstance(self.expert, Hidden)
            with torch.no_grad():
                log_p = (self.expert.states @ self.expert.weight.T).float().log_softmax(-1)
            if divergence is None:
                ce = -(log_p.exp() * log_q).sum(-1)
            else:
                distance = top_k_divergence(log_p, log_q, divergence)
        return Scores(logp, ce, distance, nothing, None, None)


def top_k_divergence(log_p: Tensor, log_q: Tensor, divergence: Divergence) -> Tensor:
    """[B, T], on the student's top k and a bucket for the rest of both, of log-probabilities [B, T, V]."""
    assert divergence.student_top_k is not None and 0 < divergence.alpha < 1
    ids = log_q.topk(divergence.student_top_k).indices
    p, q = (with_rest(each.gather(-1, ids)) for each in (log_p, log_q))
    mixture = ((1 - divergence.alpha) * q.exp() + divergence.alpha * p.exp()).log()
    of_student, of_expert = ((each.exp() * (each - mixture)).sum(-1) for each in (q, p))
    return (1 - divergence.alpha) * of_student + divergence.alpha * of_expert


def with_rest(log_p: Tensor) -> Tensor:
    return torch.cat([log_p, torch.log1p(-log_p.exp().sum(-1, keepdim=True))], dim=-1)


def batch_of(cell: Cell) -> Batch:
    """Random states and heads, whose logits have a standard deviation of 2; the policy made all tokens."""
    device, dtype = torch.device(cell.device), getattr(torch, cell.dtype)
    generator = torch.Generator(device).manual_seed(0)
    B, T, H, V = ROWS, cell.tokens // ROWS, cell.hidden, cell.vocabulary

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device, dtype=dtype)

    everywhere = torch.ones(B, T, dtype=torch.bool, device=device)
    needs_expert = LEARNERS[cell.learner].needs_expert
    return (FullLogits if cell.head == "full" else Batch)(
        hidden=random(B, T, H).requires_grad_(),
        head_weight=random(V, H).mul_(2 / H**0.5).requires_grad_(),
        ids=torch.randint(V, (B, T), generator=generator, device=device),
        mask=everywhere,
        turn=torch.zeros(B, T, dtype=torch.long, device=device),
        learnable=everywhere,
        group=torch.zeros(B, dtype=torch.long, device=device),
        reward=(torch.arange(B, device=device) % 2).float(),
        valid=everywhere[:, 0],
        denominator=float(B * (T if LEARNERS[cell.learner].mean_over == "tokens" else 1)),
        expert=Hidden(random(B, T, H), random(V, H).mul_(2 / H**0.5)) if needs_expert else None,
    )


def measure(cell: Cell, gradients: Path) -> dict[str, float]:
    """Run it here; saves the gradients."""
    update(batch_of(Cell(**asdict(cell) | {"vocabulary": 997, "tokens": 2 * ROWS})), LEARNERS[cell.learner]())  # warm
    batch = batch_of(cell)
    before = start_watching(cell.device)
    start = time.perf_counter()
    loss = update(batch, LEARNERS[cell.learner]())
    peak = highest(cell.device) - before
    found = {"peak": peak, "seconds": round(time.perf_counter() - start, 2), "loss": float(loss)}
    torch.save([batch.hidden.grad, batch.head_weight.grad], gradients)
    return found


def update(batch: Batch, learner: Learner) -> Tensor:
    loss = learner.loss(batch).value
    loss.backward()
    if loss.is_cuda:
        torch.cuda.synchronize()
    return loss.detach()


def start_watching(device: str) -> int:
    """Bytes held now; `highest` counts from here."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # the kernel's high-water mark is now what is resident
    return _of_status("VmRSS")


def highest(device: str) -> int:
    """Bytes held at most since `start_watching`."""
    # Not ru_maxrss of getrusage: it survives exec, so that a child begins with the memory of its parent.
    return torch.cuda.max_memory_allocated() if device == "cuda" else _of_status("VmHWM")


def _of_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def compare(learner: str, vocabulary: int, tokens: int, options: Options) -> dict[str, Any]:
    """Both heads, in turn, each in a fresh process."""
    found: dict[str, Any] = {"learner": learner, "vocabulary": vocabulary, "tokens": tokens}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, head) for head in HEADS]
        for head, file in zip(HEADS, files, strict=True):
            cell = Cell(learner, head, vocabulary, tokens, options.hidden, options.device, options.dtype)
            command = [sys.executable, __file__, "measure", json.dumps(asdict(cell)), str(file)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[head] = json.loads(done.stdout)
        pairs = zip(*(torch.load(file, map_location="cpu", mmap=True) for file in files), strict=True)
        found["gradients_apart"] = max(float((ours - full).norm() / full.norm()) for full, ours in pairs)
    found["losses_apart"] = abs(found["chunked"]["loss"] - found["full"]["loss"])
    return found


def main(options: Options) -> None:
    """Run all cells, print the table, write the results."""
    cells = [(each, V, n) for V in options.vocabularies for n in options.tokens for each in options.learners]
    results = {
        "hidden": options.hidden,
        "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        "dtype": options.dtype,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "cells": [compare(*cell, options) for cell in cells],
    }
    options.results.write_text(json.dumps(results, indent=1) + "\n")
    console = Console()
    console.width = max(console.width, 140)  # also where there is no terminal
    console.print(table(results))


def table(results: dict[str, Any]) -> Table:
    """One row a cell; megabytes are 10^6 bytes."""
    title = "One update, H = {hidden}, {device}, {dtype}, {threads} thread(s): peak memory beyond the inputs"
    shown = Table(title=title.format(**results))
    for name in (
        "learner",
        "V",
        "B·T",
        "float32 [B, T, V]",
        "full logits",
        "chunked",
        "ratio",
        "seconds, both",
        "apart",
    ):
        shown.add_column(name, justify="left" if name == "learner" else "right")
    for cell in results["cells"]:
        full, chunked = cell["full"], cell["chunked"]
        shown.add_row(
            *(cell["learner"], f"{cell['vocabulary']:,}", f"{cell['tokens']:,}"),
            *(f"{size / 1e6:,.0f} MB" for size in (4 * cell["tokens"] * cell["vocabulary"], full["peak"])),
            *(f"{chunked['peak'] / 1e6:,.0f} MB", f"{chunked['peak'] / full['peak']:.2f}"),
            f"{full['seconds']:.1f} / {chunked['seconds']:.1f}",
            f"{max(cell['losses_apart'], cell['gradients_apart']):.0e}",
        )
    return shown


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Cell(**json.loads(sys.argv[2])), Path(sys.argv[3]))))

    else:
        main(tyro.cli(Options, args=sys.argv[1:]))
