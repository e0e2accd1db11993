"""`distil train`: every field of `TrainerConfig` as an option, on top of a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from agents.cli.output import chances, console
from agents.cli.run_options import Start, configure, told_how_to_resume
from agents.cli.tables import comparison, contents
from agents.config import TrainerConfig
from agents.trainer import Trainer


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
    command = configure(TrainCommand, prog, words)
    path = command.options.path
    trainer = Trainer(command.options, resume=command.start.resume)
    with told_how_to_resume("distil train", command.start, path):
        result = trainer.train()
    if result:  # only the main process has one
        out = console()
        out.print(comparison(result["evaluations"]))
        for name, floor in chances(result["evaluations"]).items():
            out.print(f"{name}: {floor}")
        out.print(contents(path), soft_wrap=True)
