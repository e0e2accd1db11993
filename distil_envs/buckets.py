"""Buckets: tasks of one kind, one level of one family. Curricula weigh them, and success is counted by them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distil_envs.sources import FamilySource, ListSource, SplitName, level_of
from distil_envs.task import Task
from distil_envs.task_set import Node, TaskSet

PRIOR = 2.0
"""Episodes that a prior success rate counts as."""


class Bucket(NamedTuple):
    """Tasks of one kind: those of one level of one family."""

    domain: str
    family: str | None
    level: int | None

    def __str__(self) -> str:
        family = "" if self.family is None else f"/{self.family}"
        return f"{self.domain}{family}{'' if self.level is None else f'@{self.level}'}"

    @property
    def names(self) -> set[str]:
        """What weights may call it: ``math``, ``algebra``, ``math/algebra``, each with ``@2`` or without, ``@2``."""
        stems = {self.domain} | (set() if self.family is None else {self.family, f"{self.domain}/{self.family}"})
        return stems if self.level is None else stems | {f"{stem}@{self.level}" for stem in {*stems, ""}}


def bucket_of(task: Task) -> Bucket:
    """Where a task belongs, by its domain and what its metadata tell of family and level."""
    family = task.metadata.get("family")
    return Bucket(task.domain, str(family) if family else None, level_of(task))


@dataclass(frozen=True)
class Arm:
    """What a curriculum picks: one given task, or one level of a family, which then generates a task."""

    bucket: Bucket
    share: float
    """Its probability in a uniform draw (`TaskSet.draw`)."""
    source: Task | FamilySource

    def draw(self, rng: np.random.Generator, split: SplitName) -> Task:
        """Its task, or one that it generates."""
        return self.source if isinstance(self.source, Task) else self.source.draw(rng, split)


def arms(tasks: TaskSet) -> list[Arm]:
    """Everything that a task set draws from; the shares add up to 1."""
    return list(_arms(tasks.root, 1.0, tasks.split))


def _arms(node: Node, share: float, split: SplitName) -> Iterator[Arm]:
    if isinstance(node, tuple):
        for child in node:
            yield from _arms(child, share / len(node), split)
    elif isinstance(node, FamilySource):
        yield Arm(Bucket(node.family.domain, node.family.name, node.level), share, node)
    else:
        assert isinstance(node, ListSource)
        given = node.in_split[split]
        for task in given:
            yield Arm(bucket_of(task), share / len(given), task)


class Running:
    """Success rates by name, of counts that fade: a result counts half after ``half_life`` steps."""

    def __init__(self, half_life: float) -> None:
        self.half_life = half_life
        self.counts: dict[str, tuple[float, float, int]] = {}
        """Successes and episodes, as they counted at a step, and that step."""

    def at(self, name: str, step: int) -> tuple[float, float]:
        """Successes and episodes as they count at a step."""
        successes, episodes, then = self.counts.get(name, (0.0, 0.0, step))
        left = 0.5 ** ((step - then) / self.half_life)
        return successes * left, episodes * left

    def add(self, step: int, results: Iterable[tuple[str, float]]) -> None:
        """Results of one step, in any order: names, and successes in [0, 1]."""
        found: dict[str, list[float]] = {}
        for name, success in results:
            found.setdefault(name, []).append(success)
        for name, new in found.items():
            successes, episodes = self.at(name, step)
            self.counts[name] = (successes + math.fsum(new), episodes + len(new), step)  # fsum: any order, same sum

    def rate(self, name: str, step: int, prior: float) -> float:
        """The success rate, with `prior` as `PRIOR` further episodes."""
        successes, episodes = self.at(name, step)
        return (successes + PRIOR * prior) / (episodes + PRIOR)

    def state(self) -> dict[str, list[float]]:
        """The counts as plain JSON."""
        return {name: list(counts) for name, counts in self.counts.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Inverse of `state`."""
        self.counts = {name: (successes, episodes, int(step)) for name, (successes, episodes, step) in state.items()}
