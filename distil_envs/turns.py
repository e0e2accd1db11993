"""`Turns`: what the environment says between the policy's turns, as ids: replies to attempts, and results of tools.

Both go behind ids that stay as they are (`continue_chat`), nothing in them is a control token (law 3), and what is too
long is cut in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from distil_envs.episode import Message
from distil_envs.errors import ConfigError
from distil_envs.outcome import CallStatus, ToolCalled
from distil_envs.text import fitting, shorten
from distil_envs.tokenization import ChatFormat, Tokenizer
from distil_envs.tools import Tool, ToolCall, ToolFormat, tool_format

NO_CALLS_LEFT = "No tool calls are left: answer now."

_PROBE: Sequence[Message] = ({"role": "user", "content": "x"},)


@dataclass(frozen=True)
class Turns:
    """How turns follow turns in an environment."""

    tokenizer: Tokenizer
    format: ChatFormat
    """How chats become ids, tools included where the template shows them."""
    tool_format: ToolFormat | None
    """How tools, calls and results are written; None without tools."""
    max_tool_calls: int
    """How many calls an attempt may make."""
    max_tool_tokens: int
    """Room for the results of one turn's calls."""
    max_feedback_tokens: int
    """Room for what follows an attempt."""

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer,
        chat_format: ChatFormat,
        tools: Sequence[Tool],
        max_tool_calls: int,
        max_tool_tokens: int,
        max_feedback_tokens: int,
    ) -> Turns:
        """Raises ConfigError where the chat template cannot go on, or the room is too small for empty results."""
        if not tools:
            return cls(tokenizer, chat_format, None, max_tool_calls, max_tool_tokens, max_feedback_tokens)
        found = tool_format(tokenizer, tools, chat_format.chat_template)
        chat_format = replace(chat_format, options={**chat_format.options, **found.options})
        turns = cls(tokenizer, chat_format, found, max_tool_calls, max_tool_tokens, max_feedback_tokens)
        name = max((tool.name for tool in tools), key=len)
        turns.results(_PROBE, [ToolCalled(name, "{}", "x")] * max_tool_calls, None, calls_left=0)
        return turns

    @property
    def system(self) -> str | None:
        """What the system message must say of the tools; None where the template does so itself."""
        return self.tool_format.system if self.tool_format is not None else None

    @property
    def tools_tokens(self) -> int:
        """What the description of the tools adds to a prompt, in tokens."""
        if self.tool_format is None:
            return 0
        system: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        without = {name: value for name, value in self.format.options.items() if name != "tools"}
        bare = replace(self.format, options=without).encode(self.tokenizer, _PROBE)
        return max(len(self.format.encode(self.tokenizer, [*system, *_PROBE])) - len(bare), 0)

    def calls(self, text: str) -> list[ToolCall]:
        """The calls in a turn of the policy."""
        return self.tool_format.calls(text) if self.tool_format is not None else []

    def results(
        self, chat: Sequence[Message], called: Sequence[ToolCalled], last_id: int | None, *, calls_left: int
    ) -> tuple[list[int], list[ToolCalled]]:
        """Ids of the results of a turn's calls, and the results as they are shown.

        Args:
            chat: the messages before the policy's turn.
            called: what came of its calls; those that were not run are not shown one by one.
            last_id: the EOS that ended the turn, if one did.
            calls_left: how many the attempt may still make; none are told.

        Raises ConfigError where not even empty results fit into ``max_tool_tokens``.
        """
        assert self.tool_format is not None
        shown = [result for result in called if result.status is not CallStatus.NOT_RUN]

        def cut(limit: int) -> list[ToolCalled]:
            texts = [shorten(result.text, limit) for result in shown]
            return [
                replace(result, text=text, truncated=result.truncated or text != result.text)
                for result, text in zip(shown, texts, strict=True)
            ]

        def render(limit: int) -> list[int]:
            messages = [dict(message) for message in self.tool_format.results(cut(limit))]  # type: ignore[union-attr]
            if calls_left == 0:
                left_out = len(called) - len(shown)
                more = f"{left_out} further calls were not run. " if left_out else ""
                messages[-1]["content"] += f"\n{more}{NO_CALLS_LEFT}"
            return self.format.continued(self.tokenizer, chat, messages, last_id)

        fit = fitting(render, max(len(result.text) for result in shown), self.max_tool_tokens)
        if fit is None:
            raise ConfigError(
                f"max_tool_tokens={self.max_tool_tokens} has no room for the results of {len(shown)} calls, which take "
                f"{len(render(0))} tokens without any text: raise it, or lower max_tool_calls"
            )
        limit, ids = fit
        return ids, [*cut(limit), *(result for result in called if result.status is CallStatus.NOT_RUN)]

    def reply(
        self, chat: Sequence[Message], words: str, say: Callable[[str], str], last_id: int | None
    ) -> tuple[str, list[int]]:
        """The user's turn after an attempt, and its ids.

        Args:
            chat: the messages before the attempt.
            words: the feedback, which may be cut.
            say: the whole turn, with the words in it.
            last_id: the EOS that ended the attempt, if one did.

        Raises ConfigError where it does not fit into ``max_feedback_tokens`` without any feedback.
        """

        def render(limit: int) -> list[int]:
            turn = {"role": "user", "content": say(shorten(words, limit))}
            return self.format.continued(self.tokenizer, chat, [turn], last_id)

        fit = fitting(render, len(words), self.max_feedback_tokens)
        if fit is None:
            raise ConfigError(
                f"max_feedback_tokens={self.max_feedback_tokens} has no room for the user's next turn, which takes "
                f"{len(render(0))} tokens without any feedback: raise it, or shorten retry"
            )
        limit, ids = fit
        return say(shorten(words, limit)), ids

    def check_reply(self, say: Callable[[str], str]) -> None:
        """Raises ConfigError where no attempt could follow another."""
        self.reply(_PROBE, "", say, None)
