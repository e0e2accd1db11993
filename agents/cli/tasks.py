"""`distil tasks list | show | validate`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from distil_envs import registry
from distil_envs.errors import ConfigError, DistilError
from distil_envs.science.chance import chance
from distil_envs.sources import SplitName, level_of
from distil_envs.task import TEST_FRACTION, Task
from distil_envs.task_set import Count, FixedTaskSet, load_tasks
from distil_envs.validation import Problem, Report, validate_tasks

SHOWN = 50
"""Problems that `validate` prints; the rest it counts."""
CAPTION = "≤: levels may share tasks. ≈: by the hash of their content, too many to list."

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
Json = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")]


def list_tasks(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[NAME]")] = "", json_lines: Json = False
) -> None:
    """List task sets, or the families and levels of one, with how many distinct tasks each split has.

    For example:
    $ distil tasks list
    $ distil tasks list math/algebra
    $ distil tasks list math/algebra@1-2 --json

    Args:
        name: A task set, file or anything else that --tasks takes; empty for every registered set.
        json_lines: One JSON object a line instead of a table.
    """
    floor = None
    if name:
        found = load_tasks(name, "all")
        counts = found.counts()
        floor = chance(found) if isinstance(found, FixedTaskSet) else None
        rows = [asdict(count) for count in counts]
        table = _count_table(name, counts)
    else:
        rows = [_summary(each) for each in registry.names("tasks")]
        table = _set_table(rows)
    if json_lines:
        _print_json(rows)
    else:
        console().print(table)
        if floor is not None:
            console().print(str(floor))


def show(
    name: Name,
    n: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 3,
    split: SplitName = "train",
    seed: int = 0,
    json_lines: Json = False,
) -> None:
    """Show tasks with their reference answer and worked solution.

    For example:
    $ distil tasks show math/algebra@2
    $ distil tasks show my-tasks.jsonl -n 10 --split all
    $ distil tasks show math -n 100 --split test --json > held-out.jsonl

    Args:
        name: A task set, file or anything else that --tasks takes.
        n: How many, all different.
        split: train, test, or all.
        seed: Which ones: the same seed shows the same tasks.
        json_lines: The tasks as JSONL, as files of tasks are written.
    """
    tasks = load_tasks(name, split).take(n, seed)
    if json_lines:
        _print_json(task.to_dict() for task in tasks)
        return
    out = console()
    for task in tasks:
        _print_task(out, task)


def validate(
    name: Name,
    verifier: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None,
    samples: int = 20,
    seed: int = 0,
    timeout: float = 10.0,
    sandbox: str = "auto",
) -> None:
    """Check a file of tasks, or a task set by name. The exit status is 1 if anything is wrong.

    Looked for are lines that cannot be read or break the schema, ids used twice, tasks that ask the same, prompts that
    stand in both splits, references that the verifier rejects, and empty answers that it accepts. Of a code task the
    solution must pass, a program that does nothing fail, and each wrong solution fail as its row says, twice alike.

    For example:
    $ distil tasks validate math --samples 100
    $ distil tasks validate my-tasks.jsonl --verifier my_package.grading:verifier
    $ distil tasks validate code --sandbox docker

    Args:
        name: A path to a JSONL file, a task set, or anything else that --tasks takes.
        verifier: Grades the references; without it each domain's own.
        samples: How many tasks of every family and level of a generated set are looked at; files are checked whole.
        seed: Of these samples.
        timeout: Seconds for one verification by a plain function.
        sandbox: Where the programs of code tasks run: auto, docker, bubblewrap, or another by name.
    """
    if samples < 1:
        raise ConfigError(f"--samples must be at least 1, got {samples}")
    report = validate_tasks(name, verifier, samples, seed, timeout, sandbox)
    out = console()
    looked = "every task" if report.complete else "a sample of every family and level"
    out.print(Text(f"{name}: {looked}", style="italic"), soft_wrap=True)
    out.print(_report_table(report))
    for problem in report.problems[:SHOWN]:
        out.print(_problem_line(problem), soft_wrap=True)
    if len(report.problems) > SHOWN:
        out.print(f"and {len(report.problems) - SHOWN} more")
    for why, count in report.ungraded.items():
        out.print(Text(f"not graded: {_tasks(count)}, {why}", style="yellow"))
    if report.problems:
        kinds = Counter(problem.kind for problem in report.problems)
        out.print(Text(", ".join(f"{kind}: {count}" for kind, count in kinds.items()), style="bold red"))
        raise SystemExit(1)
    out.print(Text("no problem found", style="green"))


def _summary(name: str) -> dict[str, Any]:
    """One registered set in numbers; None where a number is not known exactly."""
    try:
        task_set = load_tasks(name, "all")
    except DistilError as error:  # a plug-in's broken set must not hide the others
        return {"name": name, "error": str(error)}
    counts = task_set.counts()
    summary: dict[str, Any] = {
        "name": name,
        "families": len({count.family for count in counts}),
        "levels": sorted({count.level for count in counts if count.level is not None}),
        "size": task_set.size,
        "size_at_most": sum(count.size for count in counts),
        "train": None,
        "test": None,
    }
    if all(source.enumerable for source in task_set.sources):
        split_of = {content: split for source in task_set.sources for content, split in source.splits().items()}
        summary |= Counter(split_of.values())
    return summary


def _set_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="distinct tasks of every set", title_justify="left", caption=CAPTION, caption_justify="left")
    for column in ("name", "families", "levels"):
        table.add_column(column, no_wrap=True)
    for column in ("tasks", "train", "test"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        if "error" in row:
            table.add_row(Text(row["name"]), "", Text(row["error"], style="red"))
            continue
        levels = row["levels"]
        size = _number(row["size"]) if row["size"] is not None else f"≤ {_number(row['size_at_most'])}"
        shares = _shares(row["train"], row["test"])
        table.add_row(Text(row["name"]), str(row["families"]), _ranges(levels), size, *shares)
    return table


def _count_table(name: str, counts: list[Count]) -> Table:
    table = Table(
        "family",
        "level",
        title=Text(f"distinct tasks of {name}"),
        title_justify="left",
        caption=CAPTION,
        caption_justify="left",
    )
    for column in ("tasks", "train", "test"):
        table.add_column(column, justify="right", no_wrap=True)
    for count in counts:
        level = "" if count.level is None else str(count.level)
        shares = _shares(count.train, count.test)
        table.add_row(Text(count.family), level, _number(count.size), *shares)
    return table


def _shares(train: int | None, test: int | None) -> tuple[str, str]:
    if train is None or test is None:
        return f"≈ {1 - TEST_FRACTION:.0%}", f"≈ {TEST_FRACTION:.0%}"
    return _number(train), _number(test)


def _number(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"{count:.2e}".replace("e+", "e")


def _ranges(levels: list[int]) -> str:
    if len(levels) > 1 and levels == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]}-{levels[-1]}"
    return ", ".join(map(str, levels))


def _report_table(report: Report) -> Table:
    table = Table("domain", "family", "level", caption_justify="left")
    for column in ("tasks", "train", "test"):
        table.add_column(column, justify="right")
    groups: dict[tuple[str, str, int | None], Counter[str]] = {}
    for task in report.tasks:
        key = (task.domain, str(task.metadata.get("family", "")), level_of(task))
        groups.setdefault(key, Counter())[task.split] += 1
    for (domain, family, level), counts in groups.items():
        cells = [str(number) for number in (counts.total(), counts["train"], counts["test"])]
        table.add_row(Text(domain), Text(family), "" if level is None else str(level), *cells)
    table.caption = f"{_tasks(len(report.tasks))}, {report.graded} references graded"
    return table


def _problem_line(problem: Problem) -> Text:
    return Text.assemble((problem.kind, "bold red"), f"  {problem.where}  {problem.message}")


def _print_task(out: Console, task: Task) -> None:
    """A task as text: nothing in it is read as markup."""
    level = level_of(task)
    about = [task.domain, str(task.metadata.get("family", "")), "" if level is None else f"level {level}", task.split]
    out.rule(Text(task.id, style="bold"), align="left")
    out.print(Text(", ".join(part for part in about if part), style="dim"))
    for message in task.messages:
        out.print(Text(f"{message['role']}:", style="cyan"))
        out.print(Padding.indent(Text(message["content"]), 2))
    for field, value in task.to_dict()["reference"].items():
        out.print(Text(f"{field}:", style="green"))
        items = value if task.domain == "code" and isinstance(value, list) else [value]
        for item in items:
            out.print(Padding.indent(Text(_item(item)), 2))


def _item(value: Any) -> str:
    """A value of a reference; of a program's tests and wrong solutions, what one wants to read."""
    if isinstance(value, str):
        return value.rstrip("\n")
    match value:
        case {"call": call, "expected": expected}:
            return f"{call} == {expected}"
        case {"call": call, "raises": raises}:
            return f"{call} raises {raises}"
        case {"stdin": stdin, "stdout": stdout}:
            return f"{stdin!r} → {stdout!r}"
        case {"check": check}:
            return str(check).rstrip("\n")
        case {"solution": solution, **rest}:
            told = ", ".join(f"{name}: {item}" for name, item in rest.items())
            return f"# {told}\n{str(solution).rstrip()}\n"
    return json.dumps(value, ensure_ascii=False)


def _print_json(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
