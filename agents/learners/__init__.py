"""Learners, one a file; `Distillation`, `PolicyGradient`, `GroupRelative` and `Imitation` are bases for one's own."""

from agents.learners.ce import CE
from agents.learners.dagger import DAgger
from agents.learners.dapo import DAPO
from agents.learners.distil import DistIL
from agents.learners.distillation import Distillation
from agents.learners.dr_grpo import DrGRPO
from agents.learners.gkd import GKD
from agents.learners.grpo import GRPO
from agents.learners.imitation import Imitation
from agents.learners.learner import Learner
from agents.learners.maxrl import MaxRL
from agents.learners.minillm import MiniLLM
from agents.learners.opd import OPD
from agents.learners.opsd import OPSD
from agents.learners.policy_gradient import GroupRelative, PolicyGradient
from agents.learners.rft import RFT
from agents.learners.rloo import RLOO
from agents.learners.sdpo import SDPO
from agents.learners.sft import SFT

__all__ = [
    "CE", "DAPO", "GKD", "GRPO", "OPD", "OPSD", "RFT", "RLOO", "SDPO", "SFT", "DAgger", "DistIL", "Distillation",
    "DrGRPO", "GroupRelative", "Imitation", "Learner", "MaxRL", "MiniLLM", "PolicyGradient",
]  # fmt: skip
