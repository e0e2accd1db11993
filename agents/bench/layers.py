"""Options laid on top of each other, and the parts of a grid that they are for."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from distil_envs.errors import ConfigError

Options = dict[str, Any]


def merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> Options:
    """Options on top of others, by section. A section that has a `name` takes the place of the whole."""
    made = dict(values)
    for name, value in more.items():
        old = made.get(name)
        if isinstance(value, Mapping) and "name" not in value and isinstance(old, Mapping | str):
            made[name] = merged({"name": old} if isinstance(old, str) else old, value)
        else:
            made[name] = value
    return copy.deepcopy(made)


def nested(values: Mapping[str, Any]) -> Options:
    """Options by their dotted names, such as ``learner.clip``, as sections."""
    made: Options = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        each: Options = {last: value}
        for section in reversed(sections):
            each = {section: each}
        made = merged(made, each)
    return made


def named(axis: str, option: str, table: Any) -> Options:
    """Name to options, of an axis of the grid; of a list, or where a name has none, the name is the option.

    Raises ConfigError for what is neither.
    """
    if table is None:
        return {}
    if isinstance(table, Sequence) and not isinstance(table, str):
        table = {str(name): None for name in table}
    if not isinstance(table, Mapping):
        raise ConfigError(f"{axis} must hold `name: options` lines or a list of names, got {table!r}")
    wrong = next((name for name, options in table.items() if not isinstance(options, Mapping | None)), None)
    if wrong is not None:
        raise ConfigError(f"{axis}.{wrong} must hold options as `name: value` lines, got {table[wrong]!r}")
    return {str(name): {option: str(name)} if given is None else dict(given) for name, given in table.items()}


def matches(cell: Any, pattern: Mapping[str, Any]) -> bool:
    """Whether a cell belongs to a part of the grid: names of axes to a value or a list of values."""
    return all(
        getattr(cell, axis) in (values if isinstance(values, list) else [values]) for axis, values in pattern.items()
    )
