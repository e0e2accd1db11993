"""`Learner`: from a batch to a loss. Subclass it, or register `module:Class` in the entry-point group of learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from agents.batch import Batch, Loss


@dataclass
class Learner:
    """Base of all learners. Fields are its options: they appear on the command line and in the saved config."""

    needs_expert: ClassVar[bool] = True
    """Whether `Batch.expert` must be there."""
    mean_over: ClassVar[Literal["tokens", "rollouts"]] = "tokens"
    """What ``batch.denominator`` counts: the tokens of the step that are learned from, or the rollouts with such."""
    needs_contrast: ClassVar[bool] = False
    """Whether groups in which all rewards are equal are left out: neither learned from nor in the denominator."""

    def validate(self, group_size: int) -> None:
        """Raise ConfigError for options that cannot work with groups of this many rollouts."""
        del group_size

    def loss(self, batch: Batch) -> Loss:
        """The scalar to minimise on this batch, divided by ``batch.denominator``."""
        raise NotImplementedError
