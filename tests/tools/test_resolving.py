"""Tools from names, classes, functions and mappings; and functions described by their signatures."""

from __future__ import annotations

import threading
from typing import Any, Literal, Optional

import pytest

from distil_envs import registry
from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.tools import CalculatorTool, FunctionTool, PythonTool, TableTool, resolve_tools


def lend(
    title: str,
    days: int = 14,
    *,
    price: float | None = None,
    kind: Literal["book", "film"] = "book",
    tags: list[str] = [],  # noqa: B006
    more: dict[str, int] = {},  # noqa: B006
    old: Optional[bool] = None,  # noqa: UP045
    anything=0,
) -> str:
    """Lends something
    to somebody.

    Not told.

    Args:
        title: What to lend,
            in full.
        days (int, optional): For how long: at most 30.

    Returns:
        price: not an argument.
    """
    return title


def with_stars(*parts: str) -> str:
    return "".join(parts)


def with_object(x: threading.Lock) -> str:  # type: ignore[valid-type]
    return str(x)


async def later() -> None: ...


def test_what_a_list_of_tools_may_hold() -> None:
    tools = resolve_tools(
        ["calculator", PythonTool, lend, FunctionTool(lend, name="lend-2"), {"tool": "table", "rows": [{"a": 1}]}]
    )
    assert [tool.name for tool in tools] == ["calculator", "python", "lend", "lend-2", "table"]
    assert isinstance(tools[0], CalculatorTool)
    assert isinstance(resolve_tools(["distil_envs.tools:PythonTool"])[0], PythonTool)
    assert isinstance(resolve_tools([{"tool": "distil_envs.tools:CalculatorTool", "timeout_s": 3}])[0], CalculatorTool)
    assert resolve_tools(["os.path:basename"])[0].name == "basename"
    assert resolve_tools([]) == ()
    assert {"python", "calculator", "table"} <= set(registry.names("tools"))
    tool = TableTool([{"a": 1}])
    assert resolve_tools([tool])[0] is tool


@pytest.mark.parametrize(
    ("specs", "error", "words"),
    [
        ("python", ConfigError, "must be a list"),
        (["pyton"], NotFoundError, "Did you mean 'python'"),
        (["nowhere:f"], NotFoundError, "could not be imported"),
        ([42], ConfigError, "must be a name, a Tool"),
        ([{"rows": []}], ConfigError, "under 'tool'"),
        ([{"tool": "python", "colour": "red"}], ConfigError, "colour"),
        ([{"tool": "table"}], ConfigError, "rows"),
        ([{"tool": "os.path:basename", "x": 1}], ConfigError, "only a tool that is a class takes options"),
        (["python", "python"], ConfigError, "two tools are named 'python'"),
        ([FunctionTool(lend, name="a b")], ConfigError, "letter or '_'"),
        ([FunctionTool(lend, name="x" * 65)], ConfigError, "up to 63"),
        ([FunctionTool(lend, parameters={"type": "string"})], ConfigError, "of an object"),
        ([FunctionTool(lend, parameters={"type": "object", "properties": 3})], ConfigError, "no valid JSON Schema"),
        ([lambda x: x], ConfigError, "pass name"),
        ([with_stars], ConfigError, "'parts' of tool 'with_stars' cannot be passed by its name"),
        ([with_object], ConfigError, "parameter 'x' of tool 'with_object' is annotated"),
        ([later], ConfigError, "not async"),
    ],
)
def test_what_it_may_not_hold_says_what_is_wrong(specs: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        resolve_tools(specs)


def test_functions_that_cannot_travel_or_wait_for_ever_are_refused() -> None:
    lock = threading.Lock()

    def held() -> str:
        return str(lock)

    with pytest.raises(ConfigError, match="cannot be sent to a worker"):
        FunctionTool(held)
    for seconds in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="timeout_s"):
            FunctionTool(lend, timeout_s=seconds)


def test_a_signature_and_a_docstring_become_a_schema() -> None:
    tool = FunctionTool(lend)
    assert tool.description == "Lends something to somebody."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "What to lend, in full."},
            "days": {"type": "integer", "description": "For how long: at most 30.", "default": 14},
            "price": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
            "kind": {"enum": ["book", "film"], "default": "book"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object", "additionalProperties": {"type": "integer"}},
            "old": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
            "anything": {"default": 0},
        },
        "required": ["title"],
        "additionalProperties": False,
    }
    given = FunctionTool(with_stars, "n", "words", {"type": "object"})
    assert (given.name, given.description, given.parameters) == ("n", "words", {"type": "object"})


def test_a_closure_is_called_by_name_in_another_process() -> None:
    import os

    unit = "km"
    tool = FunctionTool(lambda n, per="h": f"{n} {unit}/{per} {os.getpid()}", name="speed")
    words = tool({"per": "s", "n": 3}).split()
    assert words[:2] == ["3", "km/s"]
    assert int(words[2]) != os.getpid()
