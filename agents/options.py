"""Options: from plain values, as YAML has them, to dataclasses, and which of them change nothing. Imports no torch."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from distil_envs.errors import ConfigError

T = TypeVar("T")

SURROUNDINGS = frozenset({
    "run_dir", "micro_batch_tokens", "checkpoint_every", "keep_checkpoints", "record_groups", "save_model",
    "trackers", "tracker_project", "policy.device",
})  # fmt: skip
"""Options that change no figure of a run."""


def build(kind: type[T], values: dict[str, Any], prefix: str = "") -> T:
    """An instance of the dataclass `kind`.

    Args:
        values: by field name; those of a nested dataclass likewise.
        prefix: put before the names in messages, such as ``learner.``.

    Raises ConfigError for an unknown option (naming the closest known ones) and for a value of another type.
    """
    known = {item.name for item in fields(kind) if item.init}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    checked = {}
    for name, value in values.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, 3)
            named = ", ".join(prefix + each for each in close or sorted(known))
            raise ConfigError(f"unknown option {prefix}{name}; {'did you mean' if close else 'known:'} {named}")
        if isinstance(hints[name], type) and is_dataclass(hints[name]) and not isinstance(value, hints[name]):
            if not isinstance(value, dict):
                raise ConfigError(f"{prefix}{name} must hold `name: value` lines, got {value!r}")
            value = build(hints[name], value, f"{prefix}{name}.")
        checked[name] = _checked(f"{prefix}{name}", value, hints[name])
    missing = [
        item.name
        for item in fields(kind)  # type: ignore[arg-type]
        if item.init and item.name not in checked and item.default is MISSING and item.default_factory is MISSING
    ]
    if missing:
        raise ConfigError(f"{prefix}{missing[0]} is missing")
    return kind(**checked)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def require_choices(options: Any, prefix: str = "") -> None:
    """Raise ConfigError where a field that is one of several words holds another."""
    for name, hint in get_type_hints(type(options)).items():
        if get_origin(hint) is Literal and getattr(options, name) not in get_args(hint):
            known = ", ".join(map(str, get_args(hint)))
            raise ConfigError(f"{prefix}{name} must be one of {known}, got {getattr(options, name)!r}")


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value, with numbers and tuples as the field has them. Types that YAML cannot write are not looked at."""
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if value is None and type(None) in choices:
        return None
    several = next((choice for choice in choices if choice in _SEVERAL), None)
    if several is not None:
        items = tuple(value) if isinstance(value, list) else value  # YAML has no tuples
        kind = get_args(several)[0]
        if kind is float and isinstance(items, tuple):
            items = tuple(float(item) if type(item) is int else item for item in items)
        if not isinstance(items, tuple) or any(type(item) is not kind for item in items):
            raise ConfigError(f"{name} must be a list of {_SEVERAL[several]}, got {items!r}")
        return items
    if float in choices and isinstance(value, str):
        try:
            return float(value)  # YAML takes 5e-4, without a point, for text
        except ValueError:
            pass
    if float in choices and type(value) is int:
        return float(value)
    if get_origin(hint) is dict and not isinstance(value, dict):
        raise ConfigError(f"{name} must hold `name: value` lines, got {value!r}")
    if all(choice in _PLAIN or get_origin(choice) is Literal for choice in choices) and not any(
        value in get_args(choice) if get_origin(choice) is Literal else type(value) is choice for choice in choices
    ):
        raise ConfigError(f"{name} must be {' or '.join(map(_described, choices))}, got {value!r}")
    return value


_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}
_SEVERAL = {tuple[int, ...]: "whole numbers", tuple[str, ...]: "names", tuple[float, ...]: "numbers"}


def _described(choice: Any) -> str:
    return _PLAIN[choice] if choice in _PLAIN else f"one of {', '.join(map(str, get_args(choice)))}"
