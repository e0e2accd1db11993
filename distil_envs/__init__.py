"""Environments for training language models from rich feedback.

Importing this registers ``distil/Math-v0``, ``distil/Science-v0``, ``distil/Code-v0`` and
``distil/Toy-v0`` with Gymnasium.
"""

from distil_envs.curriculum import CurriculumConfig
from distil_envs.env import TokenEnv
from distil_envs.episode import Attempt, Episode
from distil_envs.grading import Grader, Verifier, isolated
from distil_envs.outcome import (
    CallStatus,
    Check,
    Diagnosis,
    Event,
    ExecutedLines,
    Outcome,
    Raised,
    Resources,
    Status,
    TestResult,
    ToolCalled,
    ToolOutput,
    Trace,
)
from distil_envs.registration import register, register_built_in
from distil_envs.task import Task
from distil_envs.task_set import TaskSet, load_tasks
from distil_envs.tokenization import ByteTokenizer, encode_chat, encode_inert
from distil_envs.vector import TokenVectorEnv

__all__ = [
    "Attempt",
    "ByteTokenizer",
    "CallStatus",
    "Check",
    "CurriculumConfig",
    "Diagnosis",
    "Episode",
    "Event",
    "ExecutedLines",
    "Grader",
    "Outcome",
    "Raised",
    "Resources",
    "Status",
    "Task",
    "TaskSet",
    "TestResult",
    "TokenEnv",
    "TokenVectorEnv",
    "ToolCalled",
    "ToolOutput",
    "Trace",
    "Verifier",
    "encode_chat",
    "encode_inert",
    "isolated",
    "load_tasks",
    "register",
]

register_built_in()
