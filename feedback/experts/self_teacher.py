"""The self-teacher: the policy itself, having read the feedback, scoring the student's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from distil_envs import Episode
from distil_envs.errors import ConfigError
from feedback.context import ContextTemplate
from feedback.distribution import Hidden, TopK, TopKMode
from feedback.experts.expert import Expert, Ids, Knows, Models, Scorer, Source, known_of
from feedback.feedback import Feedback

Weights = Literal["frozen", "live", "ema"]


@dataclass
class SelfTeacher(Expert):
    """The same network conditioned on the feedback, without gradient (arXiv 2606.05152; SDPO, arXiv 2601.20802).

    The context differs from the student's, the completion is the student's: position t of the result is the teacher's
    distribution over the token that the student chose at t, given the student's tokens before it.
    """

    weights: Weights = "frozen"
    """Whose weights: the initial policy's, the current one's, or their exponential moving average."""
    ema_rate: float = 0.05
    """With ``ema``: share of the current policy that enters the average at each update (SDPO's)."""
    top_k: int | None = None
    """Keep the teacher's k most likely tokens of each position; None keeps all that it says."""
    top_k_mode: TopKMode = "tail"
    """How the rest is read: as one bucket, not at all (`renormalise`), or as nothing (`truncate`). The last two call
    the other tokens impossible, so they serve no reverse KL, OPD or MiniLLM."""
    context: ContextTemplate = field(default_factory=ContextTemplate)
    """How the context is put together."""

    def validate(self) -> None:
        if self.weights not in get_args(Weights):
            raise ConfigError(f"expert.weights must be one of {', '.join(get_args(Weights))}, got {self.weights!r}")
        if not 0 < self.ema_rate <= 1:
            raise ConfigError(f"ema_rate is the share of the current policy, in (0, 1], got {self.ema_rate}")
        require_top_k(self.top_k, self.top_k_mode)

    def sources(self) -> tuple[Source, ...]:
        return (Source(self.weights, rate=self.ema_rate if self.weights == "ema" else 0.0),)

    def knows(self) -> Knows:
        return known_of(self.top_k, self.top_k_mode)

    def templates(self) -> tuple[ContextTemplate, ...]:
        return (self.context,)

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> Hidden | TopK:
        del seed, step
        contexts = read_feedback(models, self.context, episodes)
        return scored(models.scorer(self.sources()[0]), contexts, completions, self.top_k, self.top_k_mode)


def read_feedback(models: Models, context: ContextTemplate, episodes: Sequence[Episode]) -> list[list[int]]:
    """Ids of the context that holds each episode's feedback on its last attempt."""
    return [context.ids(models.tokenizer, each, each.attempt.feedback or Feedback(text="")) for each in episodes]


def scored(
    scorer: Scorer, contexts: Sequence[Ids], completions: Sequence[Ids], top_k: int | None, mode: TopKMode
) -> Hidden | TopK:
    """What the model says at each token of the completions after the contexts."""
    head = scorer.head_weight
    if not completions:
        return Hidden(head.new_zeros(0, 0, head.shape[1]), head)
    exact = Hidden(scorer.hidden(contexts, completions), head)
    return exact if top_k is None else exact.top_k(min(top_k, len(head)), mode=mode)


def require_top_k(top_k: int | None, mode: TopKMode) -> None:
    """Raise ConfigError for options that mean nothing."""
    if top_k is not None and top_k < 1:
        raise ConfigError(f"expert.top_k must be at least 1, or None for all, got {top_k}")
    if mode not in get_args(TopKMode):
        raise ConfigError(f"expert.top_k_mode must be one of {', '.join(get_args(TopKMode))}, got {mode!r}")
