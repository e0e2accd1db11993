"""What a run may spend, and what it has spent: evaluations apart, they are no part of learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from distil_envs.errors import ConfigError

SPENT = ("samples", "tokens", "seconds")
"""What a run spends, and what a budget may be in."""


@dataclass
class Limits:
    """Limits beside the number of steps. Training ends after the step in which the first of them is reached."""

    samples: int | None = None
    """Rollouts."""
    tokens: int | None = None
    """Tokens that the policy generates."""
    seconds: float | None = None
    """Time of rollouts and updates. A run that is limited by it cannot be repeated exactly."""

    def validate(self) -> None:
        """Raise ConfigError for a limit that is not positive."""
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not value > 0:
                raise ConfigError(f"limits.{item.name} must be positive, or None for no limit, got {value}")


@dataclass
class Spent:
    """Of one run, up to a step."""

    steps: int = 0
    samples: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """One more step, by its row of ``metrics.jsonl``."""
        self.steps += 1
        self.samples += int(row["samples"])
        self.tokens += int(row["tokens"])
        self.seconds += row["seconds_rollout"] + row["seconds_update"]

    def share(self, steps: int, limits: Limits) -> float:
        """Of the limit that is nearest; 1 or more when the run is over."""
        every = {"steps": steps, **vars(limits)}
        return max(float(getattr(self, name) / limit) for name, limit in every.items() if limit is not None)
