"""`Feedback`: words about an attempt, and what they were made from. `FeedbackProvider`: who writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from distil_envs import Episode
from distil_envs.outcome import Span


@dataclass(frozen=True)
class Feedback:
    """Words about one attempt. The text is untrusted: it is rendered inert wherever it enters a prompt (law 3)."""

    text: str
    spans: tuple[Span, ...] = ()
    """Character ranges of the completion that the text talks about."""
    correction: str | None = None
    """A corrected response, for experts that imitate one."""
    source: str = ""
    """Name of the provider."""
    reveals_reference: bool = False
    """Whether the text states the reference answer."""
    depends_on: frozenset[str] = frozenset()
    """Ids of the rollouts that this was made from. Empty when made from the task alone."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"feedback text must be a string, got {type(self.text).__name__}")
        object.__setattr__(self, "depends_on", frozenset(self.depends_on))

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "spans": [list(span) for span in self.spans],
            "correction": self.correction,
            "source": self.source,
            "reveals_reference": self.reveals_reference,
            "depends_on": sorted(self.depends_on),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Feedback:
        """Inverse of `to_dict`."""
        return cls(
            **{
                **row,
                "spans": tuple((start, end) for start, end in row["spans"]),
                "depends_on": frozenset(row["depends_on"]),
            }
        )


class FeedbackProvider(Protocol):
    """Feedback for a group of episodes of one task, one entry each; None where there is nothing to say."""

    name: str

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]: ...


EpisodeFunction = Callable[[Episode], Feedback | str | None]
