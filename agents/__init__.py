"""Who acts and learns: policies, rollouts, learners, trainer, evaluation and the command line."""

from distil_envs.ownership import require_ours

# openai-agents installs a folder of this name too. This line must stay first: it is also how `ownership` knows us.
require_ours(__file__)

import sys  # noqa: E402
from importlib import import_module  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from agents.batch import Batch, Loss
    from agents.config import EnvConfig, TrainerConfig
    from agents.evaluate import Evaluation, evaluate
    from agents.learners import (
        CE,
        DAPO,
        GKD,
        GRPO,
        OPD,
        OPSD,
        RFT,
        RLOO,
        SDPO,
        SFT,
        DAgger,
        DistIL,
        Distillation,
        DrGRPO,
        GroupRelative,
        Imitation,
        Learner,
        MaxRL,
        MiniLLM,
        PolicyGradient,
    )
    from agents.policy import Policy, PolicyConfig
    from agents.rollout import Rollouts, Sampling, rollout
    from agents.trainer import Trainer

__all__ = [
    "CE",
    "DAPO",
    "GKD",
    "GRPO",
    "OPD",
    "OPSD",
    "RFT",
    "RLOO",
    "SDPO",
    "SFT",
    "Batch",
    "DAgger",
    "DistIL",
    "Distillation",
    "DrGRPO",
    "EnvConfig",
    "Evaluation",
    "GroupRelative",
    "Imitation",
    "Learner",
    "Loss",
    "MaxRL",
    "MiniLLM",
    "Policy",
    "PolicyConfig",
    "PolicyGradient",
    "Rollouts",
    "Sampling",
    "Trainer",
    "TrainerConfig",
    "evaluate",
    "rollout",
]

_HOMES = {
    "batch": ("Batch", "Loss"),
    "config": ("EnvConfig", "TrainerConfig"),
    "evaluate": ("Evaluation", "evaluate"),
    "learners": (
        "CE",
        "DAgger",
        "DAPO",
        "GKD",
        "GRPO",
        "OPD",
        "OPSD",
        "RFT",
        "RLOO",
        "SDPO",
        "SFT",
        "DistIL",
        "Distillation",
        "DrGRPO",
        "GroupRelative",
        "Imitation",
        "Learner",
        "MaxRL",
        "MiniLLM",
        "PolicyGradient",
    ),
    "policy": ("Policy", "PolicyConfig"),
    "rollout": ("Rollouts", "Sampling", "rollout"),
    "trainer": ("Trainer",),
}
"""Where the names live. Imported on first use: half of the command line needs no torch, which takes seconds."""


class _Package(ModuleType):
    """Two functions are called as their modules are, and Python binds a module in its package whenever it is imported.
    Here their names always mean the functions.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("evaluate", "rollout") and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"agents.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
