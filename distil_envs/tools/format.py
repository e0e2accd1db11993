"""How a chat template writes tools, calls and results: found out by rendering, not by the model's name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Final, Literal

from distil_envs.outcome import CallStatus, ToolCalled
from distil_envs.text import fenced
from distil_envs.tokenization import Tokenizer, continue_chat
from distil_envs.tools.calling import ToolCall
from distil_envs.tools.dialects import READERS, Schemas
from distil_envs.tools.tool import Tool

MAX_CALLS = 16
"""Calls that are read of one turn; what comes after is one more call that cannot be read, so that there are at most
``MAX_CALLS + 1``."""

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
_QUESTION: Final = {"role": "user", "content": "hello"}


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
    opens_thought: bool = False
    """Whether what opens the policy's turn after one of the user opens a thought too."""
    opens_thought_after_results: bool = False
    """The same of its turn after results of tools; some templates open none there."""

    def calls(self, text: str, after_results: bool = False) -> list[ToolCall]:
        """The calls in a turn of the policy, those that cannot be read too (`ToolCall.error`). Never raises.

        Thoughts hold no calls: what counts is what stands after the last ``</think>``, wherever that stands. A turn
        that begins inside a thought, its own or one that the template opened, and never ends it holds none.

        Args:
            text: the turn, with the strings of control tokens, which may be part of a call.
            after_results: whether the turn follows results of tools, not a turn of the user.
        """
        opened = self.opens_thought_after_results if after_results else self.opens_thought
        found = list(islice(READERS[self.dialect](_said(text, opened), self.schemas), MAX_CALLS + 1))
        if len(found) > MAX_CALLS:
            found[-1] = ToolCall("", None, "", f"a turn may hold {MAX_CALLS} calls; the rest of them was left out")
        return found

    def results(self, called: Sequence[ToolCalled]) -> list[dict[str, str]]:
        """The messages that follow the policy's turn: one of role ``tool`` for each call, or one of the user's."""
        if self.role == "tool":
            return [{"role": "tool", "content": call.text} for call in called]
        texts = [f"{_heading(at, call)}:\n{fenced(call.text)}" for at, call in enumerate(called, 1)]
        return [{"role": "user", "content": "\n\n".join(texts)}] if texts else []


def tool_format(
    tokenizer: Tokenizer,
    tools: Sequence[Tool],
    chat_template: str | None = None,
    template_options: Mapping[str, Any] | None = None,
) -> ToolFormat:
    """How the template writes these tools.

    Where it shows the variable ``tools`` and writes calls in a form of `READERS`, that is used. Otherwise the tools are
    told in the system message, and calls have the form of Hermes. Results have the role ``tool`` where the template
    takes such messages, with role and content alone, after a turn of the assistant.

    Args:
        tokenizer: see `distil_envs.tokenization.Tokenizer`.
        tools: at least one.
        chat_template: a Jinja template instead of the tokenizer's own.
        template_options: further variables of the template, such as ``{"enable_thinking": False}``.
    """
    described = [_described(tool.name, tool.description, tool.parameters) for tool in tools]
    given = dict(template_options or {})
    dialect = _own_dialect(tokenizer, chat_template, given)
    own = {} if dialect is None else {"tools": described}
    options = {**given, **own}
    found = ToolFormat(
        own,
        _SYSTEM.format(tools="\n".join(map(_json, described))) if dialect is None else None,
        dialect or "hermes",
        "tool" if _takes_results(tokenizer, chat_template, options) else "user",
        {tool.name: tool.parameters for tool in tools},
    )
    answer, results = {"role": "assistant", "content": _MARK}, found.results([ToolCalled(_PROBE, "{}", "result")])

    def opens_thought(chat: Sequence[Mapping[str, Any]]) -> bool:
        return _rendered(tokenizer, chat_template, options, chat, opened=True).rstrip().endswith("<think>")

    return replace(
        found,
        opens_thought=opens_thought([_QUESTION]),
        opens_thought_after_results=opens_thought([_QUESTION, answer, *results]),
    )


def _described(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": dict(parameters)}
    return {"type": "function", "function": function}


def _own_dialect(tokenizer: Tokenizer, chat_template: str | None, options: Mapping[str, Any]) -> str | None:
    """The form in which the template writes calls; None where it shows no tools, or writes calls as no reader does."""
    probed = {**options, "tools": [_described(_PROBE, "Probes.", _PROBE_PARAMETERS)]}
    render = partial(_rendered, tokenizer, chat_template, probed)
    function = {"name": _PROBE, "arguments": _PROBE_ARGUMENTS}
    call = {"type": "function", "id": "qzprobe01", "function": function}  # Mistral wants nine characters
    shown = render([_QUESTION])
    if _PROBE not in shown:
        return None
    plain = render([_QUESTION, {"role": "assistant", "content": _MARK}])
    calling = render([_QUESTION, {"role": "assistant", "content": "", "tool_calls": [call]}])
    opening, _, closing = plain.partition(_MARK)
    pairs = enumerate(zip(opening, calling, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), min(len(opening), len(calling)))
    turn = calling[start:].removesuffix(closing)
    for name, reader in READERS.items():
        found = [(call.tool, call.arguments) for call in reader(_said(turn, False), {_PROBE: _PROBE_PARAMETERS})]
        if found == [(_PROBE, _PROBE_ARGUMENTS)]:
            return name
    # Some templates tell the model how to call, but are never given calls to write.
    return "hermes" if "<tool_call>" in shown else None


def _rendered(
    tokenizer: Tokenizer,
    chat_template: str | None,
    options: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    opened: bool = False,
) -> str:
    """The chat, ``opened`` with what opens the assistant's turn; empty where the template fails, in whatever way."""
    try:
        text: str = tokenizer.apply_chat_template(
            messages, chat_template=chat_template, add_generation_prompt=opened, tokenize=False, **options
        )
    except Exception:
        return ""
    return text


def _takes_results(tokenizer: Tokenizer, chat_template: str | None, options: Mapping[str, Any]) -> bool:
    result = {"role": "tool", "content": "result"}
    try:
        continue_chat(tokenizer, [_QUESTION], [result, result], chat_template=chat_template, template_options=options)
    except Exception:  # a ConfigError, or what a template does that reckons with more than role and content
        return False
    return True


def _said(text: str, opened: bool) -> str:
    """What stands after the last thought of a turn; nothing where that has not ended.

    A thought stands at the beginning of a turn, or behind another: ``<think>`` amidst words opens none.

    Args:
        text: the turn.
        opened: whether it begins inside a thought.
    """
    _, ended, said = text.rpartition("</think>")
    thinks = said.lstrip().startswith("<think>") or (opened and not ended)
    return "" if thinks else said


def _heading(number: int, called: ToolCalled) -> str:
    """Names no tool that is none: that name is the policy's words, and this is not its turn."""
    unknown = called.status in (CallStatus.UNKNOWN_TOOL, CallStatus.MALFORMED, CallStatus.NOT_RUN)
    return f"Result of call {number}" if unknown else f"Result of call {number} ({called.tool})"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
