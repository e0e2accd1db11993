"""`Trajectory`: one row of a run's ``episodes.jsonl``, as objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from distil_envs import Attempt, Episode, Status, Task
from feedback.feedback import Feedback


@dataclass(frozen=True)
class Trajectory:
    """An episode, and where it is from."""

    run: str
    """The run's folder, as it was given."""
    row: Mapping[str, Any]
    """Plain JSON values: ``step``, what `Episode.to_dict` gives, ``logprobs`` (nats, of each token that the policy
    made, all attempts in order) and, where they were recorded, ``tokens`` (`agents.record.Recorder.found`)."""

    @property
    def step(self) -> int:
        """The update that it was sampled for, from 1."""
        return int(self.row["step"])

    @property
    def logprobs(self) -> list[float]:
        """Of each token that the policy made, nats, at the sampling temperature."""
        return list(self.row["logprobs"])

    @property
    def status(self) -> Status | None:
        """How its last attempt ended."""
        attempts = self.row["attempts"]
        outcome = attempts[-1]["outcome"] if attempts else None
        return Status(outcome["status"]) if outcome else None

    @property
    def group(self) -> tuple[str, int, str]:
        """Equal for the rollouts of one task in one step of one run."""
        return self.run, self.step, str(self.row["group_id"])

    @cached_property
    def episode(self) -> Episode:
        """The episode, without its chat. Raises KeyError, TypeError or ValueError for a row of another form."""
        row = self.row
        attempts = [Attempt.from_dict(attempt, Feedback.from_dict) for attempt in row["attempts"]]
        return Episode(Task.from_dict(row["task"]), attempts, row["rollout_id"], row["group_id"])
