"""Task sets of reasoning-gym: ``reasoning-gym:NAME?size=500&seed=0&option=value``.

Item i of a set is made from a seed of its own, the hash of (seed, name, options, i): the library counts up from one
seed, so that its sets of seeds 42 and 43 share all items but one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from distil_envs.answers import find_answer
from distil_envs.counted import derive
from distil_envs.errors import ConfigError, TaskError
from distil_envs.jsonl import OnError, Rows, collect
from distil_envs.reasoning_gym.faults import REFUSED
from distil_envs.task import Task

REQUEST = "Put the final answer between <answer> and </answer>."
SIZE = 500


def load_reasoning_gym(spec: str, on_error: OnError = "raise") -> Rows:
    """The tasks of ``NAME?size=500&seed=0&option=value``; graded by the verifier ``reasoning-gym``.

    Args:
        spec: a set of the library; ``size``, how many items are made (those that ask the same again are dropped);
            ``seed``; and the set's own options, as JSON or plain words. Most sets make an item in milliseconds.
        on_error: as in `distil_envs.jsonl.read_jsonl`, for items that cannot be made.

    Raises ConfigError when the library is missing, for an unknown set or option, and for a set that is known to be
    faulty (`distil_envs.reasoning_gym.faults.REFUSED`); TaskError for items that cannot be made.
    """
    name, _, query = spec.partition("?")
    if name in REFUSED:
        raise ConfigError(f"reasoning-gym:{name} cannot be used: {REFUSED[name]}. Take another set")
    try:
        from distil_envs.reasoning_gym import items
    except ImportError as error:
        raise ConfigError(
            f"reasoning-gym:{name} needs the 'reasoning-gym' library, which could not be imported ({error}): "
            "pip install 'distil-envs[reasoning-gym]'"
        ) from error
    if name not in items.names():
        usable = ", ".join(each for each in items.names() if each not in REFUSED)
        raise ConfigError(f"reasoning-gym:{name}: there is no such set; expected one of {usable}")
    options = {key: _value(value) for key, value in parse_qsl(query, keep_blank_values=True)}
    size, seed = options.pop("size", SIZE), options.pop("seed", 0)
    if not isinstance(size, int) or not isinstance(seed, int) or size < 1:
        raise ConfigError(f"reasoning-gym:{spec}: expected whole numbers, size from 1; got {size!r} and seed {seed!r}")
    config = json.dumps(options, sort_keys=True)
    items.dataset(name, config, 0)  # refuses wrong options before the first item

    def convert(row: dict[str, Any], number: int) -> Task:
        return _task(name, options, row, number)

    rows = collect(f"reasoning-gym:{spec}", _rows(name, config, seed, size), convert, on_error)
    first = {task.content: task for task in reversed(rows)}
    return Rows((task for task in rows if first[task.content] is task), rows.skipped)


def item_seed(seed: int, name: str, config: str, index: int) -> int:
    """The seed that item ``index`` is made from; ``config`` is the JSON of the options, keys sorted."""
    from distil_envs.reasoning_gym.items import SEEDS

    return derive(seed, "reasoning-gym", name, config, index) % SEEDS


def _rows(name: str, config: str, seed: int, size: int) -> Iterator[tuple[int, dict[str, Any] | TaskError]]:
    from distil_envs.reasoning_gym.items import item

    for index in range(size):
        own = item_seed(seed, name, config, index)
        try:
            yield index + 1, {**item(name, config, own), "seed": own}
        except Exception as error:  # the generators raise anything
            yield index + 1, TaskError(f"the item of seed {own} cannot be made: {type(error).__name__}: {error}")


def _task(name: str, options: dict[str, Any], row: dict[str, Any], number: int) -> Task:
    about = {"dataset": name, "config": options, "seed": row["seed"], "question": row["question"]}
    return Task(
        id=f"reasoning-gym/{name}/{row['seed']:08x}/{number}",
        domain="reasoning-gym",
        prompt=f"{row['question'].rstrip()}\n\n{REQUEST}",
        reference={"answer": _response(row["answer"]), **about},
        metadata={"family": name, "topic": "reasoning"},
    )


def _response(answer: str) -> str:
    """The answer as a response that is read as this answer: a grid or a sentence needs its tags."""
    read = find_answer(answer)
    return answer if read is not None and read.text == answer else f"<answer>\n{answer}\n</answer>"


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written
