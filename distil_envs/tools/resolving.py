"""From an environment's ``tools=[...]`` to tools."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from distil_envs.errors import ConfigError
from distil_envs.registry import resolve
from distil_envs.text import shorten
from distil_envs.tools.function import FunctionTool
from distil_envs.tools.tool import Tool

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def resolve_tools(specs: Sequence[Any]) -> tuple[Tool, ...]:
    """The tools that a list stands for, in its order.

    Each is a name of the registry (``"python"``, ``"calculator"``) or ``"module:name"``; a `Tool`; its class, which is
    called without arguments; a plain function, made a `FunctionTool`; or a mapping with the name under ``tool`` and
    the options of its class, such as ``{"tool": "table", "rows": "prices.csv"}``.

    Raises NotFoundError for an unknown name; ConfigError for what is no tool, options that its class does not have, two
    tools of one name, a name that models cannot write, and a schema that is none of an object.
    """
    if isinstance(specs, (str, Mapping)) or not isinstance(specs, Sequence):
        raise ConfigError(f"tools must be a list such as ['calculator', my_function], got {specs!r:.80}")
    tools = tuple(_tool(spec) for spec in specs)
    names = [tool.name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"two tools are named {twice[0]!r}; give one of them another name=…")
    return tools


def _tool(spec: Any) -> Tool:
    options: dict[str, Any] = {}
    found = spec
    if isinstance(spec, Mapping):
        options = dict(spec)
        found = options.pop("tool", None)
        if not isinstance(found, str):
            raise ConfigError(f"a tool given as a mapping needs its name under 'tool', got {shorten(repr(spec), 200)}")
    if isinstance(found, str):
        found = resolve("tools", found)
    if isinstance(found, type) or options:
        found = _made(found, options)
    if not isinstance(found, Tool):
        if not callable(found):
            raise ConfigError(
                f"a tool must be a name, a Tool, its class, a mapping or a function, got {shorten(repr(spec), 200)}"
            )
        found = FunctionTool(found)
    tool: Tool = found
    _check(tool)
    return tool


def _made(factory: Any, options: Mapping[str, Any]) -> Any:
    name = getattr(factory, "__name__", repr(factory))
    if not isinstance(factory, type):
        raise ConfigError(
            f"only a tool that is a class takes options, and {name} is none; leave out {', '.join(options)}"
        )
    try:
        return factory(**options)
    except TypeError as error:
        given = ", ".join(options) or "no options"
        raise ConfigError(f"the tool {name} cannot be made with {given}: {error}") from error


def _check(tool: Tool) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    name, schema = tool.name, tool.parameters
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"a tool's name must be a letter or '_' and then up to 63 letters, digits, '_' or '-', got {name!r:.80}"
        )
    if not isinstance(tool.description, str):
        raise ConfigError(f"the description of tool {name!r} must be text, got {tool.description!r:.80}")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise ConfigError(
            f"the parameters of tool {name!r} must be the JSON Schema of an object ({{'type': 'object', ...}}), "
            f"got {shorten(repr(schema), 200)}"
        )
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        raise ConfigError(
            f"the parameters of tool {name!r} are no valid JSON Schema: at {error.json_path}: {error.message}"
        ) from error
