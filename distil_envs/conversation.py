"""`Conversation`: an episode in progress, as exact ids: what the policy made, and what was put between.

It only grows. Saved as plain JSON it can be taken up again, many times over, by any environment of the same tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from distil_envs.ending import Cause
from distil_envs.episode import Attempt, Episode, Message
from distil_envs.errors import ConfigError
from distil_envs.outcome import Outcome, ToolCalled, Trace
from distil_envs.registry import resolve
from distil_envs.task import Task
from distil_envs.tokenization import ChatFormat

STATE_VERSION = 1


@dataclass
class Conversation:
    """The attempts that are over, and the one at hand."""

    task: Task
    prompt: tuple[int, ...]
    """Exact ids before the attempt at hand."""
    messages: tuple[Message, ...] = ()
    """The chat before the first attempt."""
    rollout_id: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    """Those that are over."""
    completion: list[int] = field(default_factory=list)
    """Exact ids of the attempt at hand."""
    inserted: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of ``completion`` that tools put there."""
    called: list[ToolCalled] = field(default_factory=list)
    """Calls of tools in the attempt at hand."""
    cause: Cause | None = None
    """What ended the policy's turn; None while it is open."""
    over: bool = False
    """Whether the last attempt was the last of the episode."""

    @property
    def turn(self) -> list[int]:
        """Ids of the policy's turn at hand: what it made since the last result of a tool."""
        return self.completion[self.inserted[-1][1] if self.inserted else 0 :]

    @property
    def made(self) -> int:
        """How many ids of the attempt at hand the policy made."""
        return len(self.completion) - sum(end - start for start, end in self.inserted)

    @property
    def ids(self) -> list[int]:
        """All ids so far."""
        if self.over:
            return [*self.attempts[-1].prompt_ids, *self.attempts[-1].completion_ids]
        return [*self.prompt, *self.completion]

    @property
    def chat(self) -> list[Message]:
        """The chat before the attempt at hand."""
        return [*self.messages, *(turn for attempt in self.attempts for turn in attempt.as_turns())]

    def episode(self, chat_format: ChatFormat, *more: Attempt) -> Episode:
        """What is over, and ``more``, as an `Episode` that later attempts do not change."""
        return Episode(
            self.task,
            [*self.attempts, *more],
            rollout_id=self.rollout_id,
            messages=self.messages,
            format=chat_format,
        )

    def insert(self, ids: list[int], called: list[ToolCalled]) -> None:
        """Put the results of tools behind the policy's turn, and open its next one."""
        start = len(self.completion)
        self.completion += ids
        self.inserted.append((start, len(self.completion)))
        self.called += called
        self.cause = None

    def attempt(self, text: str, outcome: Outcome) -> Attempt:
        """The attempt at hand with what came of it; its calls of tools come first in the trace. Changes nothing."""
        if self.called:
            outcome = replace(outcome, trace=Trace((*self.called, *outcome.trace.events)))
        return Attempt(self.prompt, tuple(self.completion), text, outcome, inserted=tuple(self.inserted))

    def next_attempt(self, attempt: Attempt, ids: list[int]) -> None:
        """This attempt is over; behind it stand these ids of the reply, and the next one is open."""
        self.attempts.append(attempt)
        self.prompt = (*self.prompt, *self.completion, *ids)
        self.completion, self.inserted, self.called, self.cause = [], [], [], None

    def end(self, attempt: Attempt) -> None:
        """This attempt is over, and so is the episode."""
        self.attempts.append(attempt)
        self.over = True

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        return {
            "version": STATE_VERSION,
            "task": self.task.to_dict(),
            "prompt": list(self.prompt),
            "messages": [dict(message) for message in self.messages],
            "rollout_id": self.rollout_id,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "completion": list(self.completion),
            "inserted": [list(span) for span in self.inserted],
            "called": Trace(tuple(self.called)).to_dict(),
            "cause": self.cause,
            "over": self.over,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conversation:
        """Inverse of `to_dict`. Raises ConfigError for another version, or what is no saved state."""
        version = data.get("version") if isinstance(data, Mapping) else None
        if version != STATE_VERSION:
            raise ConfigError(
                f"a saved episode must be what TokenEnv.state() gave, of version {STATE_VERSION}; "
                f"got version {version!r}"
            )
        try:
            return cls(
                Task.from_dict(data["task"]),
                tuple(map(int, data["prompt"])),
                tuple(data["messages"]),
                data["rollout_id"],
                [Attempt.from_dict(row, _feedback) for row in data["attempts"]],
                list(map(int, data["completion"])),
                [(start, end) for start, end in data["inserted"]],
                list(Trace.from_dict(data["called"]).events),  # type: ignore[arg-type]
                _cause(data["cause"]),
                _over(data["over"], data["attempts"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"this saved episode is damaged: {type(error).__name__}: {error}") from error


def _cause(value: Any) -> Cause | None:
    if value not in (None, *get_args(Cause)):
        raise ValueError(f"cause {value!r}")
    return value  # type: ignore[no-any-return]


def _over(value: Any, attempts: Sequence[Any]) -> bool:
    if value and not attempts:
        raise ValueError("an episode that is over has at least one attempt")
    return bool(value)


def _feedback(row: Mapping[str, Any]) -> Any:
    """A `feedback.Feedback` from its plain values; found by its name, as this package imports no other."""
    return resolve("feedback", "feedback.feedback:Feedback").from_dict(row)
