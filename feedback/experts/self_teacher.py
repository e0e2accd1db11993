"""The self-teacher: the policy itself, having read the feedback, scoring the student's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from torch import Tensor

from distil_envs import Episode
from distil_envs.errors import ConfigError
from feedback.context import ContextTemplate
from feedback.distribution import Hidden
from feedback.feedback import Feedback

Weights = Literal["frozen", "live", "ema"]


class Scorer(Protocol):
    """What the self-teacher needs of a model: hidden states of completions after contexts, and their head."""

    tokenizer: Any

    def hidden(self, contexts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> Tensor:
        """[B, T, H], aligned with the completions, right-padded."""
        ...

    @property
    def head_weight(self) -> Tensor:
        """[V, H]."""
        ...


@dataclass
class SelfTeacher:
    """The same network conditioned on the feedback, without gradient (arXiv 2606.05152; SDPO, arXiv 2601.20802).

    The context differs from the student's, the completion is the student's: position t of the result is the teacher's
    distribution over the token that the student chose at t, given the student's tokens before it.
    """

    weights: Weights = "frozen"
    """Whose weights: the initial policy's, the current one's, or their exponential moving average."""
    ema_rate: float = 0.05
    """With ``ema``: share of the current policy that enters the average at each update (SDPO's)."""
    context: ContextTemplate = field(default_factory=ContextTemplate)
    """How the context is put together."""

    def __post_init__(self) -> None:
        if self.weights not in get_args(Weights):
            raise ConfigError(f"teacher weights must be one of {', '.join(get_args(Weights))}, got {self.weights!r}")
        if not 0 < self.ema_rate <= 1:
            raise ConfigError(f"ema_rate is the share of the current policy, in (0, 1], got {self.ema_rate}")

    def distribution(self, scorer: Scorer, episodes: Sequence[Episode]) -> Hidden:
        """The teacher at every position of the last attempts of `episodes` [B, T], results of tools included.

        Rows without feedback are scored as if it were empty: mask them. For an earlier attempt pass `Episode.upto`.
        """
        head = scorer.head_weight
        if not episodes:
            return Hidden(head.new_zeros(0, 0, head.shape[1]), head)
        contexts = [
            self.context.ids(scorer.tokenizer, episode, episode.attempt.feedback or Feedback(text=""))
            for episode in episodes
        ]
        completions = [episode.attempt.completion_ids for episode in episodes]
        return Hidden(scorer.hidden(contexts, completions), head)
