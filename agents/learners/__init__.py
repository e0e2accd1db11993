"""Learners, one a file; `Distillation`, `PolicyGradient` and `GroupRelative` are bases for one's own."""

from agents.learners.ce import CE
from agents.learners.dapo import DAPO
from agents.learners.distil import DistIL
from agents.learners.distillation import Distillation
from agents.learners.dr_grpo import DrGRPO
from agents.learners.gkd import GKD
from agents.learners.grpo import GRPO
from agents.learners.learner import Learner
from agents.learners.maxrl import MaxRL
from agents.learners.minillm import MiniLLM
from agents.learners.opd import OPD
from agents.learners.opsd import OPSD
from agents.learners.policy_gradient import GroupRelative, PolicyGradient
from agents.learners.rloo import RLOO
from agents.learners.sdpo import SDPO

__all__ = [
    "CE", "DAPO", "GKD", "GRPO", "OPD", "OPSD", "RLOO", "SDPO", "DistIL", "Distillation", "DrGRPO", "GroupRelative",
    "Learner", "MaxRL", "MiniLLM", "PolicyGradient",
]  # fmt: skip
