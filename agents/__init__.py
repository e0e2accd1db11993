"""Who acts and learns: policies, rollouts, learners, trainer, evaluation and the command line."""

from distil_envs.ownership import require_ours

# openai-agents installs a folder of this name too. This line must stay first: it is also how `ownership` knows us.
require_ours(__file__)

from agents.batch import Batch, Loss  # noqa: E402
from agents.config import EnvConfig, TrainerConfig  # noqa: E402
from agents.evaluate import Evaluation, evaluate  # noqa: E402
from agents.learners import GRPO, DistIL, Learner  # noqa: E402
from agents.policy import Policy, PolicyConfig  # noqa: E402
from agents.rollout import Rollouts, Sampling, rollout  # noqa: E402
from agents.trainer import Trainer  # noqa: E402

__all__ = [
    "GRPO",
    "Batch",
    "DistIL",
    "EnvConfig",
    "Evaluation",
    "Learner",
    "Loss",
    "Policy",
    "PolicyConfig",
    "Rollouts",
    "Sampling",
    "Trainer",
    "TrainerConfig",
    "evaluate",
    "rollout",
]
