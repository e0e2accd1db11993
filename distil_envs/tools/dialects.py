"""The forms in which models write calls of tools, and readers of them.

A reader takes the text of a turn and the schemas of the tools' arguments by name, and gives the calls one by one, those
that cannot be read too. It never raises: the text is the policy's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from distil_envs.tools.calling import ToolCall

Schemas = Mapping[str, Mapping[str, Any]]
Reader = Callable[[str, Schemas], Iterator[ToolCall]]

MAX_DEPTH = 32
"""Levels of nesting of arguments."""

_BLANK = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s;,]*")
_BEGINS_CALL = re.compile(r'\{\s*"name"\s*:')
_PYTHON_TAG = "<|python_tag|>"
_ENDS_OF_TURN = ("<|eom_id|>", "<|eot_id|>")
_XML_CALL = re.compile(
    r"<tool_call>\s*(?:<function=([^>\n]+)>(.*?)</function>\s*(?:</tool_call>|\Z)|(.*?)(?:</tool_call>|\Z))", re.DOTALL
)
_PYTHON_CONSTANTS = {"True": True, "False": False, "None": None}


def hermes(text: str, schemas: Schemas) -> Iterator[ToolCall]:
    """``<tool_call>{"name": …, "arguments": {…}}</tool_call>``, as Hermes 2 Pro and Qwen 2.5 and 3 write it."""
    return _tagged(text, "<tool_call>", "</tool_call>")


def mistral(text: str, schemas: Schemas) -> Iterator[ToolCall]:
    """``[TOOL_CALLS] [{"name": …, "arguments": {…}}, …]``, as the v3 tokenizer of Mistral writes it."""
    return _tagged(text, "[TOOL_CALLS]", "</s>")


def llama(text: str, schemas: Schemas) -> Iterator[ToolCall]:
    """``{"name": …, "parameters": {…}}`` as the whole turn, as Llama 3.1 writes it; ``<|python_tag|>`` may precede it.

    Other JSON is an answer, not a call.
    """
    body = text.strip()
    for mark in _ENDS_OF_TURN:
        body = body.removesuffix(mark).rstrip()
    tagged = body.startswith(_PYTHON_TAG)
    body = body.removeprefix(_PYTHON_TAG).lstrip()
    at = 0
    while at < len(body) and (tagged or at or body.startswith("{")):
        try:
            found, at_end = _decoded(body, at)
        except ValueError as error:
            if tagged or at or _BEGINS_CALL.match(body):
                yield _unread(body[at:], str(error))
            return
        is_call = isinstance(found, dict) and "name" in found and ("parameters" in found or "arguments" in found)
        if not (is_call or tagged or at):
            return
        yield _call(found, body[at:at_end])
        at = _end(_BETWEEN, body, at_end)


def qwen_xml(text: str, schemas: Schemas) -> Iterator[ToolCall]:
    """``<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>``, as Qwen3-Coder writes it.

    A value is text where the schema says so, else JSON if it can be read as such.
    """
    for match in _XML_CALL.finditer(text):
        name, body, other = match.groups()
        if name is None:
            yield _unread(other, "expected <function=NAME> and </function> between the tags")
            continue
        # Split, not searched for: a search for what never closes would begin anew at every opening tag.
        *parts, rest = body.split("</parameter>")
        if rest.strip():
            yield _unread(body, "expected </parameter> after every value", name)
            continue
        properties = schemas.get(name, {}).get("properties", {})
        pairs = (part.partition("<parameter=")[2].partition(">")[::2] for part in parts)
        values = {
            key: _typed(value.removeprefix("\n").removesuffix("\n"), properties.get(key, {})) for key, value in pairs
        }
        yield _call({"name": name, "arguments": values}, body)


READERS: Mapping[str, Reader] = {"hermes": hermes, "qwen-xml": qwen_xml, "mistral": mistral, "llama": llama}
"""By name, in the order in which they are tried on a template."""


def _tagged(text: str, opening: str, closing: str) -> Iterator[ToolCall]:
    """Calls in JSON, one object or a list of them, between tags; the last closing tag may be missing."""
    tag = text.find(opening)
    while tag >= 0:
        at = _end(_BLANK, text, tag + len(opening))
        try:
            found, end = _decoded(text, at)
            after = _end(_BLANK, text, end)
            if after < len(text) and not text.startswith((closing, opening), after):
                raise ValueError(f"expected {closing} after the JSON")
        except ValueError as error:
            cuts = [cut for cut in (text.find(closing, at), text.find(opening, at)) if cut >= 0]
            end = min(cuts, default=len(text))
            yield _unread(text[at:end], str(error))
        else:
            for one in found if isinstance(found, list) else [found]:
                yield _call(one, text[at:end])
        tag = text.find(opening, end)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins here, and where it ends. Line breaks inside texts are taken as they are.

    Raises ValueError, with words for the policy.
    """
    decoder = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_no_constant)
    try:
        return decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos - at}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits:.40} is too large")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _call(found: Any, written: str) -> ToolCall:
    """The call that a JSON value describes."""
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not found["name"]:
        return _unread(written, 'expected a JSON object with "name" and "arguments"')
    name = found["name"]
    arguments: Any = next((found[key] for key in ("arguments", "parameters") if key in found), {})
    try:
        if isinstance(arguments, str):  # some write the object as text once more
            arguments, _ = _decoded(arguments, _end(_BLANK, arguments, 0))
        if not isinstance(arguments, dict):
            raise ValueError("the arguments must be a JSON object")
        if _is_deeper(arguments, MAX_DEPTH):
            raise ValueError("nested too deeply")
        text = json.dumps(arguments, ensure_ascii=False)
        (name + text).encode()
    except UnicodeEncodeError:
        return _unread(written, "an escape stands for half a character")
    except ValueError as error:
        return _unread(written, str(error), name)
    return ToolCall(name, arguments, text)


def _unread(written: str, error: str, name: str = "") -> ToolCall:
    return ToolCall(name, None, written.strip(), error)


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists are nested more often than so."""
    if not isinstance(value, (dict, list)):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _typed(value: str, schema: Any) -> Any:
    declared = schema.get("type") if isinstance(schema, Mapping) else None
    if declared == "string":
        return value
    if value in _PYTHON_CONSTANTS:
        return _PYTHON_CONSTANTS[value]
    try:
        found, end = _decoded(value, _end(_BLANK, value, 0))
    except ValueError:
        return value
    return found if not value[end:].strip() else value


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a match from here ends, of a pattern that matches nothing too."""
    match = pattern.match(text, at)
    return match.end() if match else at
