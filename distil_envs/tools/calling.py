"""Running the calls of a policy's turn: whatever it asked for, the answer is an observation and never an exception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from distil_envs.errors import told
from distil_envs.inert import clean
from distil_envs.outcome import CallStatus, ToolCalled
from distil_envs.text import shorten
from distil_envs.tools.tool import Tool, ToolError, ToolTimeout

MAX_OUTPUT_CHARS = 8000
"""Characters of one call's output that are shown; of a longer one its beginning and end."""
MAX_NAME_CHARS = 100
"""Characters of the name of a tool, of which the policy may write any, that a result keeps."""
_MAX_QUOTE = 500
"""Characters of a message that quotes what the policy wrote."""


@dataclass(frozen=True)
class ToolCall:
    """A call as the policy wrote it."""

    tool: str
    """The name that it gave; empty where it gave none."""
    arguments: Mapping[str, Any] | None
    """JSON values; None where they could not be read."""
    text: str
    """The arguments as JSON; of a call that could not be read, what was written."""
    error: str = ""
    """Why the call could not be read."""


def run_calls(tools: Sequence[Tool], calls: Sequence[ToolCall], budget: int) -> list[ToolCalled]:
    """What came of the calls, one result each, in order. The first ``budget`` of them count, readable or not; the
    others are not run. They run one after the other, so this takes the sum of their times.

    Never raises: what goes wrong is told in the result's status and text. Whatever a tool raises that is neither
    ToolError nor ToolTimeout (SystemExit and KeyboardInterrupt too: call this in a background thread), and a result
    that is no text, is ``infra_error``. Arguments that do not fit, or that cannot be checked, are an ``error``.
    """
    by_name = {tool.name: tool for tool in tools}
    return [_run(by_name, call, within=at < budget) for at, call in enumerate(calls)]


def _run(tools: Mapping[str, Tool], call: ToolCall, within: bool) -> ToolCalled:
    call = replace(call, tool=shorten(clean(call.tool), MAX_NAME_CHARS))
    status, text = _result(tools, call) if within else (CallStatus.NOT_RUN, "Not run: no more calls of tools are left.")
    text = clean(text) if text.strip() else "(no output)"
    shown = shorten(text, MAX_OUTPUT_CHARS)
    return ToolCalled(call.tool, call.text, shown, status, truncated=shown != text)


def _result(tools: Mapping[str, Tool], call: ToolCall) -> tuple[CallStatus, str]:
    if call.arguments is None or call.error:
        return CallStatus.MALFORMED, f"Error: the call could not be read: {shorten(call.error, _MAX_QUOTE)}"
    tool = tools.get(call.tool)
    if tool is None:
        known = ", ".join(tools) or "none"
        return CallStatus.UNKNOWN_TOOL, f"Error: there is no tool {call.tool!r}. Tools: {known}"
    try:
        problem = _misfit(tool.parameters, call.arguments)
    except Exception as error:  # of reckoning with what the policy wrote, such as too large a number
        problem = f"could not be checked: {type(error).__name__}: {shorten(told(error), _MAX_QUOTE)}"
    if problem:
        return CallStatus.ERROR, f"Error: the arguments of {call.tool} {problem}"
    try:
        output = tool(call.arguments)
        if not isinstance(output, str):
            raise TypeError(f"a tool must return text, got {type(output).__name__}")
    except ToolTimeout as error:
        return CallStatus.TIMEOUT, told(error)
    except ToolError as error:
        return CallStatus.ERROR, told(error)
    except BaseException as error:
        return CallStatus.INFRA_ERROR, f"Tool {call.tool} failed on our side: {type(error).__name__}: {told(error)}"
    return CallStatus.OK, output


def _misfit(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """What a sentence goes on to say of arguments that do not fit: where, and why; empty for those that do."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    validator = validator_for(schema, default=Draft202012Validator)(schema)
    error = best_match(validator.iter_errors(dict(arguments)))
    if error is None:
        return ""
    where = f"at {error.json_path.removeprefix('$.')}: " if error.absolute_path else ""
    return f"are wrong: {where}{shorten(error.message, _MAX_QUOTE)}"
