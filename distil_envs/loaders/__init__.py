"""Loaders for files and data sets of other forms than our JSONL; `load_tasks` tells the names they go by."""

from distil_envs.loaders.aime import load_aime
from distil_envs.loaders.gsm8k import load_gsm8k
from distil_envs.loaders.hf import load_hf
from distil_envs.loaders.humaneval import load_humaneval
from distil_envs.loaders.livecodebench import load_livecodebench
from distil_envs.loaders.math_like import load_math
from distil_envs.loaders.mbpp import load_mbpp

__all__ = ["load_aime", "load_gsm8k", "load_hf", "load_humaneval", "load_livecodebench", "load_math", "load_mbpp"]
