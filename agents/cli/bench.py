"""`distil bench`: a grid of runs on one budget, finished ones never run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium
import tyro
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.cli.output import console
from agents.cli.parsing import Imports
from agents.cli.user_code import import_user_code
from agents.limits import SPENT
from distil_envs.errors import ConfigError, DistilError

if TYPE_CHECKING:
    from agents.bench.measured import Checkpoint
    from agents.bench.plan import Cell, Plan
    from agents.bench.results import Row
    from agents.bench.runner import Runner
    from agents.bench.settle import Settled

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PLAN")]


@dataclass
class BenchOptions:
    """What to run of a plan, and where. Axes that are named here take the place of the plan's."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The bench's folder; None makes `benches/<plan>`."""
    learners: tuple[str, ...] = ()
    """Learners: names of the plan's, or of registered ones with their own defaults."""
    environments: tuple[str, ...] = ()
    """Environments: names of the plan's, or registered ones."""
    feedback: tuple[str, ...] = ()
    """Feedback: names of the plan's, or of providers."""
    models: tuple[str, ...] = ()
    """Models: names of the plan's, or any that `distil train` takes."""
    seeds: tuple[int, ...] = ()
    """Seeds."""
    samples: int | None = None
    """Budget of each run in rollouts, in place of the plan's."""
    tokens: int | None = None
    """Budget of each run in generated tokens, in place of the plan's."""
    seconds: float | None = None
    """Budget of each run in seconds of training, in place of the plan's."""
    processes: int = 1
    """Runs at a time, each in a process of its own; the cores are shared out."""
    shard: Annotated[str | None, tyro.conf.arg(metavar="I/N")] = None
    """Run only every N-th comparison, from the I-th on (1/4 … 4/4), for several machines on one folder or several. All
    learners of a comparison run on one machine."""
    checkpoint: Annotated[str, tyro.conf.arg(metavar="final|best")] = "final"
    """Which evaluation of a run counts, of those after training began. `best` is chosen on the tasks that it is
    reported on: it flatters, and is marked."""
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Only tell what there is to do, and what it costs."""
    save_models: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep the trained models."""
    imports: Imports = ()
    """Import this module or file first, so that its environments, feedback and learners are registered. Repeatable."""


def bench(plan: Name, options: Annotated[BenchOptions, tyro.conf.arg(name="")] = BenchOptions()) -> None:  # noqa: B008
    """Compare learners across environments, feedback, models and seeds: every run has the same budget.

    A plan is a preset (smoke, small, paper) or a YAML file. Finished runs are never run again, stopped ones go on where
    they were, and one that fails leaves the rest alone. When nothing is left to run, the summary is printed.

    For example:
    $ distil bench smoke --processes 2
    $ distil bench small --dry-run
    $ distil bench small --environments maths --learners DistIL GRPO --seeds 0 1 2
    $ distil bench my-plan.yaml --out benches/mine --shard 1/4
    $ distil bench smoke --learners DistIL my_learner:Mine --import my_learner.py --environments "maths (rule)"

    Args:
        plan: smoke, small, paper, or a YAML file.
        options: What to run of it, and where.
    """
    from agents.bench.comparison import write_comparison
    from agents.bench.plan import Plan
    from agents.bench.results import Results
    from agents.bench.runner import Runner
    from agents.bench.settle import settle
    from agents.cli.bench_tables import summary

    if options.processes < 1:
        raise ConfigError(f"--processes must be at least 1, got {options.processes}")
    checkpoint = _checkpoint(options.checkpoint)
    import_user_code(options.imports)
    whole = Plan.load(plan)
    asked = narrowed(whole, options)
    keeping = kept(whole, asked)
    folder = (options.out or _folder(Path(plan))).expanduser()
    results = Results(folder / "results.jsonl")
    runner = Runner(folder, asked, options.processes, options.imports, options.save_models)
    told, out = Console(stderr=True, highlight=False, markup=False), console()
    now = settle(asked, results)
    trials, runs = _missing(now, options.shard)
    if not options.dry_run:
        _make(folder)
    _tell_stale(now.stale, told)
    _tell_cost(runner, now, [*trials, *runs], told, look=not options.dry_run or _at_hand(asked))
    if options.dry_run:
        for cell in (*trials, *runs):
            told.print(f"  {cell}", soft_wrap=True)
        return
    _keep(folder / "plan.yaml", keeping)
    try:
        failed = _run(runner, trials, "trials", told)
        before, now = now.stale, settle(asked, results)
        _tell_stale({cell: change for cell, change in now.stale.items() if cell not in before}, told)
        _tell_choices(now, told)
        write_comparison(folder, settle(keeping, results), checkpoint)
        runs = _missing(now, options.shard)[1]
        ready = [cell for cell in runs if cell not in now.waiting]
        failed += _run(replace(runner, plan=now.plan), ready, "runs", told)
    except KeyboardInterrupt:
        write_comparison(folder, settle(keeping, results), checkpoint)
        raise KeyboardInterrupt("stopped; the same command goes on with it") from None
    write_comparison(folder, settle(keeping, results), checkpoint)
    for table in summary(settle(asked, results), checkpoint):
        out.print(table)
    out.print(f"results: {results.file}; `distil report {folder}` makes a page of them", soft_wrap=True)
    _require_all(folder, failed, len(trials) + len(ready), len(runs) - len(ready))


def _missing(now: Settled, shard: str | None) -> tuple[list[Cell], list[Cell]]:
    """Trials and runs of a shard that are still to be done."""
    trials = [cell for cell in part(list(now.plan.trials()), shard) if cell not in now.trials]
    return trials, [cell for cell in part(list(now.plan.cells()), shard) if cell not in now.rows]


def _tell_stale(stale: Mapping[Cell, str], told: Console) -> None:
    for cell, change in stale.items():
        told.print(f"{cell}: has a result under other options, {change}: it is run anew, beside it", soft_wrap=True)


def _tell_cost(runner: Runner, now: Settled, missing: Sequence[Cell], told: Console, *, look: bool) -> None:
    """What is finished, and what the rest costs."""
    from agents.bench.cost import cost

    def say(text: str) -> None:
        told.print(text, soft_wrap=True)

    if now.plan.tune.options:
        say(f"{runner.folder}: {len(now.trials)} of {len(list(now.plan.trials()))} trials are finished")
    say(f"{runner.folder}: {len(now.rows)} of {len(list(now.plan.cells()))} runs are finished")
    if missing:
        done = {**now.trials, **now.rows}
        with told.status("what it will cost"):
            total = cost(now.plan, missing, done, look=look, threads=runner.threads, say=say)
        say(f"to do: {total.told(min(runner.processes, len(missing)))}")


def _tell_choices(now: Settled, told: Console) -> None:
    trials = list(now.plan.tune.trials())
    for each in now.choices:
        who = f"{each.kind.environment} · {each.kind.learner} · {each.kind.feedback} · {each.kind.model}"
        if each.chosen is None:
            text = "every trial diverged: try other values in tune.options"
        else:
            text = f"chose {trials[each.chosen]} ({each.tried[each.chosen]:.3f})"
        told.print(f"{who}: {text}", soft_wrap=True)


def _keep(file: Path, plan: Plan) -> None:
    """Write the plan, unless the file says the same in its own words."""
    with suppress(ConfigError):  # there is none, or one that a crash has torn
        if type(plan).load(str(file)) == plan:
            return
    file.write_text(yaml.safe_dump(plan.to_dict(), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _require_all(folder: Path, failed: Sequence[str], tried: int, waiting: int) -> None:
    """Raise DistilError when something is left to do."""
    wait = (
        f"{waiting} runs wait for trials that their learners choose by, which failed, diverged or are other shards'; "
        "the same command goes on with them when there is a choice"
    )
    if failed:
        raise DistilError(
            f"{len(failed)} of {tried} runs failed (their logs: {folder / 'logs'}); the same command tries them again. "
            f"The first, {failed[0]}{f'. {wait}' if waiting else ''}"
        )
    if waiting:
        raise DistilError(wait)


def narrowed(plan: Plan, options: BenchOptions) -> Plan:
    """The plan with the axes and the budget that are named. Raises ConfigError as `Plan.from_dict` does."""
    values = plan.to_dict()
    for axis in ("learners", "environments", "feedback", "models"):
        if names := getattr(options, axis):
            _require_known(axis, names, values[axis])
            values[axis] = {name: values[axis].get(name) for name in names}
    for option in ("compare_on", "measures"):
        values[option] = {name: value for name, value in values[option].items() if name in values["environments"]}
    if options.seeds:
        values["seeds"] = list(options.seeds)
    limits = {name: getattr(options, name) for name in SPENT}
    if any(limit is not None for limit in limits.values()):
        values["budget"] = limits
        _without_budget(values)
    return type(plan).from_dict(values, part=True)


def _require_known(axis: str, names: Sequence[str], of_plan: Mapping[str, Any]) -> None:
    """Raise ConfigError for environments and models that neither the plan nor anybody else has: a likely typo.

    Learners and feedback are looked up with their options.
    """
    known: dict[str, Callable[[str], bool]] = {
        "environments": lambda name: name in gymnasium.registry,
        "models": lambda name: name in ("tiny", "smollm2") or "/" in name or Path(name).is_dir(),
    }
    for name in names:
        if axis in known and name not in of_plan and not known[axis](name):
            own = ", ".join(of_plan) or "none of its own"
            raise ConfigError(
                f"--{axis}: no {name!r}; the plan has {own}, and others go by the names they have elsewhere"
            )


def kept(whole: Plan, asked: Plan) -> Plan:
    """The plan with what was asked for beyond it, such as another budget or learner; not narrowed by it."""
    values, more = whole.to_dict(), asked.to_dict()
    for axis in ("learners", "environments", "feedback", "models"):
        values[axis] = values[axis] | more[axis]
    values["seeds"] = list(dict.fromkeys([*whole.seeds, *asked.seeds]))
    if asked.budget != whole.budget:
        values["budget"] = more["budget"]
        _without_budget(values)
    return type(whole).from_dict(values)


def _without_budget(values: dict[str, Any]) -> None:
    """Take out what `base` and the environments say of it."""
    for own in (values["base"], *filter(None, values["environments"].values())):
        own.pop("limits", None)
        own.pop("steps", None)


def part(cells: Sequence[Cell], shard: str | None) -> Sequence[Cell]:
    """Those of one shard: whole comparisons, so that all learners of one run on the same machine."""
    if shard is None:
        return cells
    index, _, count = shard.partition("/")
    if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise ConfigError(f"--shard must be I/N with 1 <= I <= N, such as 1/4, got {shard!r}")
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((*cell.setting, cell.seed), []).append(cell)
    return [cell for group in list(groups.values())[int(index) - 1 :: int(count)] for cell in group]


def _run(runner: Runner, cells: Sequence[Cell], name: str, told: Console) -> list[str]:
    """Run them, telling of each. Returns those that failed, with the reasons."""
    from agents.bench.measured import Measured
    from agents.estimate import duration

    failed: list[str] = []
    measured = Measured(runner.plan)
    bar = Progress(
        TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=told, disable=not told.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(name, total=len(cells))

        def tell(cell: Cell, found: Row | str) -> None:
            bar.advance(task)
            if isinstance(found, str):
                failed.append(f"{cell}: {found}")
                told.print(f"{cell}: failed: {found}", soft_wrap=True)
                return
            try:
                value = "diverged" if "diverged" in found else f"{measured.value(found):.3f}"
            except ConfigError as error:  # the summary will say so again
                value = str(error)
            seconds = found["spent"]["wall_seconds"]
            told.print(f"{cell}: {value} in {duration(seconds)}", soft_wrap=True)

        runner.run(cells, tell)
    return failed


def _checkpoint(name: str) -> Checkpoint:
    if name not in ("final", "best"):
        raise ConfigError(f"--checkpoint must be final or best, got {name!r}")
    return name  # type: ignore[return-value]


def _folder(plan: Path) -> Path:
    """Of the bench: the plan's own, where that is the one that a bench keeps, else one named after it."""
    kept = plan.name == "plan.yaml" and (plan.parent / "results.jsonl").is_file()
    return plan.parent if kept else Path("benches") / plan.stem


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}; name another with --out") from error


def _at_hand(plan: Plan) -> bool:
    """Whether models and tasks are: a dry run downloads nothing."""
    configs = [plan.config(cell) for cell in plan.cells()]
    models = {config.model for config in configs} - {"tiny", "smollm2"}
    tasks = {str(config.environment.tasks) for config in configs}
    return all(Path(name).is_dir() for name in models) and not any("hf:" in name for name in tasks)
