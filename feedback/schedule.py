"""`Schedule`: a number that moves over the updates of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from distil_envs.errors import ConfigError

Shape = Literal["linear", "exponential"]


@dataclass(frozen=True)
class Schedule:
    """From `start` at the first update to `end` after `steps` of them, and `end` ever after.

    Raises ConfigError for options that mean nothing.
    """

    start: float
    """Value at step 0."""
    end: float
    """Value from step `steps` on."""
    steps: int = 0
    """How many updates it takes; 0 is `end` from the beginning."""
    shape: Shape = "linear"
    """`linear`, or `exponential`: by the same factor at each step, as β^i in DAgger (arXiv 1011.0686)."""

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise ConfigError(f"a schedule's shape must be one of {', '.join(get_args(Shape))}, got {self.shape!r}")
        if self.steps < 0:
            raise ConfigError(f"a schedule's steps must not be negative, got {self.steps}")
        if self.shape == "exponential" and not (self.start > 0 and self.end > 0):
            raise ConfigError(f"an exponential schedule stays positive, got {self.start} to {self.end}; use linear")

    def at(self, step: int) -> float:
        """The value at update `step`, counted from 0."""
        if step >= self.steps:
            return self.end
        done = step / self.steps
        if self.shape == "exponential":
            return float(self.start * (self.end / self.start) ** done)
        return self.start + (self.end - self.start) * done

    def validate_share(self, name: str) -> None:
        """Raise ConfigError unless all values are in [0, 1], and where `start` would mean nothing."""
        if self.start != self.end and not self.steps:
            raise ConfigError(
                f"{name} goes from {self.start} to {self.end} in 0 steps, so it would be {self.end} at once: set "
                f"{name}.steps, or {name}.start={self.end}"
            )
        for value in (self.start, self.end):
            if not 0 <= value <= 1:
                raise ConfigError(f"{name} is a share, in [0, 1], got {value}")
