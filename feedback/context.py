"""What the self-teacher reads: the student's own prompt, its attempt, the feedback on it, and then the same turn again.

The context ends with the ids that open the assistant's turn, as the student's prompt does, so that both stand at the
same place before the first response token. The attempt goes in by its ids, the feedback as inert text, fenced and
capped (law 3). Before a later attempt stand the earlier ones with what was replied. What does not fit is cut from the
feedback, then from the demonstrations, then from the earlier attempts (the first of them first), never from the task.

Without demonstrations the context goes on from the ids that the student saw. With them, or with something left out, the
chat is written anew, and templates that open a thought in the student's prompt do not write that opening before an
attempt that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from distil_envs import Episode
from distil_envs.errors import ConfigError
from distil_envs.text import fenced, fitting, shorten
from feedback.feedback import Feedback

MIN_FEEDBACK_CHARS = 200
"""Characters of the feedback that go in where even the task and the attempt are too long."""


@dataclass(frozen=True)
class Demonstration:
    """One example of how feedback is read: a question, a wrong attempt, the feedback on it, the corrected response."""

    content: str
    """Content of the task, so that none is shown when that task is the one at hand."""
    question: Sequence[Mapping[str, Any]]
    """Chat messages, without a system message."""
    attempt: str
    feedback: str
    response: str


@dataclass
class ContextTemplate:
    """How a teacher's context is put together. Small models ignore feedback without the demonstrations."""

    show_attempt: bool = True
    """Show the attempt as the assistant's turn and the feedback as the user's next one. False puts the feedback below
    the question (of a later attempt: below the reply to the one before) and leaves the attempt out: for feedback that
    is made from the task alone. It is shorter, small models read it better, and a whole group shares one context."""
    request: str = "Answer again."
    """Put after the feedback, on a line of its own. Empty for none."""
    fence: str = "```"
    """Put before and after the feedback, and lengthened until the feedback does not contain it. Empty for none."""
    max_feedback_chars: int = 2000
    """Cap on the feedback, in characters."""
    max_tokens: int = 2048
    """Cap on the whole context, in tokens. What a policy writes must not end a run: where the task and the attempt
    alone take more, they go in whole, with the beginning and end of the feedback."""
    demonstrations: tuple[Demonstration, ...] = field(default=(), repr=False)
    """Shown first, as turns."""

    def ids(self, tokenizer: Any, episode: Episode, feedback: Feedback) -> list[int]:
        """Ids of the teacher's context for the last attempt of `episode`.

        Raises ConfigError when the episode has no chat messages.
        """
        if not episode.messages:
            raise ConfigError(
                "the self-teacher continues the chat of the episode, but this environment makes its prompt ids without "
                "one: let TokenEnv.messages(task) give the chat, or use a learner that needs no expert"
            )

        shown = [each for each in self.demonstrations if each.content != episode.task.content]
        left_out = 0

        def render(limit: int) -> list[int]:
            words = shorten(feedback.text, limit)
            if not self.show_attempt or shown or left_out:
                return episode.format.encode(tokenizer, self.messages(episode, words, shown, left_out))
            # Nothing else stands before it: go on from the exact ids, whatever the template now makes of them.
            made = episode.attempt.completion_ids
            turn = {"role": "user", "content": self._words(words)}
            more = episode.format.continued(tokenizer, episode.chat, [turn], made[-1] if made else None)
            return [*episode.attempt.prompt_ids, *made, *more]

        wanted = min(len(feedback.text), self.max_feedback_chars)
        while (fitted := fitting(render, wanted, self.max_tokens)) is None:
            if shown:
                shown.pop()
            elif left_out < len(episode.attempts) - 1:
                left_out += 1
            else:
                return render(min(wanted, MIN_FEEDBACK_CHARS))
        _, ids = fitted
        return ids

    def messages(
        self, episode: Episode, feedback: str, demonstrations: Sequence[Demonstration], left_out: int = 0
    ) -> list[dict[str, Any]]:
        """The chat that `ids` encodes, without the first ``left_out`` attempts."""
        shown_of = replace(episode, attempts=episode.attempts[left_out:])
        chat: list[dict[str, Any]] = [dict(message) for message in shown_of.chat]
        systems = [message for message in chat if message["role"] == "system"]
        turns = [message for message in chat if message["role"] != "system"]
        examples: list[dict[str, Any]] = []
        for shown in demonstrations:
            examples += self._with_feedback([dict(turn) for turn in shown.question], shown.attempt, shown.feedback)
            examples.append({"role": "assistant", "content": shown.response})
        attempt = [list(episode.attempt.completion_ids)] if episode.attempt.completion_ids else ""
        return systems + examples + self._with_feedback(turns, attempt, feedback)

    def _with_feedback(self, turns: list[dict[str, Any]], attempt: Any, feedback: str) -> list[dict[str, Any]]:
        words = self._words(feedback)
        if self.show_attempt:
            return [*turns, {"role": "assistant", "content": attempt}, {"role": "user", "content": words}]
        return [*turns[:-1], {**turns[-1], "content": f"{turns[-1]['content']}\n{words}"}]

    def _words(self, feedback: str) -> str:
        return "\n".join(filter(None, [fenced(feedback, self.fence), self.request]))
