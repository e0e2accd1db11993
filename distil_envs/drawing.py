"""`draw_task`: the task of an episode, as the options of a reset ask for it."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from distil_envs.counted import derive
from distil_envs.errors import ConfigError
from distil_envs.task import Task
from distil_envs.task_set import TaskSet


def draw_task(tasks: TaskSet, seed: int, episode: int, options: Mapping[str, Any]) -> Task:
    """The task that ``{"task": task}`` or ``{"index": i}`` asks for; without options a draw, pure in seed and episode.

    Raises ConfigError for other options, and for an index where there is none.
    """
    unknown = set(options) - {"task", "index"}
    if unknown or len(options) > 1:
        raise ConfigError(f"reset options must be {{'task': Task}} or {{'index': int}}, got {sorted(options)}")
    if "task" in options:
        if not isinstance(options["task"], Task):
            raise ConfigError(f"reset option 'task' must be a Task, got {type(options['task']).__name__}")
        return options["task"]
    if "index" in options:
        return _indexed(tasks, operator.index(options["index"]))
    return tasks.draw(derive(seed, "env"), episode)


def _indexed(tasks: TaskSet, index: int) -> Task:
    if not isinstance(tasks, Sequence):
        raise ConfigError(
            f"task set {tasks.name!r} generates its tasks and has no index; pass num_tasks=… to take some"
        )
    if not 0 <= index < len(tasks):
        raise ConfigError(f"task set {tasks.name!r} has the indices 0 to {len(tasks) - 1}, got {index}")
    task: Task = tasks[index]
    return task
