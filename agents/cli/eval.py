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

DEFAULT_ENV = "distil/Math-v0"
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

    Args:
        model: `smollm2` or `tiny` (embedded), a folder, a hub name, or a run directory: its model and its options.
        options: What is measured, and how.
    """
    from agents.evaluate import evaluate
    from agents.policy import Policy

    _check(options)
    import_user_code(options.imports)
    run = _run_of(model, options)
    name = str(Path(model) / "model") if _is_run(model) else model
    plan = _plan(options, run)
    out = console()
    policy = Policy.load(name, plan.policy, seed=plan.seed)
    with closing(_envs(policy, plan)) as envs, out.status(f"{envs.num_envs} tasks"):
        tasks = envs.rows[0].tasks.name
        result = evaluate(policy, envs, seed=plan.seed, samples=options.samples, ks=options.ks)
    about = {"model": model, "env": plan.env, "tasks": tasks, "split": options.split, "seed": plan.seed}
    out.print(_table(about, result))
    if options.output is not None:
        _write(options.output, {**about, "options": plan.arguments, "samples": options.samples, **result.to_dict()})
        out.print(Text(f"written: {options.output}"), soft_wrap=True)


@dataclass
class _Plan:
    """Everything settled."""

    env: str
    arguments: dict[str, Any]
    split: str
    tasks: int | None
    """None: `DEFAULT_TASKS`, or all there are."""
    seed: int
    policy: Any


def _check(options: EvalOptions) -> None:
    for name, least in (
        ("num_tasks", 1),
        ("samples", 0),
        ("max_new_tokens", 1),
        ("max_prompt_tokens", 1),
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


def _is_run(model: str) -> bool:
    return (Path(model).expanduser() / "config.yaml").is_file()


def _run_of(model: str, options: EvalOptions) -> TrainerConfig | None:
    """The options of the run that is given as the model or by --config."""
    from agents.config import TrainerConfig

    if options.config is not None:
        return TrainerConfig.load(options.config)
    if not _is_run(model):
        return None
    folder = Path(model).expanduser()
    if not (folder / "model").is_dir():
        raise ConfigError(
            f"{model} holds no model yet: the run is not finished; go on with distil train --resume --run-dir {model}"
        )
    return TrainerConfig.load(folder / "config.yaml")


def _plan(options: EvalOptions, run: TrainerConfig | None) -> _Plan:
    from agents.policy import PolicyConfig

    arguments, policy, tasks, seed, env = {}, PolicyConfig(), options.num_tasks, options.seed, options.env
    if run is not None:
        arguments = run.environment.arguments()
        if run.eval_max_new_tokens is not None:
            arguments["max_new_tokens"] = run.eval_max_new_tokens
        policy = replace(run.policy, lora_rank=0)  # adapters are merged into the saved model
        if tasks is None and env in (None, run.env):
            tasks = {"train": run.environment.num_tasks, "test": run.eval_tasks or None}.get(options.split)
        seed = run.seed if seed is None else seed
        env = env or run.env
    arguments.pop("num_tasks", None)
    own = {item.name for item in fields(EnvOptions)}
    given = EnvOptions(**{name: value for name, value in vars(options).items() if name in own})
    chosen = {name: getattr(options, name) for name in ("device", "dtype") if getattr(options, name) is not None}
    if options.trust_remote_code:
        chosen["trust_remote_code"] = True
    return _Plan(
        env or DEFAULT_ENV,
        arguments | given.arguments(),
        options.split,
        tasks,
        seed or 0,
        replace(policy, **chosen),
    )


def _envs(policy: Policy, plan: _Plan) -> TokenVectorEnv:
    """One row for each task."""
    arguments = plan.arguments | {
        "split": plan.split,
        "tokenizer": policy.tokenizer,
        "eos_token_ids": policy.eos_ids,
        "feedback": None,
    }
    if plan.policy.chat_template is not None:
        arguments["chat_template"] = plan.policy.chat_template
    tasks = plan.tasks
    if tasks is None:
        with closing(TokenVectorEnv.of(plan.env, 1, autoreset_mode="Disabled", **arguments)) as envs:
            size = envs.rows[0].source.size
        tasks = DEFAULT_TASKS if size is None else min(DEFAULT_TASKS, size)
    return TokenVectorEnv.of(plan.env, tasks, autoreset_mode="Disabled", **arguments, num_tasks=tasks)


def _table(about: dict[str, Any], result: Evaluation) -> Table:
    from agents.cli.report import figures

    title = f"{about['model']} on {about['env']}, {about['tasks']}, split {about['split']}"
    table = Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left", pad_edge=False, caption_justify="left")
    table.add_column(f"{result.tasks} tasks", min_width=17)
    table.add_column("95 % interval", justify="right", min_width=13)
    for name, value in figures(result.to_dict()):
        table.add_row(Text(name), value)
    table.add_row("tokens, mean", f"{result.length:.1f}")
    table.add_row("how they ended", ", ".join(f"{status}: {count}" for status, count in sorted(result.status.items())))
    return table


def _write(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=1, default=str)
    path.expanduser().write_text(text + "\n", encoding="utf-8", errors="replace")
