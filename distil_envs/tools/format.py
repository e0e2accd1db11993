"""How a chat template writes tools, calls and results: found out by rendering, not by the model's name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal

from distil_envs.outcome import CallStatus, ToolCalled
from distil_envs.text import fenced
from distil_envs.tokenization import Tokenizer, continue_chat
from distil_envs.tools.calling import ToolCall
from distil_envs.tools.dialects import READERS, Schemas
from distil_envs.tools.tool import Tool

MAX_CALLS = 16
"""Calls that are read of one turn; what comes after is one more call that cannot be read."""

_SYSTEM = """\
You may call tools. Here are their names, what they do, and the JSON Schema of their arguments:
<tools>
{tools}
</tools>
To call one, write its name and arguments as JSON between these tags, and end your turn; the result follows:
<tool_call>
{{"name": <name>, "arguments": <object>}}
</tool_call>"""

_MARK: Final = "qzmark"
_PROBE: Final = "qzprobe"
_PROBE_PARAMETERS: Final = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "count": {"type": "integer"}},
}
_PROBE_ARGUMENTS: Final = {"text": "1 + 1", "count": 3}


@dataclass(frozen=True)
class ToolFormat:
    """How a chat template writes tools, calls and results."""

    options: Mapping[str, Any]
    """Variables of the template: ``tools``, where it shows them itself in a form that we can read calls of."""
    system: str | None
    """What the system message must say, where the template does not."""
    dialect: str = "hermes"
    """The form of calls: a name of `distil_envs.tools.dialects.READERS`."""
    role: Literal["tool", "user"] = "user"
    """Of the messages that hold results."""
    schemas: Schemas = field(default_factory=dict)
    """Of the arguments, by the tool's name."""

    def calls(self, text: str) -> list[ToolCall]:
        """The calls in a turn of the policy, those that cannot be read too (`ToolCall.error`). Never raises.

        ``text`` holds the strings of control tokens, which may be part of a call. Thoughts hold no calls: what counts
        is what stands after the last ``</think>``.
        """
        found = list(islice(READERS[self.dialect](_said(text), self.schemas), MAX_CALLS + 1))
        if len(found) > MAX_CALLS:
            found[-1] = ToolCall("", None, "", f"a turn may hold {MAX_CALLS} calls; the rest of them was left out")
        return found

    def results(self, called: Sequence[ToolCalled]) -> list[dict[str, str]]:
        """The messages that follow the policy's turn: one of role ``tool`` for each call, or one of the user's."""
        if self.role == "tool":
            return [{"role": "tool", "content": call.text} for call in called]
        texts = [f"{_heading(at, call)}:\n{fenced(call.text)}" for at, call in enumerate(called, 1)]
        return [{"role": "user", "content": "\n\n".join(texts)}] if texts else []


def tool_format(tokenizer: Tokenizer, tools: Sequence[Tool], chat_template: str | None = None) -> ToolFormat:
    """How the template writes these tools.

    Where it shows the variable ``tools`` and writes calls in a form of `READERS`, that is used. Otherwise the tools are
    told in the system message, and calls have the form of Hermes. Results have the role ``tool`` where the template
    takes such messages, with role and content alone, after a turn of the assistant.

    Args:
        tokenizer: see `distil_envs.tokenization.Tokenizer`.
        tools: at least one.
        chat_template: a Jinja template instead of the tokenizer's own.
    """
    described = [_described(tool.name, tool.description, tool.parameters) for tool in tools]
    dialect = _own_dialect(tokenizer, chat_template)
    options = {} if dialect is None else {"tools": described}
    return ToolFormat(
        options,
        _SYSTEM.format(tools="\n".join(map(_json, described))) if dialect is None else None,
        dialect or "hermes",
        "tool" if _takes_results(tokenizer, chat_template, options) else "user",
        {tool.name: tool.parameters for tool in tools},
    )


def _described(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": dict(parameters)}
    return {"type": "function", "function": function}


def _own_dialect(tokenizer: Tokenizer, chat_template: str | None) -> str | None:
    """The form in which the template writes calls; None where it shows no tools, or writes calls as no reader does."""
    question = {"role": "user", "content": "hello"}
    function = {"name": _PROBE, "arguments": _PROBE_ARGUMENTS}
    call = {"type": "function", "id": "qzprobe01", "function": function}  # Mistral wants nine characters
    shown = _rendered(tokenizer, chat_template, [question])
    if _PROBE not in shown:
        return None
    plain = _rendered(tokenizer, chat_template, [question, {"role": "assistant", "content": _MARK}])
    calling = _rendered(
        tokenizer, chat_template, [question, {"role": "assistant", "content": "", "tool_calls": [call]}]
    )
    opening, _, closing = plain.partition(_MARK)
    pairs = enumerate(zip(opening, calling, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), min(len(opening), len(calling)))
    turn = calling[start:].removesuffix(closing)
    for name, reader in READERS.items():
        found = [(call.tool, call.arguments) for call in reader(_said(turn), {_PROBE: _PROBE_PARAMETERS})]
        if found == [(_PROBE, _PROBE_ARGUMENTS)]:
            return name
    # Some templates tell the model how to call, but are never given calls to write.
    return "hermes" if "<tool_call>" in shown else None


def _rendered(tokenizer: Tokenizer, chat_template: str | None, messages: Sequence[Mapping[str, Any]]) -> str:
    """The chat with the probe among the tools; empty where the template fails, in whatever way."""
    tools = [_described(_PROBE, "Probes.", _PROBE_PARAMETERS)]
    try:
        text: str = tokenizer.apply_chat_template(
            messages, tools=tools, chat_template=chat_template, add_generation_prompt=False, tokenize=False
        )
    except Exception:
        return ""
    return text


def _takes_results(tokenizer: Tokenizer, chat_template: str | None, options: Mapping[str, Any]) -> bool:
    result = {"role": "tool", "content": "result"}
    question = {"role": "user", "content": "hello"}
    try:
        continue_chat(tokenizer, [question], [result, result], chat_template=chat_template, template_options=options)
    except Exception:  # a ConfigError, or what a template does that reckons with more than role and content
        return False
    return True


def _said(text: str) -> str:
    """The turn without its thoughts; nothing of one that ends in the middle of them."""
    said = text.rpartition("</think>")[2]
    return "" if said.lstrip().startswith("<think>") else said


def _heading(number: int, called: ToolCalled) -> str:
    """Names no tool that is none: that name is the policy's words, and this is not its turn."""
    unknown = called.status in (CallStatus.UNKNOWN_TOOL, CallStatus.MALFORMED, CallStatus.NOT_RUN)
    return f"Result of call {number}" if unknown else f"Result of call {number} ({called.tool})"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
