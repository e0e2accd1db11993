"""`distil solve`: learning at test time on one hard task, beside sampling and retrying at the same budget."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, cast

import tyro
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from agents.cli.parsing import parse, parse_known
from agents.cli.train import Start
from agents.cli.user_code import import_user_code
from agents.config import make_expert, make_learner
from agents.run_directory import RunDirectory
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
class SolveStart(Start):
    """What is read first, because the other options depend on it."""

    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in --run-dir, with the options saved there: what is finished is kept. Further seeds and arms
    may be given."""


@dataclass
class Probe(SolveStart):
    """`SolveStart`, and where the run lies."""

    run_dir: str | None = None


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

    start: Annotated[SolveStart, tyro.conf.arg(name="")] = field(default_factory=SolveStart)
    options: Annotated[SolveConfig, tyro.conf.arg(name="")] = field(default_factory=SolveConfig)


def solve(prog: str, words: Sequence[str]) -> None:
    """Run the command. Raises KeyboardInterrupt with the command that resumes, when stopped after the beginning."""
    start, config = configure(prog, words)
    try:
        results = Solver(config, resume=start.resume).solve()
    except KeyboardInterrupt:
        if not (config.path / "config.yaml").is_file():
            raise  # nothing has begun
        imports = "".join(f" --import {shlex.quote(name)}" for name in start.imports)
        again = f"distil solve --resume --run-dir {shlex.quote(str(config.path))}{imports}"
        raise KeyboardInterrupt(f"stopped; resume with: {again}") from None
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


def configure(prog: str, words: Sequence[str]) -> tuple[SolveStart, SolveConfig]:
    """Options from file, saved run and words. Raises UsageError or ConfigError for what cannot be."""
    probe, _ = parse_known(Probe, prog, words, add_help=False)
    import_user_code(probe.imports)
    config = SolveConfig() if probe.config is None else cast(SolveConfig, SolveConfig.load(probe.config))
    if not probe.resume:
        return probe, _parsed(prog, words, config, probe)
    where = probe.run_dir or str(_parsed(prog, words, config, probe).path)
    saved = cast(SolveConfig, SolveConfig.from_dict(RunDirectory(Path(where).expanduser()).config()))
    return probe, replace(_parsed(prog, words, saved if probe.config is None else config, probe), run_dir=where)


def _parsed(prog: str, words: Sequence[str], config: SolveConfig, start: SolveStart) -> SolveConfig:
    """The words on top of `config`, whose learner and expert decide which options of theirs there are."""
    if start.learner is not None and type(chosen := make_learner(start.learner, {})) is not type(config.learner):
        config = replace(config, learner=chosen)
    if start.expert is not None and type(teacher := make_expert(start.expert, {})) is not type(config.expert):
        config = replace(config, expert=teacher)
    made: SolveCommand = parse(SolveCommand, prog, words, default=SolveCommand(SolveStart(), config))
    return made.options


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
