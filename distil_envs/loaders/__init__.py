"""Loaders for files and data sets of other forms than our JSONL; `load_tasks` tells the names they go by."""

from distil_envs.loaders.forms import FORMS, load_file
from distil_envs.loaders.hf import load_hf

__all__ = ["FORMS", "load_file", "load_hf"]
