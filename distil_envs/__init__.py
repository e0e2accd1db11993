"""Environments for training language models from rich feedback."""
from distil_envs.episode import Attempt, Episode
from distil_envs.outcome import Check, Diagnosis, Event, Outcome, Raised, Status, TestResult, ToolOutput, Trace
from distil_envs.task import Task
