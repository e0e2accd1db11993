"""What the processes of a run tell each other about a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object

from agents.rollout import Rollouts
from agents.update import Metrics, add


def gather_step(
    accelerator: Accelerator, metrics: Metrics, rollouts: Rollouts, recorded: Mapping[str, Mapping[str, Any]]
) -> tuple[Metrics, list[dict[str, Any]]]:
    """Metrics and episodes of all processes, in every process.

    Episodes come as rows of the log, ordered by group and sample: the order that one process alone would give them.
    Such a row is `Episode.to_dict` with ``logprobs`` (nats) of the tokens that the policy made, as they were drawn, and
    ``tokens`` where `recorded` has some under its rollout id (`Recorder.found`).
    """
    rows = []
    for group, episode, logprobs in zip(rollouts.group, rollouts.episodes, rollouts.logprobs, strict=True):
        row = {**episode.to_dict(), "logprobs": [float(f"{value:.7g}") for value in logprobs]}  # float32 has no more
        if episode.rollout_id in recorded:
            row["tokens"] = recorded[episode.rollout_id]
        rows.append((group, row))
    parts = gather_object([(metrics, rows)])
    total: Metrics = {}
    for part, _ in parts:
        add(total, part)
    ordered = sorted((row for _, part in parts for row in part), key=lambda row: row[0])
    return total, [episode for _, episode in ordered]
