"""`distil eval`: greedy accuracy, every check, and pass@k of a model in an environment."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich import box
from rich.table import Table
from rich.text import Text

from agents.cli.env_options import EnvOptions
from agents.cli.output import console
from agents.cli.parsing import Imports
from agents.cli.user_code import import_user_code
from distil_envs.errors import ConfigError
from distil_envs.vector import TokenVectorEnv

if TYPE_CHECKING:
    from agents.config import TrainerConfig
    from agents.evaluate import Evaluation
    from agents.policy import Policy

DEFAULT_TASKS = 64
DEFAULT_KS = (1, 2, 4, 8, 16, 32, 64)
Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]


@dataclass
class EvalOptions(EnvOptions):
    """What is measured, and how. None takes it from the run, else the default of the environment."""

    env: Annotated[str | None, tyro.conf.arg(metavar="ID")] = None
    """Registered environment; `package:Name-v0` imports the package first. Without a run: distil/Math-v0."""
    split: Literal["train", "test", "all"] = "test"
    """Which split the tasks are from."""
    num_tasks: int | None = None
    """How many distinct tasks. Without a run: 64, or all there are if they are fewer."""
    feedback: str | None = None
    """Who speaks between the attempts of --max-attempts: a provider's name, or `module:name`."""
    samples: int = 0
    """Attempts per task at temperature 1, for pass@k; 0 for greedy accuracy only."""
    ks: tuple[int, ...] = DEFAULT_KS
    """Which pass@k to report, as far as there are samples."""
    seed: int | None = None
    """Every random number derives from it. Without a run: 0."""
    device: str | None = None
    """`auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`, …"""
    dtype: Literal["auto", "bfloat16", "float32"] | None = None
    """Precision of forward passes. `auto`: bfloat16, but float32 for `tiny`."""
    trust_remote_code: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let the model's repository run its own Python code."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE.yaml")] = None
    """Take environment and options from this YAML file, such as the config.yaml of a run. Options given here win."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None
    """Also write everything, with the result of every task, to this file."""
    imports: Imports = ()
    """Import this module or file first, so that its environments and task sets are registered. Repeatable."""


def evaluate_model(model: Name, options: Annotated[EvalOptions, tyro.conf.arg(name="")] = EvalOptions()) -> None:  # noqa: B008
    """Measure a model on tasks: greedy accuracy, every check of the verifier, and pass@k, with 95 % intervals.

    For example:
    $ distil eval smollm2 --tasks math/arithmetic@1 --max-new-tokens 64 --shots 4
    $ distil eval runs/quickstart --num-tasks 200 --output held-out.json
    $ distil eval runs/quickstart --split train
    $ distil eval ./my-model --env acme/UnitPrices-v0 --import my_env.py --samples 8 --ks 1 4 8
    $ distil eval smollm2 --tasks math/arithmetic@1 --max-attempts 3 --feedback diagnosis
    $ distil eval ./my-model --tasks math/word-problems --tools calculator python

    Args:
        model: `smollm2` or `tiny` (embedded), a folder, a hub name, or a run directory: its model and its options.
        options: What is measured, and how.
    """
    from agents.environments import take_provider
    from agents.evaluate import evaluate
    from agents.policy import Policy

    _check(options)
    import_user_code(options.imports)
    config, tasks = _settled(model, options)
    policy = Policy.load(config.model, config.policy, seed=config.seed)
    out = console()
    with closing(_envs(config, policy, options.split, tasks)) as envs, out.status(f"{envs.num_envs} tasks"):
        take_provider(envs)
        name, resources = envs.rows[0].source.name, envs.rows[0].resources()
        result = evaluate(policy, envs, seed=config.seed, samples=options.samples, ks=options.ks)
    about: dict[str, Any] = {"model": model, "env": config.env, "task_set": name, "split": options.split}
    about |= {"seed": config.seed, "feedback": config.feedback, "resources": resources}
    out.print(Text(f"{model} on {config.env}, {name}, {options.split} split", style="bold"), soft_wrap=True)
    out.print(_table(result))
    if result.chance is not None:
        out.print(str(result.chance))
    if options.output is not None:
        about |= {"environment": config.environment.arguments(), "samples": options.samples}
        _write(options.output.expanduser(), {**about, **result.to_dict()})
        out.print(Text(f"written: {options.output}"), soft_wrap=True)


def _check(options: EvalOptions) -> None:
    for name, least in (
        ("num_tasks", 1),
        ("samples", 0),
        ("max_new_tokens", 1),
        ("max_prompt_tokens", 1),
        ("max_attempts", 1),
        ("shots", 0),
    ):
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    if any(k < 1 for k in options.ks):
        raise ConfigError(f"--ks must be at least 1, got {min(options.ks)}")
    wanted = [] if options.ks == DEFAULT_KS else [k for k in options.ks if k > options.samples]
    if wanted:
        raise ConfigError(f"pass@{max(wanted)} needs --samples {max(wanted)} or more, got {options.samples}")
    if options.output is not None and not options.output.expanduser().absolute().parent.is_dir():
        raise ConfigError(f"--output {options.output}: the folder is not there; make it first")


def _settled(model: str, options: EvalOptions) -> tuple[TrainerConfig, int | None]:
    """Everything as if a run were configured so, and how many tasks; None leaves that to what there is.

    Raises ConfigError for a run without a model.
    """
    from agents.config import EnvConfig, TrainerConfig

    folder = Path(model).expanduser()
    is_run = (folder / "config.yaml").is_file()
    if is_run and not (folder / "model").is_dir():
        raise ConfigError(
            f"{model} holds no model yet: finish the run with distil train --resume --run-dir {model}, and try again"
        )
    file = options.config or (folder / "config.yaml" if is_run else None)
    run = TrainerConfig() if file is None else TrainerConfig.load(file)
    tasks = options.num_tasks
    if tasks is None and file is not None and options.env in (None, run.env):
        tasks = {"train": run.environment.num_tasks, "test": run.eval_tasks or None}.get(options.split)
    environment = {**vars(run.environment), "num_tasks": None}
    if run.eval_max_new_tokens is not None:
        environment["max_new_tokens"] = run.eval_max_new_tokens
    for item in fields(EnvOptions):
        value = getattr(options, item.name)
        if value is not None:
            environment[item.name] = environment["extra"] | value if item.name == "extra" else value
    # Adapters are merged into a saved model, so nothing of them is left to load.
    policy = replace(run.policy, lora_rank=0, **_given(options, "device", "dtype"))
    if options.trust_remote_code:
        policy.trust_remote_code = True
    return replace(
        run,
        model=str(folder / "model") if is_run else model,
        environment=EnvConfig(**environment),
        policy=policy,
        **_given(options, "env", "seed", "feedback"),
    ), tasks


def _given(options: EvalOptions, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _envs(config: TrainerConfig, policy: Policy, split: str, tasks: int | None) -> TokenVectorEnv:
    """One row for each task."""
    from agents.environments import make_envs

    if tasks is None:
        with closing(make_envs(config, policy, split, 1)) as envs:
            size = envs.rows[0].source.size
        tasks = DEFAULT_TASKS if size is None else min(DEFAULT_TASKS, size)
    return make_envs(config, policy, split, tasks, num_tasks=tasks)


def _table(result: Evaluation) -> Table:
    from agents.cli.tables import figures

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(f"{result.tasks} tasks", min_width=17)
    table.add_column("95 % interval", justify="right", min_width=13)
    for name, value in figures(result.to_dict()):
        table.add_row(Text(name), value)
    table.add_row("tokens, mean", f"{result.length:.1f}")
    if result.tool_calls:
        table.add_row("tool calls, mean", f"{result.tool_calls:.2f}")
    table.add_row("how they ended", ", ".join(f"{status}: {count}" for status, count in sorted(result.status.items())))
    return table


def _write(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=1, default=str)
    path.write_text(text + "\n", encoding="utf-8", errors="replace")
