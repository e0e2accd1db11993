"""`Episode`: a task and the attempts made at it. Token ids are the source of truth (law 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from distil_envs.outcome import Outcome
from distil_envs.task import Task
from distil_envs.tokenization import ChatFormat

Message = Mapping[str, Any]
"""``role`` and ``content`` (`distil_envs.tokenization.Content`: text, or exact ids)."""


@dataclass
class Attempt:
    """One answer to the task and what came of it."""

    prompt_ids: tuple[int, ...]
    """Exact ids before it: the prompt and, from the second attempt on, the attempts before with what followed each."""
    completion_ids: tuple[int, ...]
    """Exact ids of the attempt: what the policy sampled, the end-of-sequence id included when it sampled one, and in
    between what tools put there (`inserted`)."""
    text: str
    """What was graded: the policy's words after its last tool call, from `answer_ids`; never re-tokenised."""
    outcome: Outcome | None = None
    """None while grading is under way."""
    feedback: Any = None
    """A `feedback.Feedback`, or None. Typed loosely because this package never imports ``feedback``."""
    inserted: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of ``completion_ids`` that the environment put there: results of tools, in order."""
    reply: str = ""
    """The user's next turn, as text, where another attempt followed."""

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """The end of ``completion_ids`` that `text` comes from (`distil_envs.positions`)."""
        return self.completion_ids[self.inserted[-1][1] if self.inserted else 0 :]

    @property
    def sampled(self) -> tuple[bool, ...]:
        """Which of ``completion_ids`` the policy made. The others carry no loss."""
        made = [True] * len(self.completion_ids)
        for start, end in self.inserted:
            made[start:end] = [False] * (end - start)
        return tuple(made)

    @property
    def policy_mask(self) -> tuple[bool, ...]:
        """Which of prompt and completion ids the policy made in this attempt."""
        return (False,) * len(self.prompt_ids) + self.sampled

    def as_turns(self) -> list[Message]:
        """The attempt, by its ids, and the reply to it, as messages of a chat."""
        ids = [list(self.completion_ids)] if self.completion_ids else ""
        return [{"role": "assistant", "content": ids}, {"role": "user", "content": self.reply}]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "prompt_ids": list(self.prompt_ids),
            "completion_ids": list(self.completion_ids),
            "inserted": [list(span) for span in self.inserted],
            "text": self.text,
            "outcome": self.outcome.to_dict() if self.outcome else None,
            "feedback": self.feedback.to_dict() if self.feedback else None,
            "reply": self.reply,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], feedback: Callable[[Mapping[str, Any]], Any]) -> Attempt:
        """Inverse of `to_dict`; ``feedback`` makes its part of plain values."""
        return cls(
            tuple(row["prompt_ids"]),
            tuple(row["completion_ids"]),
            row["text"],
            Outcome.from_dict(row["outcome"]) if row["outcome"] else None,
            feedback(row["feedback"]) if row["feedback"] else None,
            tuple((start, end) for start, end in row["inserted"]),
            row["reply"],
        )


@dataclass
class Episode:
    """One rollout of one task."""

    task: Task
    attempts: list[Attempt] = field(default_factory=list)
    rollout_id: str = ""
    """Unique among the rollouts of a step; `Feedback.depends_on` is a set of these."""
    group_id: str = ""
    """Shared by the rollouts of one task in one step."""
    messages: tuple[Message, ...] = field(default=(), repr=False)
    """The chat before the first attempt, for whoever goes on with it; empty when the ids were made without one."""
    format: ChatFormat = field(default_factory=ChatFormat, repr=False, compare=False)
    """How the chat became ids."""
    siblings: Sequence[Episode] = field(default=(), repr=False, compare=False)
    """The other rollouts of the group."""

    @property
    def attempt(self) -> Attempt:
        """The last attempt. Raises IndexError before the first."""
        return self.attempts[-1]

    @property
    def outcome(self) -> Outcome | None:
        """The last attempt's outcome."""
        return self.attempts[-1].outcome if self.attempts else None

    @property
    def chat(self) -> list[Message]:
        """The chat before the last attempt: `messages`, and every earlier attempt, by its ids, with the reply to it.

        Raises ValueError where there is none (`messages` is empty).
        """
        if not self.messages:
            raise ValueError("this episode has no chat: its prompt ids were made without one")
        return [*self.messages, *(turn for attempt in self.attempts[:-1] for turn in attempt.as_turns())]

    @property
    def context_ids(self) -> tuple[int, ...]:
        """Exact ids before the first attempt."""
        return self.attempts[0].prompt_ids

    @property
    def continuation_ids(self) -> tuple[int, ...]:
        """Exact ids after `context_ids`: all attempts, and between them what the environment put there."""
        last = self.attempts[-1]
        return (*last.prompt_ids, *last.completion_ids)[len(self.context_ids) :]

    def upto(self, index: int) -> Episode:
        """The episode as it was when the attempt with this index had ended."""
        return replace(self, attempts=self.attempts[: index + 1])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: one line of a run's ``episodes.jsonl``."""
        return {
            "task": self.task.to_dict(),
            "rollout_id": self.rollout_id,
            "group_id": self.group_id,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }
