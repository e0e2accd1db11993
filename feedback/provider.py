"""`provider`: the decorator that makes a feedback provider of a function."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from distil_envs import Episode
from distil_envs.errors import ConfigError
from distil_envs.registry import register_object
from feedback.feedback import EpisodeFunction, Feedback, FeedbackProvider


class FunctionProvider:
    """A function of one episode, lifted to groups."""

    def __init__(self, name: str, function: EpisodeFunction) -> None:
        functools.update_wrapper(self, function)
        self.name = name
        self.function = function

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]:
        return [self._one(episode) for episode in episodes]

    def _one(self, episode: Episode) -> Feedback | None:
        made: Any = self.function(episode)
        if made is None:
            return None
        if isinstance(made, str):
            made = Feedback(text=made)
        if not isinstance(made, Feedback):
            raise ConfigError(
                f"feedback provider {self.name!r} returned {type(made).__name__}; expected Feedback, a string, or None"
            )
        return made if made.source else dataclasses.replace(made, source=self.name)


def provider(name: str) -> Callable[[EpisodeFunction], FunctionProvider]:
    """Make a named provider of a function of one episode, and register it.

    The function returns a `Feedback`, a plain string, or None for nothing to say. What it is made from matters: give
    ``depends_on={episode.rollout_id}`` when the text depends on the attempt (see `Feedback`).

    Example:
        >>> @provider("lint")
        ... def lint(episode):
        ...     return Feedback(text="Write less.") if len(episode.attempt.text) > 80 else None
    """

    def lift(function: EpisodeFunction) -> FunctionProvider:
        lifted = FunctionProvider(name, function)
        register_object("feedback", name, lifted)
        return lifted

    return lift


def as_provider(value: Any) -> FeedbackProvider:
    """A provider as it is; a bare function of one episode is lifted under its own name."""
    if hasattr(value, "name"):
        return value  # type: ignore[no-any-return]
    return FunctionProvider(getattr(value, "__name__", type(value).__name__), value)
