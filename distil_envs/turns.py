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
from distil_envs.tools import MAX_CALLS, Tool, ToolCall, ToolFormat, tool_format

NO_CALLS_LEFT = "No tool calls are left: answer now."
MAX_CHARS_PER_TOKEN = 64
"""Feedback is cut to so many characters for each token there is room for, before its tokens are counted."""


@dataclass(frozen=True)
class Turns:
    """How turns follow turns in an environment."""

    tokenizer: Tokenizer
    format: ChatFormat
    """How chats become ids, tools included where the template shows them."""
    system: str | None
    """The system message, with what it must say of the tools where the template does not say so itself."""
    tool_format: ToolFormat | None
    """How tools, calls and results are written; None without tools."""
    tools_tokens: int
    """What the description of the tools adds to a prompt, in tokens."""
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
        system: str | None,
        tools: Sequence[Tool],
        max_tool_calls: int,
        max_tool_tokens: int,
        max_feedback_tokens: int,
    ) -> Turns:
        """Raises ConfigError where the chat template cannot go on, or the room is too small for empty results."""
        bare = cls(tokenizer, chat_format, system, None, 0, max_tool_calls, max_tool_tokens, max_feedback_tokens)
        if not tools:
            return bare
        found = tool_format(tokenizer, tools, chat_format.chat_template, chat_format.options)
        turns = replace(
            bare,
            format=replace(chat_format, options={**chat_format.options, **found.options}),
            system="\n\n".join(filter(None, [system, found.system])) or None,
            tool_format=found,
        )
        # The most that there may be to say without any text: all calls, and all that were one too many.
        worst = [ToolCalled(max((tool.name for tool in tools), key=len), "{}", "")] * max_tool_calls
        over = [ToolCalled("", "", "", CallStatus.NOT_RUN)] * MAX_CALLS
        turns.results(turns._probe, [*worst, *over], None, calls_left=0)
        return replace(turns, tools_tokens=max(turns._prompt_tokens - bare._prompt_tokens, 0))

    @property
    def _probe(self) -> list[Message]:
        """The smallest chat that a task may be."""
        system: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": "x"}]

    @property
    def _prompt_tokens(self) -> int:
        return len(self.format.encode(self.tokenizer, self._probe))

    def calls(self, text: str, after_results: bool) -> list[ToolCall]:
        """The calls in a turn of the policy, one that follows results of tools or not."""
        return self.tool_format.calls(text, after_results) if self.tool_format is not None else []

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
        form = self.tool_format
        assert form is not None
        shown = [result for result in called if result.status is not CallStatus.NOT_RUN]

        def cut(limit: int) -> list[ToolCalled]:
            texts = [shorten(result.text, limit) for result in shown]
            return [
                replace(result, text=text, truncated=result.truncated or text != result.text)
                for result, text in zip(shown, texts, strict=True)
            ]

        def render(limit: int) -> list[int]:
            messages = [dict(message) for message in form.results(cut(limit))]
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
        words = shorten(words, self.max_feedback_tokens * MAX_CHARS_PER_TOKEN)

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
        self.reply(self._probe, "", say, None)
