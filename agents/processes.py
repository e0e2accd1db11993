"""What the processes of a run tell each other about a step."""

from __future__ import annotations

from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object

from agents.rollout import Rollouts
from agents.update import Metrics, add


def gather_step(accelerator: Accelerator, metrics: Metrics, rollouts: Rollouts) -> tuple[Metrics, list[dict[str, Any]]]:
    """Metrics and episodes of all processes, in every process.

    Episodes come as rows of the log, ordered by group and sample: the order that one process alone would give them.
    """
    rows = [(group, episode.to_dict()) for group, episode in zip(rollouts.group, rollouts.episodes, strict=True)]
    parts = gather_object([(metrics, rows)])
    total: Metrics = {}
    for part, _ in parts:
        add(total, part)
    ordered = sorted((row for _, part in parts for row in part), key=lambda row: row[0])
    return total, [episode for _, episode in ordered]
