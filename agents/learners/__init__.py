"""Learners, one a file."""

from agents.learners.distil import DistIL
from agents.learners.grpo import GRPO
from agents.learners.learner import Learner

__all__ = ["GRPO", "DistIL", "Learner"]
