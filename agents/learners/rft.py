"""RFT: rejection-sampling fine-tuning (arXiv 2308.01825), one iteration of expert iteration at every step.

    loss = -Σ_{i: r_i = 1} Σ_t log π_θ(y_t|s_t)                    a mean over the tokens of the successes

Fresh successes at each step; the paper's copies of the model, trained from the start on all that was gathered, and its
choice of distinct solutions are left out. A policy gradient with the success as advantage, no baseline, and the mean
taken over the successes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.learners.imitation import Imitation


@dataclass
class RFT(Imitation):
    """Maximum likelihood of the policy's own successful attempts."""

    only_successes: ClassVar[bool] = True
