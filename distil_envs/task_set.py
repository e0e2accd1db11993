"""`TaskSet`: a named source of tasks of one split. `load_tasks`: from a name, a file or a list to a `TaskSet`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, get_args, overload

import numpy as np

from distil_envs.counted import generator
from distil_envs.errors import ConfigError, TaskError
from distil_envs.family import Family
from distil_envs.jsonl import BadLine
from distil_envs.sources import FamilySource, ListSource, Source, SplitName, level_of
from distil_envs.task import Task

Levels = tuple[int, int]
"""Lowest and highest level, both included."""

Node = Source | tuple["Node", ...]
"""Sources in groups: a draw picks one child uniformly at each step down."""


@dataclass(frozen=True)
class Count:
    """How many distinct contents one level of one family has."""

    family: str
    level: int | None
    """None for tasks that tell no level."""
    size: int
    """Both splits together; exact."""
    train: int | None
    """Exact; None for a level too large to enumerate (about 80% of ``size``)."""
    test: int | None
    """Exact; None for a level too large to enumerate (about 20% of ``size``)."""


class TaskSet:
    """Tasks of one split.

    Drawing is counted: `draw` is a pure function of its seed and counter, uniform over families, then over the levels
    of the family, then over the items of the level. No task of the other split is ever drawn (law 5).

    Args:
        name: How the set is called in messages and records.
        root: Where the tasks come from; a tuple is drawn from uniformly.
        split: ``train``, ``test``, or ``all`` for both.

    Raises:
        ConfigError: unknown split.
        TaskError: a source has no content in the split.
    """

    def __init__(self, name: str, root: Node, split: SplitName = "train") -> None:
        self.name = name
        self.root = root
        self._set_split(split)

    def _set_split(self, split: SplitName) -> None:
        check_split(split)
        self.split: SplitName = split
        for source in self.sources:
            # A draw in the middle of a training run is a bad time to learn that there is nothing to draw.
            source.draw(generator(0, "probe", source.name), split)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source, in order."""
        return tuple(_leaves(self.root))

    @property
    def size(self) -> int | None:
        """Number of distinct contents in this split; None where counting them would mean enumerating a large level."""
        sources = self.sources
        if all(source.enumerable for source in sources):
            splits = {content: split for source in sources for content, split in source.splits().items()}
            return sum(self.split in ("all", split) for split in splits.values())
        families = {source.name.partition("@")[0] for source in sources}
        generated = all(isinstance(source, FamilySource) for source in sources)
        if self.split == "all" and generated and len(families) == len(sources):  # no two levels that might overlap
            return sum(source.size for source in sources)
        return None

    def draw(self, seed: int, counter: int) -> Task:
        """The task of this seed and counter: always the same one, whatever was drawn before."""
        rng = generator(seed, "task", counter)
        return _pick(self.root, rng).draw(rng, self.split)

    def at_levels(self, levels: Levels) -> TaskSet:
        """The part with a level from the lowest to the highest given. Raises TaskError when there is none."""
        root = _kept(self.root, lambda source: source.at_levels(*levels))
        if root is None:
            have = sorted({level for source in self.sources for level in source.levels})
            raise TaskError(
                f"{self.name} has no tasks at level {'-'.join(map(str, dict.fromkeys(levels)))}; "
                f"its levels are {', '.join(map(str, have)) or 'not told'}"
            )
        return self._with_root(root)

    def _with_root(self, root: Node) -> TaskSet:
        return TaskSet(self.name, root, self.split)

    def take(self, n: int, seed: int = 0) -> FixedTaskSet:
        """``n`` tasks with distinct contents, drawn as `draw` does; a smaller ``n`` gives the first of them.

        Raises TaskError, with the number there is, when there are fewer.
        """
        if n < 1:
            raise ConfigError(f"take needs at least one task, got n={n}")
        rng = generator(seed, "take")
        root: Node | None = self.root
        streams: dict[int, Iterator[Task]] = {}
        found: dict[str, Task] = {}
        while root is not None and len(found) < n:
            source = _pick(root, rng)
            stream = streams.setdefault(id(source), source.distinct(rng, self.split))
            task = next(stream, None)
            if task is None:
                root = _kept(root, partial(_unless, source))
            else:
                found.setdefault(task.content, task)
        if len(found) < n:
            raise TaskError(
                f"{self.name} has {len(found)} distinct tasks in split {self.split!r}, but {n} were asked for: "
                f"ask for at most {len(found)}, or add levels or families"
            )
        return FixedTaskSet(self.name, list(found.values()), self.split)

    def narrowed(self, split: SplitName) -> Self:
        """The tasks of one split of a set of both.

        Raises ConfigError for a set of one split when another is asked for: that is how test tasks get into training.
        """
        if split == self.split:
            return self
        if self.split != "all":
            raise ConfigError(
                f"task set {self.name!r} holds its {self.split} split, but split {split!r} was asked for: "
                f"ask for split {self.split!r}, or make the set with split 'all'"
            )
        narrowed = copy.copy(self)
        narrowed._set_split(split)
        return narrowed

    def counts(self) -> list[Count]:
        """Distinct contents of every family and level, whatever the split of this set."""
        return [count for source in self.sources for count in _counts(source)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, split {self.split!r}>"


class FixedTaskSet(TaskSet, Sequence[Task]):
    """Given tasks, those of the split in their order.

    Raises:
        TaskError: two tasks share an id, or none is in the split.
    """

    def __init__(
        self, name: str, tasks: Sequence[Task], split: SplitName = "train", skipped: Sequence[BadLine] = ()
    ) -> None:
        ids: set[str] = set()
        for task in tasks:
            if task.id in ids:
                raise TaskError(
                    f"{name}: the id {task.id!r} is used by two tasks; ids must be unique within a task set"
                )
            ids.add(task.id)
        if not tasks:
            raise TaskError(f"{name} has no tasks")
        self._source = ListSource(name, tasks)
        super().__init__(name, self._source, split)
        self.skipped = tuple(skipped)
        """What was left out on reading (``on_error="skip"``), and why."""

    def _with_root(self, root: Node) -> FixedTaskSet:
        assert isinstance(root, ListSource)
        return FixedTaskSet(self.name, root.rows, self.split, self.skipped)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Task, ...]: ...
    def __getitem__(self, index: int | slice) -> Task | tuple[Task, ...]:
        return self._source.in_split[self.split][index]

    def __len__(self) -> int:
        return len(self._source.in_split[self.split])

    def __iter__(self) -> Iterator[Task]:
        return iter(self._source.in_split[self.split])


class GeneratedTaskSet(TaskSet):
    """Tasks that families generate, at all their levels. Their domain is the tasks' domain, which finds the verifier.

    Raises TaskError when a level has no content in the split.
    """

    def __init__(self, name: str, families: Sequence[Family], split: SplitName = "train") -> None:
        root = tuple(tuple(FamilySource(family, level) for level in family.levels) for family in families)
        super().__init__(name, root, split)


TaskSpec = TaskSet | str | Path | Sequence[Task | Mapping[str, Any]]


def load_tasks(spec: TaskSpec, split: SplitName = "train", on_error: Literal["raise", "skip"] = "raise") -> TaskSet:
    """The task set that a spec means.

    Args:
        spec: One of

            - a `TaskSet`: of the same split, or of ``all`` (then narrowed);
            - tasks, or their dicts, in a sequence;
            - a registered name, with levels if wanted: ``math``, ``math/arithmetic``, ``math/algebra@2``,
              ``math/algebra@1-3``;
            - a path to a JSONL file of tasks;
            - a file of another form, such as ``gsm8k:PATH``; the forms are `distil_envs.loaders.FORMS`;
            - a Hugging Face data set: ``hf:NAME``, ``hf:NAME?form=gpqa``, see `distil_envs.loaders.hf`;
            - a set of reasoning-gym: ``reasoning-gym:NAME?size=500``, see `distil_envs.loaders.reasoning_gym`;
            - several of these with commas between them: one is picked uniformly for each draw, unless all are files,
              which are joined.
        split: ``train``, ``test`` or ``all``, by the hash of each task's content.
        on_error: For files: ``raise`` one error with every bad line, or ``skip`` them with a warning.

    Raises:
        NotFoundError: no such name or file.
        TaskError: bad lines, no tasks in the split, levels that do not exist.
        ConfigError: a spec that means nothing.
    """
    from distil_envs.loaders import specs

    check_split(split)
    return specs.load(spec, split, on_error)


def check_split(split: str) -> None:
    """Raises ConfigError for anything but a split."""
    if split not in get_args(SplitName):
        raise ConfigError(f"unknown split {split!r}; expected 'train', 'test' or 'all'")


def _leaves(node: Node) -> Iterator[Source]:
    if isinstance(node, Source):
        yield node
        return
    for child in node:
        yield from _leaves(child)


def _pick(node: Node, rng: np.random.Generator) -> Source:
    while not isinstance(node, Source):
        node = node[rng.integers(len(node))]
    return node


def _unless(gone: Source, source: Source) -> Source | None:
    return None if source is gone else source


def _kept(node: Node, keep: Callable[[Source], Source | None]) -> Node | None:
    """The tree with every source replaced by what ``keep`` makes of it; None, and what is left without sources, go."""
    if isinstance(node, Source):
        return keep(node)
    return tuple(kept for child in node if (kept := _kept(child, keep)) is not None) or None


def _counts(source: Source) -> Iterator[Count]:
    if isinstance(source, FamilySource):
        train = list(source.splits().values()).count("train") if source.enumerable else None
        test = None if train is None else source.size - train
        yield Count(source.family.name, source.level, source.size, train, test)
        return
    groups: dict[tuple[str, int | None], set[Task]] = {}
    for task in source.tasks("all"):
        key = (str(task.metadata.get("family") or source.name), level_of(task))
        groups.setdefault(key, set()).add(task)
    for (family, level), tasks in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        train = sum(task.split == "train" for task in tasks)
        yield Count(family, level, len(tasks), train, len(tasks) - train)
