"""From a spec to a `TaskSet`: see `distil_envs.task_set.load_tasks`, which is the public way here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from distil_envs import registry
from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.family import Family
from distil_envs.jsonl import OnError, Rows, collect, read_jsonl, task_from_row
from distil_envs.loaders import forms
from distil_envs.loaders.hf import load_hf_spec
from distil_envs.loaders.reasoning_gym import load_reasoning_gym
from distil_envs.sources import SplitName
from distil_envs.task import Task
from distil_envs.task_set import FixedTaskSet, GeneratedTaskSet, TaskSet

FORMS: Mapping[str, Callable[[str, OnError], Rows]] = {
    **{form: partial(forms.load_file, form) for form in forms.FORMS},
    "hf": load_hf_spec,
    "reasoning-gym": load_reasoning_gym,
}
"""Loaders by the prefix of their specs."""

_LEVELS = re.compile(r"(?P<name>.+)@(?P<low>\d{1,6})(?:-(?P<high>\d{1,6}))?")


def load(spec: Any, split: SplitName, on_error: OnError) -> TaskSet:
    """The task set of a spec."""
    if isinstance(spec, str):
        parts = [spec] if _is_file(spec) else [part.strip() for part in spec.split(",")]
        if not all(parts):
            raise ConfigError(f"task set {spec!r}: a name is missing; expected a name or path, or several with commas")
        sets = [_named(part, on_error) for part in parts]
        return (sets[0] if len(sets) == 1 else _joined(spec, sets)).narrowed(split)
    name = str(spec) if isinstance(spec, Path) else "tasks"
    return _task_set(name, spec, on_error).narrowed(split)


def _named(part: str, on_error: OnError) -> TaskSet:
    if _is_file(part):
        return _task_set(part, Path(part), on_error)
    levels = _LEVELS.fullmatch(part)
    if levels is None:
        return _without_levels(part, on_error)
    low, high = int(levels["low"]), int(levels["high"] or levels["low"])
    if low > high:
        raise ConfigError(f"{part!r}: the levels run backwards; expected {levels['name']}@{high}-{low}")
    found = _without_levels(levels["name"], on_error).at_levels((low, high))
    found.name = part
    return found


def _without_levels(name: str, on_error: OnError) -> TaskSet:
    form, colon, where = name.partition(":")
    if colon and form in FORMS:
        rows = FORMS[form](where, on_error)
        return FixedTaskSet(name, rows, "all", rows.skipped)
    if _is_file(name) or name.endswith(".jsonl"):
        return _task_set(name, Path(name), on_error)
    try:
        target = registry.resolve("tasks", name)
    except NotFoundError as error:
        forms = ", ".join(f"{form}:…" for form in FORMS)
        raise NotFoundError(f"{error}. Nor is it a file, or of a form like {forms}, or name@2, name@1-3") from error
    return _task_set(name, target, on_error)


def _task_set(name: str, target: Any, on_error: OnError) -> TaskSet:
    """A task set from what a name stands for."""
    if callable(target) and not isinstance(target, TaskSet):
        target = target()
    if isinstance(target, TaskSet):
        return target
    if isinstance(target, Family):
        return GeneratedTaskSet(name, [target], "all")
    if isinstance(target, Path):
        rows = read_jsonl(target, on_error)
        return FixedTaskSet(name, rows, "all", rows.skipped)
    if isinstance(target, Sequence) and not isinstance(target, (str, bytes)):
        rows = collect(name, enumerate(target, start=1), _task, on_error)
        return FixedTaskSet(name, rows, "all", rows.skipped)
    raise ConfigError(
        f"{name!r} gives {type(target).__name__}; expected a TaskSet, a sequence of tasks, a path, a Family, "
        "or a function without arguments that returns one of these"
    )


def _task(row: Any, _: int) -> Task:
    if isinstance(row, Task):
        return row
    if not isinstance(row, Mapping):
        raise TaskError(f"expected a Task or the dict of one, got {type(row).__name__}")
    try:  # as it would stand in a file, so that tuples pass for lists
        plain = json.loads(json.dumps(dict(row), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TaskError(f"not JSON: {error}") from None
    return task_from_row(plain)


def _joined(name: str, sets: Sequence[TaskSet]) -> TaskSet:
    splits = {item.split for item in sets}
    if len(splits) > 1:
        raise ConfigError(f"{name!r} joins sets of different splits: {', '.join(sorted(splits))}")
    fixed = [item for item in sets if isinstance(item, FixedTaskSet)]
    if len(fixed) < len(sets):
        return TaskSet(name, tuple(item.root for item in sets), sets[0].split)
    skipped = [bad for item in fixed for bad in item.skipped]
    return FixedTaskSet(name, [task for item in fixed for task in item], sets[0].split, skipped)


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except OSError:  # longer than a path can be
        return False
