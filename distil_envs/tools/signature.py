"""From a function's annotations and docstring to a description for a model."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union

from distil_envs.errors import ConfigError

_SIMPLE: Mapping[Any, dict[str, Any]] = {
    Any: {},
    inspect.Parameter.empty: {},
    type(None): {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    list: {"type": "array"},
    dict: {"type": "object"},
}
_ENTRY = re.compile(r"(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


def description_of(function: Callable[..., Any]) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def parameters_of(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """JSON Schema of an object: the arguments of the function.

    Types come from annotations (str, int, float, bool, None, ``list[…]``, ``dict[str, …]``, Literal, unions, Any; none
    means anything), descriptions from the ``Args:`` of its docstring (Google style). What has a default is optional.

    Raises ConfigError, with the name of the tool, for what cannot be written in JSON.
    """
    try:
        signature, hints = inspect.signature(function), typing.get_type_hints(function)
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(f"the signature of tool {name!r} cannot be read: {error}. Pass parameters=…") from error
    told = _arguments_told(function)
    properties: dict[str, Any] = {}
    for key, parameter in signature.parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(
                f"parameter {key!r} of tool {name!r} cannot be passed by its name; pass parameters=… and a function "
                "whose parameters can"
            )
        schema = dict(_schema(hints.get(key, parameter.annotation), f"parameter {key!r} of tool {name!r}"))
        if key in told:
            schema["description"] = told[key]
        if isinstance(parameter.default, (str, int, float)) or parameter.default is None:
            schema["default"] = parameter.default
        properties[key] = schema
    required = [key for key, parameter in signature.parameters.items() if parameter.default is parameter.empty]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema(annotation: Any, where: str) -> Mapping[str, Any]:
    if isinstance(annotation, type) or annotation is Any:
        simple = _SIMPLE.get(annotation)
        if simple is not None:
            return simple
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each, where) for each in inner]}
    if origin is list:
        return {"type": "array", "items": _schema(inner[0], where)}
    if origin is dict and inner[0] is str:
        return {"type": "object", "additionalProperties": _schema(inner[1], where)}
    raise ConfigError(
        f"{where} is annotated with {annotation!r}; expected str, int, float, bool, None, list, dict, Literal or a "
        "union of these. Change the annotation, or pass parameters=…"
    )


def _arguments_told(function: Callable[..., Any]) -> dict[str, str]:
    """What a docstring says of each argument."""
    _, _, section = (inspect.getdoc(function) or "").partition("\nArgs:\n")
    told: dict[str, str] = {}
    lines = section.split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    key = ""
    for line in lines:
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        entry = _ENTRY.match(line.strip())
        if indent < margin or not margin:
            break
        if indent == margin:
            key = entry[1] if entry else ""
            told |= {key: entry[2]} if entry else {}
        elif key:
            told[key] = f"{told[key]} {line.strip()}".strip()
    return told
