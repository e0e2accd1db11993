"""`distil train`: every field of `TrainerConfig` as an option, on top of a YAML file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.output import console
from agents.cli.parsing import Imports, parse, parse_known
from agents.cli.report import comparison, contents
from agents.cli.user_code import import_user_code
from agents.config import TrainerConfig, make_expert, make_learner
from agents.run_directory import RunDirectory
from agents.trainer import Trainer


@dataclass
class Start:
    """What is read first, because the other options depend on it."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE.yaml")] = None
    """Options from a YAML file, such as the config.yaml of a run. Options given here override it."""
    learner: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """The learner: DistIL, SDPO, GRPO, … (the README lists them), or `module:Class`. Its options: --learner.OPTION."""
    expert: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Who teaches learners that need an expert: self-teacher, correction, model, black-box, mixture, or `module:Class`.
    Its options: --expert.OPTION."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in --run-dir after its newest checkpoint, with the options saved there."""
    imports: Imports = ()
    """Import this module or file first, so that its environments, feedback and learners are registered. Repeatable."""


@dataclass
class Probe(Start):
    """`Start`, and where the run lies."""

    run_dir: str | None = None


@dataclass
class TrainCommand:
    """Train a model in an environment, from feedback, and compare it with where it came from.

    The run directory holds options, logs, checkpoints, learning curve and the trained model.

    For example:
    $ distil train --config configs/quickstart.yaml
    $ distil train --env distil/Math-v0 --environment.tasks math/algebra@1-2 --feedback answer --steps 20
    $ distil train --learner GRPO --learner.clip 0.3 --policy.lora-rank 16 --run-dir runs/grpo
    $ distil train --learner SFT --env distil/Math-v0 --feedback solution
    $ distil train --expert correction --feedback answer --steps 20
    $ distil train --import my_env.py --env acme/UnitPrices-v0 --feedback diagnosis
    $ distil train --resume --run-dir runs/grpo --steps 80
    """

    start: Annotated[Start, tyro.conf.arg(name="")] = field(default_factory=Start)
    options: Annotated[TrainerConfig, tyro.conf.arg(name="")] = field(default_factory=TrainerConfig)


def train(prog: str, words: Sequence[str]) -> None:
    """Run the command. Raises KeyboardInterrupt with the command that resumes, when stopped after the beginning."""
    start, config = configure(prog, words)
    run = RunDirectory(config.path)
    trainer = Trainer(config, resume=start.resume)
    try:
        result = trainer.train()
    except KeyboardInterrupt:
        if not (run.path / "config.yaml").is_file():
            raise  # nothing has begun
        imports = "".join(f" --import {shlex.quote(name)}" for name in start.imports)
        again = f"distil train --resume --run-dir {shlex.quote(str(run.path))}{imports}"
        raise KeyboardInterrupt(f"stopped; resume with: {again}") from None
    if result:  # only the main process has one
        out = console()
        out.print(comparison(result["evaluations"]))
        out.print(contents(run.path), soft_wrap=True)


def configure(prog: str, words: Sequence[str]) -> tuple[Start, TrainerConfig]:
    """Options from file, saved run and words. Raises UsageError or ConfigError for what cannot be."""
    probe, _ = parse_known(Probe, prog, words, add_help=False)
    import_user_code(probe.imports)
    config = TrainerConfig() if probe.config is None else TrainerConfig.load(probe.config)
    if not probe.resume:
        return probe, _parsed(prog, words, config, probe)
    where = probe.run_dir or str(_parsed(prog, words, config, probe).path)
    saved = TrainerConfig.from_dict(RunDirectory(Path(where).expanduser()).config())
    asked = _parsed(prog, words, saved if probe.config is None else config, probe)
    return probe, replace(asked, run_dir=where)  # whether it fits the saved options, the trainer says


def _parsed(prog: str, words: Sequence[str], config: TrainerConfig, start: Start) -> TrainerConfig:
    """The words on top of `config`, whose learner and expert decide which options of theirs there are."""
    if start.learner is not None:
        chosen = make_learner(start.learner, {})
        if type(chosen) is not type(config.learner):
            config = replace(config, learner=chosen)
    if start.expert is not None:
        teacher = make_expert(start.expert, {})
        if type(teacher) is not type(config.expert):
            config = replace(config, expert=teacher)
    made: TrainCommand = parse(TrainCommand, prog, words, default=TrainCommand(Start(), config))
    return made.options
