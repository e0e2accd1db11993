"""`Learner`: from a batch to a loss. Subclass it, or register `module:Class` in the entry-point group of learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.batch import Batch, Loss


@dataclass
class Learner:
    """Base of all learners. Fields are its options: they appear on the command line and in the saved config."""

    needs_expert: ClassVar[bool] = True
    """Whether `Batch.expert` must be there."""

    def validate(self, group_size: int) -> None:
        """Raise ConfigError for options that cannot work with groups of this many rollouts."""
        del group_size

    def loss(self, batch: Batch) -> Loss:
        """The scalar to minimise on this batch, divided by ``batch.denominator``."""
        raise NotImplementedError
