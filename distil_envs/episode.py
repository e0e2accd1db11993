"""`Episode`: a task and the attempts made at it. Token ids are the source of truth (law 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distil_envs.outcome import Outcome
from distil_envs.task import Task


@dataclass
class Attempt:
    """One completion and what came of it."""

    prompt_ids: tuple[int, ...]
    """Exact ids that the policy saw."""
    completion_ids: tuple[int, ...]
    """Exact ids that the policy sampled, the end-of-sequence id included when it sampled one."""
    text: str
    """Derived from ``completion_ids``; never re-tokenised."""
    outcome: Outcome | None = None
    """None while grading is under way."""
    feedback: Any = None
    """A `feedback.Feedback`, or None. Typed loosely because this package never imports ``feedback``."""

    @property
    def policy_mask(self) -> tuple[bool, ...]:
        """Which of prompt and completion ids the policy made."""
        return (False,) * len(self.prompt_ids) + (True,) * len(self.completion_ids)


@dataclass
class Episode:
    """One rollout of one task."""

    task: Task
    attempts: list[Attempt] = field(default_factory=list)
    rollout_id: str = ""
    """Unique among the rollouts of a step; `Feedback.depends_on` is a set of these."""
    group_id: str = ""
    """Shared by the rollouts of one task in one step."""
    messages: tuple[Mapping[str, str], ...] = field(default=(), repr=False)
    """The chat before the first attempt, for whoever goes on with it; empty when the ids were made without one."""
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

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: one line of a run's ``episodes.jsonl``."""
        return {
            "task": self.task.to_dict(),
            "rollout_id": self.rollout_id,
            "group_id": self.group_id,
            "attempts": [
                {
                    "prompt_ids": list(attempt.prompt_ids),
                    "completion_ids": list(attempt.completion_ids),
                    "text": attempt.text,
                    "outcome": attempt.outcome.to_dict() if attempt.outcome else None,
                    "feedback": attempt.feedback.to_dict() if attempt.feedback else None,
                }
                for attempt in self.attempts
            ],
        }
