"""`distil solve`: learning at test time on one hard task, beside sampling and retrying at the same budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from agents.cli.run_options import Start, configure, told_how_to_resume
from agents.solve import Solver
from agents.solve_arm import Result
from agents.solve_config import ARMS, SolveConfig
from agents.solve_curve import discovery
from agents.statistics import mean_interval
from distil_envs.rendering import printable
from distil_envs.text import shorten

SHOWN = 2000
"""Characters of a right completion that are shown; all of it is in results.jsonl."""


@dataclass
class SolveCommand:
    """Solve one hard task by learning from feedback while trying, and compare that with trying alone.

    Every arm may sample --budget completions and stops at the first right one. The run directory holds options, what
    was sampled, results, and the discovery curve. Feedback that reveals the reference is refused.

    For example:
    $ distil solve --environment.tasks math/algebra@3 --feedback binary --budget 256
    $ distil solve --env distil/Code-v0 --environment.tasks code@3 --feedback execution-trace --seeds 0 1 2 3 4
    $ distil solve --config configs/tiny-rule.yaml --environment.tasks toy/rule@2 --feedback binary --run-dir runs/solve
    $ distil solve --environment.tasks my-tasks.jsonl --task hard-7 --learner GRPO --arms learn best-of-n
    $ distil solve --resume --run-dir runs/solve-distil-Math-v0-DistIL --seeds 0 1 2 3 4
    """

    start: Annotated[Start, tyro.conf.arg(name="")] = field(default_factory=Start)
    options: Annotated[SolveConfig, tyro.conf.arg(name="")] = field(default_factory=SolveConfig)


def solve(prog: str, words: Sequence[str]) -> None:
    """Run the command. Raises KeyboardInterrupt with the command that resumes, when stopped after the beginning."""
    command = configure(SolveCommand, prog, words)
    config = command.options
    with told_how_to_resume("distil solve", command.start, config.path):
        results = Solver(config, resume=command.start.resume).solve()
    out = console()
    out.print(summary(results, config.budget))
    learned = [each for each in results if each.arm == "learn"]
    if learned and not any(each.updates for each in learned):
        out.print("learn: no update had a gradient (all rewards equal, or nothing taught), so it is best-of-n")
    for arm in ARMS:
        found = [each for each in results if each.arm == arm and each.solved]
        if found:
            out.print(Text(f"{arm}, seed {found[0].seed}, completion {found[0].completions}:", style="bold"))
            out.print(Padding.indent(Text(printable(shorten(found[0].text, SHOWN))), 2))
    out.print(Text(f"run directory: {config.path}"), soft_wrap=True)


def summary(results: Sequence[Result], budget: int) -> Table:
    """One row an arm; and how many completions learning took less or more than the other arms, paired by seed.

    An arm that did not succeed has used the budget, so means of completions are at most that.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("95 % intervals", min_width=14)
    means = "tokens", "updates", "seconds"
    for name in ("solved", "share", "completions", *means):
        table.add_column(name, justify="right")
    by_arm = {arm: {each.seed: each for each in results if each.arm == arm} for arm in ARMS}
    for arm, own in by_arm.items():
        every = list(own.values())
        if every:
            share = discovery(every, budget)
            table.add_row(
                arm,
                f"{sum(each.solved for each in every)} of {len(every)}",
                f"{share.mean:.2f} [{share.low:.2f}, {share.high:.2f}]",
                _mean([each.completions for each in every]),
                *(f"{sum(getattr(each, name) for each in every) / len(every):.1f}" for name in means),
            )
    for arm in ARMS[1:]:
        both = by_arm["learn"].keys() & by_arm[arm].keys()
        if both:
            fewer = [by_arm["learn"][seed].completions - by_arm[arm][seed].completions for seed in sorted(both)]
            table.add_row(f"learn - {arm}", "", "", _mean(fewer), "", "", "")
    return table


def _mean(values: Sequence[int]) -> str:
    """Mean with its 95 % t interval, which one value has not."""
    found = mean_interval(values)
    return f"{found.mean:.1f}" + (f" [{found.low:.1f}, {found.high:.1f}]" if len(values) > 1 else "")
