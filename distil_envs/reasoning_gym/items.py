"""Items and scores of reasoning-gym: the only module that imports it, in this process to make tasks, in a worker to
score.
"""

from __future__ import annotations

import copy
import io
import json
import math
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import fields
from functools import lru_cache
from numbers import Real
from typing import Any

from distil_envs.errors import ConfigError
from distil_envs.reasoning_gym.faults import BUILT_ANEW

SEEDS = 2**32
"""Item seeds lie below: numpy's global generator, which one set uses, takes no larger ones."""


def names() -> list[str]:
    """Every set of the library."""
    from reasoning_gym.factory import DATASETS

    return sorted(DATASETS)


def dataset(name: str, config: str, seed: int) -> Any:
    """A set of one item; ``config`` is a JSON object. Raises ConfigError for options that the set does not take."""
    from reasoning_gym.factory import DATASETS, create_dataset

    given = json.loads(config)
    known = {item.name for item in fields(DATASETS[name][1])} - {"seed", "size"}
    if odd := set(given) - known:
        raise ConfigError(f"{name} has no option {min(odd)!r}; expected any of {', '.join(sorted(known))}")
    try:
        return create_dataset(name, seed=seed, size=1, **given)
    except (AssertionError, TypeError, ValueError) as error:
        raise ConfigError(f"{name} does not take {config}: {error or type(error).__name__}") from error


def item(name: str, config: str, seed: int) -> dict[str, Any]:
    """``question``, ``answer`` and ``metadata``: a pure function of the arguments. Raises as `dataset` does."""
    with redirect_stdout(io.StringIO()):  # some print
        made: dict[str, Any] = _seeded(name, config, seed)[0]
    return made


def score(name: str, config: str, seed: int, question: str, texts: Sequence[str]) -> float | None:
    """The best score of these readings of one answer; None where the scorer cannot read it.

    Raises RuntimeError when the item is not what it was when the task was made, and ValueError for a score that is no
    number from 0 to 1. An exception of the scorer counts as the answer's fault only if the right answer raises none.
    """
    found = _cached(name, config, seed)
    if found["question"] != question:
        raise RuntimeError(f"{name} makes another question of seed {seed}: make the tasks anew with this version of it")
    scorer = _seeded(name, config, seed)
    with redirect_stdout(io.StringIO()):
        try:
            scores = [scorer.score_answer(text, copy.deepcopy(found)) for text in texts]
        except Exception:
            if scorer.score_answer(found["answer"], copy.deepcopy(found)) == 1.0:
                return None
            raise
    return max(map(_checked, scores))


def _checked(value: Any) -> float:
    score = float(value) if isinstance(value, Real) else math.nan
    if not 0 <= score <= 1:
        raise ValueError(f"the scorer returned {value!r}; expected a number from 0 to 1")
    return score


_cached = lru_cache(maxsize=256)(item)


@lru_cache(maxsize=16)
def _built(name: str, config: str) -> Any:
    return dataset(name, config, 0)


def _seeded(name: str, config: str, seed: int) -> Any:
    """The set with this seed. Building one can take a second, for its word lists, so it is built once where it may."""
    if name in BUILT_ANEW:
        return dataset(name, config, seed)
    found = copy.copy(_built(name, config))
    found.config = copy.copy(found.config)
    found.seed = found.config.seed = seed
    return found
