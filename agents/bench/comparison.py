"""``comparison.json``: what a bench has found so far, as numbers that `distil report` draws without torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from agents.bench.measured import Checkpoint
from agents.bench.settle import Settled
from agents.bench.summary import compare, overall
from agents.report.comparison import FILE, VERSION


def write_comparison(folder: Path, settled: Settled, checkpoint: Checkpoint) -> None:
    """Settings with their learners, differences and curves, what learners chose, and learners over all environments.

    Raises ConfigError as `compare` does.
    """
    plan, rows = settled.plan, settled.rows
    found = {
        "version": VERSION,
        "finished": len(rows),
        "planned": len(list(plan.cells())),
        "checkpoint": checkpoint,
        "learners": list(plan.learners),
        "cells": {cell.folder: cell.learner for cell in plan.cells()},
        "trials": {"seeds": list(plan.tune.seeds), "names": list(plan.tune.trials())},
        "choices": [_plain(each) for each in settled.choices],
        "settings": [_plain(each) for each in compare(plan, rows, checkpoint)],
        "overall": [_plain(each) for each in overall(plan, rows, checkpoint)],
    }
    new = folder / f".{FILE}.{os.getpid()}"  # who reads meanwhile sees the old one or this, whole
    new.write_text(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    new.replace(folder / FILE)


def _plain(value: Any) -> Any:
    """JSON values: numbers with six digits, None for those that are not finite."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
