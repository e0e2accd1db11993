"""`Learner`: from a batch to a loss. Subclass it, or register `module:Class` in the entry-point group of learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from agents.batch import Batch, Loss
from feedback.experts.expert import Knows


@dataclass
class Learner:
    """Base of all learners. Fields are its options: they appear on the command line and in the saved config."""

    needs_expert: ClassVar[bool] = True
    """Whether `Batch.expert` must be there."""
    mean_over: ClassVar[Literal["tokens", "rollouts"]] = "tokens"
    """What ``batch.denominator`` counts: the tokens of the step that are learned from, or the rollouts with such."""
    needs_contrast: ClassVar[bool] = False
    """Whether groups in which all rewards are equal are left out: neither learned from nor in the denominator."""
    only_successes: ClassVar[bool] = False
    """Whether failed attempts are left out likewise."""

    def validate(self, group_size: int) -> None:
        """Raise ConfigError for options that cannot work with groups of this many rollouts."""
        del group_size

    def needs_known(self) -> Knows:
        """How much of its distribution the expert must give."""
        return Knows.SAMPLES

    def corrections(self, step: int) -> float:
        """Share of the rollouts of update `step` (from 0) in whose place the correction of the feedback is learned.

        Drawn rollout by rollout; one that is drawn and was not corrected is left out.
        """
        del step
        return 0.0

    def aggregate(self) -> int:
        """How many rollouts, the newest, to keep for later: each update then learns from as many as it sampled, drawn
        from those. 0 learns from the new ones alone.
        """
        return 0

    def loss(self, batch: Batch) -> Loss:
        """The scalar to minimise on this batch, divided by ``batch.denominator``."""
        raise NotImplementedError
