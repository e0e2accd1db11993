"""Curricula: which tasks each step of training draws.

A curriculum gives everything that a task set draws from (`arms`: given tasks, and levels of families that generate
them) a probability, which may depend on the step and on the results so far. Draws are counted (law 2): a pure function
of seed, step, count and `state`, so a run that is resumed, or shared by several processes, draws the same.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from distil_envs.buckets import Running, arms, bucket_of
from distil_envs.counted import generator
from distil_envs.env import TokenEnv
from distil_envs.errors import ConfigError
from distil_envs.task import Task
from distil_envs.task_set import Levels, TaskSet

Kind = Literal["uniform", "levels", "weights", "success"]


@dataclass
class CurriculumConfig:
    """Which tasks a step draws."""

    kind: Kind = "uniform"
    """`uniform`: all alike, a pool is gone through in a new random order each time. `levels`: levels open up step by
    step. `weights`: by your weights. `success`: mostly what is solved sometimes but not always."""
    levels: dict[str, Any] = field(default_factory=dict)
    """For `levels`: from which step on which levels are open, such as '{"0": "1", "20": "1-2", "40": "1-3"}'."""
    weights: dict[str, Any] = field(default_factory=dict)
    """For `weights`: how many times as often as in a uniform draw, such as '{"algebra": 2, "algebra@3": 0.5, "@1": 0}'.
    Where several names fit, their weights multiply; where none fits, the weight is 1."""
    half_life: float = 10.0
    """For `success`: steps after which a result counts half."""
    floor: float = 0.1
    """For `success`: share of the draws that stays uniform, so that nothing is forgotten."""

    def validate(self) -> None:
        """Raise ConfigError for values that cannot work, whatever the task set."""
        if self.kind not in get_args(Kind):
            raise ConfigError(f"curriculum.kind must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        for name in ("levels", "weights"):
            if bool(getattr(self, name)) != (self.kind == name):
                told = "needs" if self.kind == name else "takes no"
                raise ConfigError(
                    f"curriculum.kind {self.kind!r} {told} curriculum.{name}; set both, or leave both as they are"
                )
        schedule(self.levels)
        for name, weight in self.weights.items():
            number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
            if not number or not math.isfinite(weight) or weight < 0:
                raise ConfigError(f"curriculum.weights: {name!r} must be a number of at least 0, got {weight!r}")
        if not self.half_life > 0:
            raise ConfigError(f"curriculum.half_life must be positive, got {self.half_life}")
        if not 0 <= self.floor <= 1:
            raise ConfigError(f"curriculum.floor is a share in [0, 1], got {self.floor}")


class Curriculum(ABC):
    """Draws the tasks of a step, and is told what came of them."""

    @abstractmethod
    def draw(self, step: int, count: int) -> list[dict[str, Any]]:
        """Reset options (see `TokenEnv.draw`) for `count` groups. Changes nothing."""

    def update(self, step: int, results: Iterable[tuple[Task, float]]) -> None:  # noqa: B027 (most remember nothing)
        """Take in the usable episodes of a step, in any order: tasks, and successes in [0, 1]."""

    def state(self) -> dict[str, Any]:
        """What `update` was told, as plain JSON."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


class Uniform(Curriculum):
    """All tasks alike. A finite set is gone through in a new random order each time, so that all its tasks are seen
    equally often; from any other the environment draws, by its seed.
    """

    def __init__(self, tasks: TaskSet, seed: int) -> None:
        self.tasks = tasks
        self.seed = seed

    def draw(self, step: int, count: int) -> list[dict[str, Any]]:
        if not isinstance(self.tasks, Sequence):
            return [{} for _ in range(count)]
        size = len(self.tasks)
        visits = range(step * count, (step + 1) * count)
        rounds = {visit // size for visit in visits}
        orders = {each: generator(self.seed, "order", each).permutation(size) for each in rounds}
        return [{"index": int(orders[visit // size][visit % size])} for visit in visits]


class Weighted(Curriculum):
    """Draws arms with unequal probabilities: their share in a uniform draw times their weight."""

    def __init__(self, tasks: TaskSet, seed: int) -> None:
        self.arms = arms(tasks)
        self.split = tasks.split
        self.seed = seed
        self._base = np.array([arm.share for arm in self.arms])

    @abstractmethod
    def weights(self, step: int) -> NDArray[np.float64]:
        """[arms], not negative, not all 0."""

    def shares(self, step: int) -> NDArray[np.float64]:
        """[arms], the probability of each in a draw; they add up to 1."""
        weighted = self._base * self.weights(step)
        shares: NDArray[np.float64] = weighted / weighted.sum()
        return shares

    def draw(self, step: int, count: int) -> list[dict[str, Any]]:
        picked = systematic(self.shares(step), count, generator(self.seed, "curriculum", step))
        rngs = [generator(self.seed, "curriculum", step, group) for group in range(count)]
        return [{"task": self.arms[arm].draw(rng, self.split)} for arm, rng in zip(picked, rngs, strict=True)]


class ByLevel(Weighted):
    """Levels open up by a schedule; what is open is drawn as a uniform draw would. Tasks without a level never are.

    Raises ConfigError for levels of which there is no task.
    """

    def __init__(self, tasks: TaskSet, seed: int, levels: Mapping[Any, Any]) -> None:
        super().__init__(tasks, seed)
        self.schedule = schedule(levels)
        for step, (low, high) in self.schedule.items():
            if not self.weights(step).any():
                shown = "-".join(map(str, dict.fromkeys((low, high))))
                have = sorted({arm.bucket.level for arm in self.arms if arm.bucket.level is not None})
                raise ConfigError(
                    f"curriculum.levels: {tasks.name} has no tasks at level {shown}, open from step {step} on; "
                    f"its levels are {', '.join(map(str, have)) or 'not told'}"
                )

    def weights(self, step: int) -> NDArray[np.float64]:
        low, high = self.schedule[max(start for start in self.schedule if start <= step)]
        levels = [arm.bucket.level for arm in self.arms]
        return np.array([level is not None and low <= level <= high for level in levels], np.float64)


class ByWeight(Weighted):
    """Fixed weights by the names of buckets (`Bucket.names`).

    Raises ConfigError for a name that fits nothing, and where nothing is left to draw.
    """

    def __init__(self, tasks: TaskSet, seed: int, weights: Mapping[str, float]) -> None:
        super().__init__(tasks, seed)
        buckets = sorted({arm.bucket for arm in self.arms}, key=str)
        unknown = sorted(weights.keys() - {name for bucket in buckets for name in bucket.names})
        if unknown:
            raise ConfigError(
                f"curriculum.weights: {tasks.name} has nothing called {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(map(str, buckets))}, which are also called by parts of these names, such as @1"
            )
        ordered = sorted(weights.items())  # so that products are rounded alike everywhere
        of = {bucket: math.prod(weight for name, weight in ordered if name in bucket.names) for bucket in buckets}
        if not any(of.values()):
            raise ConfigError(f"curriculum.weights: every task of {tasks.name} has weight 0; leave some to draw")
        self._weights = np.array([of[arm.bucket] for arm in self.arms], np.float64)

    def weights(self, step: int) -> NDArray[np.float64]:
        return self._weights


class BySuccess(Weighted):
    """Prefers what is solved sometimes: with p the running success rate of arm i and u its share in a uniform draw,

        share_i = floor u_i + (1 - floor) u_i p_i (1 - p_i) / sum_j u_j p_j (1 - p_j)

    The learnability p (1 - p) is the variance of a success: 0 where a group of rollouts tells nothing apart (Tzannetos
    et al. 2023, arXiv 2304.12877; Rutherford et al. 2024, arXiv 2408.15099). With decayed successes s and episodes n,
    p_i = (s_i + k P) / (n_i + k), where k is `distil_envs.buckets.PRIOR` and P the same estimate for the whole bucket,
    with prior 1/2. So a task not tried yet, or long ago, is taken for one like the rest of its bucket, and an unknown
    bucket is tried.
    """

    def __init__(self, tasks: TaskSet, seed: int, half_life: float, floor: float) -> None:
        super().__init__(tasks, seed)
        self.floor = floor
        self._given = {arm.source.id for arm in self.arms if isinstance(arm.source, Task)}
        self._of_bucket, self._of_task = Running(half_life), Running(half_life)

    def rates(self, step: int) -> NDArray[np.float64]:
        """[arms], the estimated success rate of each."""
        buckets = {arm.bucket for arm in self.arms}
        expected = {bucket: self._of_bucket.rate(str(bucket), step, 0.5) for bucket in buckets}
        return np.array([
            self._of_task.rate(arm.source.id, step, expected[arm.bucket])
            if isinstance(arm.source, Task) else expected[arm.bucket]
            for arm in self.arms
        ])  # fmt: skip

    def weights(self, step: int) -> NDArray[np.float64]:
        rates = self.rates(step)
        learnability = rates * (1 - rates)
        weights: NDArray[np.float64] = self.floor + (1 - self.floor) * learnability / (self._base @ learnability)
        return weights

    def update(self, step: int, results: Iterable[tuple[Task, float]]) -> None:
        known = list(results)
        self._of_bucket.add(step, ((str(bucket_of(task)), success) for task, success in known))
        self._of_task.add(step, ((task.id, success) for task, success in known if task.id in self._given))

    def state(self) -> dict[str, Any]:
        return {"buckets": self._of_bucket.state(), "tasks": self._of_task.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._of_bucket.restore(state["buckets"])
        self._of_task.restore(state["tasks"])


def make_curriculum(config: CurriculumConfig, env: TokenEnv, seed: int) -> Curriculum:
    """The curriculum for the task set of an environment.

    Raises ConfigError for names and levels that its tasks do not have, and for anything but ``uniform`` where the
    environment draws its tasks by a method of its own.
    """
    config.validate()
    kinds: Mapping[Kind, Callable[[], Curriculum]] = {
        "uniform": lambda: Uniform(env.tasks, seed),
        "levels": lambda: ByLevel(env.tasks, seed, config.levels),
        "weights": lambda: ByWeight(env.tasks, seed, config.weights),
        "success": lambda: BySuccess(env.tasks, seed, config.half_life, config.floor),
    }
    if config.kind != "uniform" and type(env).draw is not TokenEnv.draw:
        raise ConfigError(
            f"curriculum.kind {config.kind!r} picks from a task set, but {type(env).__name__} draws its tasks itself: "
            "use kind 'uniform', or give the environment tasks=... and leave TokenEnv.draw as it is"
        )
    return kinds[config.kind]()


def schedule(levels: Mapping[Any, Any]) -> dict[int, Levels]:
    """From which step on which levels are open, lowest and highest, of ``{0: 1, "20": "1-2"}``.

    Raises ConfigError for steps that are no whole numbers, levels that are none, and where step 0 is missing.
    """
    found: dict[int, Levels] = {}
    for start, text in levels.items():
        span = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(text))
        if not re.fullmatch(r"\d{1,9}", str(start)) or span is None or int(span[1]) > int(span[2] or span[1]):
            raise ConfigError(
                "curriculum.levels says from which step on which levels are open, as in "
                f'{{"0": "1", "20": "1-2"}}, got {start!r}: {text!r}'
            )
        found[int(start)] = (int(span[1]), int(span[2] or span[1]))
    if found and 0 not in found:
        raise ConfigError(f"curriculum.levels begins at step {min(found)}; say which levels are open from step 0 on")
    return found


def systematic(shares: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` indices, of which each is i with probability ``shares[i]``.

    Systematic sampling (Madow 1949, On the theory of systematic sampling II) in a random order: i comes up ``count *
    shares[i]`` times, rounded down or up. So every step has the mix that was asked for, and no index comes twice that
    need not.
    """
    order = rng.permutation(len(shares))
    ends = np.cumsum(shares[order])
    points = (rng.random() + np.arange(count) / count) % 1.0 * ends[-1]
    picked: NDArray[np.int64] = order[np.searchsorted(ends, points, side="right")]
    return picked
