"""Where the tasks of a `TaskSet` come from: a list, or one level of a family that generates them.

A source draws tasks of one split by rejection: the split is a hash of the content (law 5), so it is known only once the
content is. What a source cannot supply is an error that says how much there is, never a task of the other split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from distil_envs.errors import TaskError
from distil_envs.family import Family, make_task
from distil_envs.task import Split, Task, canonical, split_of

SplitName = Literal["train", "test", "all"]

ENUMERABLE = 3000
"""A level with at most so many items is enumerated when its splits are counted or nearly used up."""
PATIENCE = 64
"""Draws of the wrong split, or of items drawn before, in a row before a small level is enumerated: 0.8^64 < 1e-6."""
GIVE_UP = 10_000
"""Draws of the wrong split in a row after which a large level is taken to have none of the right one."""


class Source(ABC):
    """Tasks of one kind."""

    size: int
    """Number of distinct contents, both splits together."""
    enumerable: bool
    """Whether `tasks` and `splits` are cheap."""

    name: str
    levels: tuple[int, ...]
    """Every level that its tasks tell, sorted."""

    @abstractmethod
    def at_levels(self, lowest: int, highest: int) -> Source | None:
        """The part at these levels; None when there is none."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, split: SplitName) -> Task:
        """One task of the split, uniform over the source's items. Raises TaskError when it has none."""

    @abstractmethod
    def distinct(self, rng: np.random.Generator, split: SplitName) -> Iterator[Task]:
        """Every task of the split, each content once, in random order."""

    @abstractmethod
    def tasks(self, split: SplitName) -> tuple[Task, ...]:
        """Every task of the split, each content once."""

    @abstractmethod
    def splits(self) -> dict[str, Split]:
        """The split of every canonical content: cheaper than the tasks themselves."""


class ListSource(Source):
    """Given tasks."""

    enumerable = True

    def __init__(self, name: str, tasks: Sequence[Task]) -> None:
        self.name = name
        self.rows = tuple(tasks)
        self._by_content = {task.content: task for task in reversed(self.rows)}
        self.size = len(self._by_content)
        self.levels = tuple(sorted({level for task in self.rows if (level := level_of(task)) is not None}))

    def at_levels(self, lowest: int, highest: int) -> ListSource | None:
        rows = [task for task in self.rows if (level := level_of(task)) is not None and lowest <= level <= highest]
        return ListSource(self.name, rows) if rows else None

    def draw(self, rng: np.random.Generator, split: SplitName) -> Task:
        rows = self.in_split[split]
        if not rows:
            raise TaskError(empty_split(self.name, split, self.size))
        return rows[rng.integers(len(rows))]

    def distinct(self, rng: np.random.Generator, split: SplitName) -> Iterator[Task]:
        tasks = self.tasks(split)
        return (tasks[index] for index in rng.permutation(len(tasks)))

    def tasks(self, split: SplitName) -> tuple[Task, ...]:
        return tuple(task for task in self.in_split[split] if self._by_content[task.content] is task)

    def splits(self) -> dict[str, Split]:
        return {content: task.split for content, task in self._by_content.items()}

    @cached_property
    def in_split(self) -> dict[SplitName, tuple[Task, ...]]:
        """The rows of each split, repeated contents included."""
        found: dict[SplitName, list[Task]] = {"train": [], "test": [], "all": []}
        for task in self.rows:
            found[task.split].append(task)
            found["all"].append(task)
        return {split: tuple(tasks) for split, tasks in found.items()}


class FamilySource(Source):
    """One level of a family."""

    def __init__(self, family: Family, level: int) -> None:
        self.family = family
        self.level = level
        self.levels = (level,)
        self.size = family.size(level)
        self.enumerable = self.size <= ENUMERABLE
        self.name = f"{family.domain}/{family.name}@{level}"

    def at_levels(self, lowest: int, highest: int) -> FamilySource | None:
        return self if lowest <= self.level <= highest else None

    def draw(self, rng: np.random.Generator, split: SplitName) -> Task:
        for count in range(GIVE_UP):
            task = make_task(self.family, self.level, self.family.draw(rng, self.level))
            if split in ("all", task.split):
                return task
            if count >= PATIENCE and self.enumerable:
                break
        tasks = self.tasks(split) if self.enumerable else ()
        if not tasks:
            raise TaskError(empty_split(self.name, split, self.size))
        return tasks[rng.integers(len(tasks))]

    def distinct(self, rng: np.random.Generator, split: SplitName) -> Iterator[Task]:
        seen: set[str] = set()
        stalled = 0
        # Enumerating costs about as much as `size` draws, so a large level is enumerated only after as many in vain.
        patience = PATIENCE if self.enumerable else self.size
        while len(seen) < self.size and stalled < patience:
            task = make_task(self.family, self.level, self.family.draw(rng, self.level))
            if split in ("all", task.split) and task.content not in seen:
                stalled = 0
                seen.add(task.content)
                yield task
            else:
                stalled += 1
        if len(seen) < self.size:
            rest = [task for task in self.tasks(split) if task.content not in seen]
            yield from (rest[index] for index in rng.permutation(len(rest)))

    def tasks(self, split: SplitName) -> tuple[Task, ...]:
        return tuple(task for task in self._all if split in ("all", task.split))

    def splits(self) -> dict[str, Split]:
        return _splits(self.family, self.level)

    @cached_property
    def _all(self) -> tuple[Task, ...]:
        return tuple(make_task(self.family, self.level, item) for item in self.family.items(self.level))


@lru_cache(maxsize=256)
def _splits(family: Family, level: int) -> dict[str, Split]:
    """A family is in several sets: by its own name, its topic's, its domain's."""
    contents = (canonical(family.domain, item.content) for item in family.items(level))
    return {content: split_of(content) for content in contents}


def level_of(task: Task) -> int | None:
    """The level that a task's metadata tell."""
    level = task.metadata.get("level")
    return level if isinstance(level, int) and not isinstance(level, bool) else None


def empty_split(name: str, split: SplitName, size: int) -> str:
    """The message for a split without content."""
    if split == "all":
        return f"{name} has no tasks"
    return (
        f"the {split} split of {name} is empty: none of its {size} distinct items falls there (a task's split is a "
        "hash of its content; about 20% are test). Use split='all', more tasks, or other levels"
    )
