"""`Expert`: feedback and the student's states in, a token distribution out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from distil_envs import Episode
from feedback.context import ContextTemplate
from feedback.distribution import TokenDistribution, TopKMode

Ids = Sequence[int]


@dataclass(frozen=True)
class Source:
    """Which weights an expert scores with."""

    kind: Literal["frozen", "live", "ema", "model"]
    """The initial policy's, the current one's, their exponential moving average, or another model's."""
    rate: float = 0.0
    """With ``ema``: share of the current policy that enters the average at each update."""
    name: str = ""
    """With ``model``: a local folder, a hub name, or an embedded model."""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.kind, self.rate, self.name) if part)


class Scorer(Protocol):
    """A model as experts use it: hidden states of completions after contexts, and their head. No gradient."""

    def hidden(self, contexts: Sequence[Ids], completions: Sequence[Ids]) -> Tensor:
        """[B, T, H], the states that predict each id of the completions, right-padded."""
        ...

    @property
    def head_weight(self) -> Tensor:
        """[V, H]."""
        ...


class Models(Protocol):
    """What experts have at hand: the student's tokenizer, and the models that they named in `Expert.sources`."""

    @property
    def tokenizer(self) -> Any:
        """The student's. Every expert speaks it."""
        ...

    @property
    def vocabulary(self) -> int:
        """V: rows of the student's head, which may be more than the tokenizer has entries."""
        ...

    @property
    def end_id(self) -> int:
        """The id that ends a response."""
        ...

    @property
    def device(self) -> torch.device:
        """Where distributions are wanted."""
        ...

    def scorer(self, source: Source) -> Scorer:
        """The model with these weights."""
        ...


class Knows(IntEnum):
    """How much of p an expert gives: each level serves what those before it serve."""

    SAMPLES = 1
    """Tokens drawn from it: the forward cross-entropy."""
    KEPT = 2
    """Probabilities of some tokens, the others read as impossible: KL costs and Jensen-Shannon divergences too."""
    PROBABILITIES = 3
    """Probabilities, of the rest as a whole: reverse KL, and log p of the student's tokens too."""
    VOCABULARY = 4
    """The probability of any token: comparisons on the student's own top k too."""


def known_of(top_k: int | None, mode: TopKMode) -> Knows:
    """What is left where an expert with hidden states keeps its top k."""
    if top_k is None:
        return Knows.VOCABULARY
    return Knows.PROBABILITIES if mode == "tail" else Knows.KEPT


@dataclass
class Expert:
    """Base of all experts. Fields are its options. Register a subclass under a name, or give ``module:Class``."""

    def validate(self) -> None:
        """Raise ConfigError for options that cannot work."""

    def sources(self) -> tuple[Source, ...]:
        """The models that `distribution` will ask for."""
        return ()

    def knows(self) -> Knows:
        """How much of p it gives."""
        return Knows.VOCABULARY

    def reads_attempt(self) -> bool:
        """Whether what it says at a token may hang on what the student wrote there and later: on the whole attempt."""
        return any(template.show_attempt for template in self.templates())

    def templates(self) -> tuple[ContextTemplate, ...]:
        """Templates of contexts that hold feedback, for whoever has demonstrations to show."""
        return ()

    def needs_feedback(self) -> bool:
        """Whether it has nothing to say without feedback."""
        return True

    def teaches(self, episode: Episode) -> bool:
        """Whether there is anything to teach about the last attempt. Others are not learned from."""
        return episode.attempt.feedback is not None or not self.needs_feedback()

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> TokenDistribution:
        """What the next token should be, at each token of each completion, [B, T] with T that of the longest.

        Args:
            models: what it may use.
            episodes: each with an attempt, its last, that the expert `teaches` about.
            completions: the tokens to stand at: those of the attempt itself, results of tools included, or others in
                its place. Position t means: given the ids before t.
            seed: of the run; every draw derives from it, from `step` and from the episode's ``rollout_id``.
            step: number of the update, for schedules.

        Positions after the end of a completion mean nothing: mask them.
        """
        raise NotImplementedError
