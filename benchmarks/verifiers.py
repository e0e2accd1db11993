"""Answers a second: our verifiers, in this process and through the pool that kills what hangs, against math-verify.

    python benchmarks/verifiers.py [--repeat 3]

The completions are the labelled ones of `distil tasks audit` and answers to generated tasks, each set in an order drawn
from a seed. math-verify is called alone, as its README has it, on the maths ones. The last lines mix in completions
that hang the worker that they run in, and give the rate of the others, from `CALLERS` threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from distil_envs import Task, load_tasks
from distil_envs.audit import labelled
from distil_envs.grading import isolated
from distil_envs.math.plain import math_verify
from distil_envs.math.verifier import MathVerifier, grade_math
from distil_envs.science.verifier import ScienceVerifier, grade_science

CALLERS = 64
"""More than can hang at a time, so that it is the pool that is measured."""
Pair = tuple[Task, str]
Call = Callable[[Task, str], object]


@dataclass
class Options:
    """What to run."""

    repeat: int = 3
    """How often each is timed, in turn; the median is printed."""
    generated: int = 300
    """Answers to generated tasks of each domain, half of them wrong."""
    hangs: int = 3
    """Completions that hang, in each hundred of the last lines."""


def main(options: Options) -> None:
    """Time and print."""
    rows = [(row, str(row.metadata["completion"])) for row in labelled()]
    sets: dict[str, list[Pair]] = {
        "maths, labelled": [pair for pair in rows if pair[0].domain == "math"],
        "maths, generated": generated("math", options.generated),
        "science, labelled": [pair for pair in rows if pair[0].domain == "science"],
        "science, generated": generated("science", options.generated),
    }
    table = Table("completions", "number", "math-verify alone", "here", "pool, 1 thread", "pool, 4 threads")
    for name, pairs in sets.items():
        maths = name.startswith("maths")
        here, pooled = (grade_math, MathVerifier()) if maths else (grade_science, ScienceVerifier())
        ways: list[tuple[Call, int]] = [(math_verify, 0)] if maths else []
        ways += [(here, 0), (pooled, 1), (pooled, 4)]
        rates: list[list[float]] = [[] for _ in ways]
        for _ in range(options.repeat):
            for found, (call, threads) in zip(rates, ways, strict=True):
                found.append(rate(call, pairs, threads))
        cells = [f"{median(found):,.0f}/s" for found in rates]
        table.add_row(name, str(len(pairs)), *([""] if not maths else []), *cells)
    console = Console()
    console.print(table)
    maths_pairs = sets["maths, labelled"]
    for hangs in (0, options.hangs):
        verifier = MathVerifier()
        found = [with_hangs(verifier, maths_pairs, hangs) for _ in range(options.repeat)]
        console.print(f"{hangs} hanging in a hundred, {CALLERS} threads: {median(found):,.0f} others/s")


def generated(domain: str, count: int) -> list[Pair]:
    """Tasks with their own answer or another task's, in turn."""
    tasks = load_tasks(domain, "all").take(count, 0)
    answers = [str(task.reference["answer"]) for task in tasks]
    return [(task, f"So the answer is \\boxed{{{answers[i if i % 2 else i - 1]}}}.") for i, task in enumerate(tasks)]


def rate(call: Call, pairs: Sequence[Pair], threads: int) -> float:
    """Answers a second; no threads: in a plain loop."""
    order = np.random.default_rng(0).permutation(len(pairs))
    chosen = [pairs[index] for index in order]
    start = time.perf_counter()
    if threads:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda pair: call(*pair), chosen))
    else:
        for pair in chosen:
            call(*pair)
    return len(chosen) / (time.perf_counter() - start)


def hang(task: Task, completion: str) -> bool:
    """A verification that never ends."""
    while True:
        time.sleep(1)


def with_hangs(verifier: MathVerifier, pairs: Sequence[Pair], hangs: int) -> float:
    """Rate of the others, until the last of them is graded."""
    stuck = isolated(hang, timeout_s=5.0)
    calls: list[tuple[Call, Pair]] = []
    for index, pair in enumerate(pairs):
        calls += [(stuck, pair)] if index % 100 < hangs else []
        calls.append((verifier, pair))
    done: list[float] = []
    start = time.perf_counter()

    def run(job: tuple[Call, Pair]) -> None:
        call, pair = job
        call(*pair)
        if call is verifier:
            done.append(time.perf_counter())

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(run, calls))
    return len(done) / (max(done) - start)


if __name__ == "__main__":
    main(tyro.cli(Options))
