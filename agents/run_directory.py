"""A run's folder: the one place where training touches the disk.

    config.yaml         every option, as it was used
    metrics.jsonl       one row a step
    evaluations.jsonl   one row an evaluation and split
    episodes.jsonl      what was sampled, with outcomes and feedback
    checkpoints/        step-000010/, …; complete or absent, never torn
    tensorboard/        the same numbers
    learning-curve.png
    model/              the result, a plain Hugging Face folder

Rows are appended; on resuming, those from after the checkpoint are dropped, so that logs have neither gap nor repeat.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from distil_envs.errors import ConfigError

LOGS = ("metrics.jsonl", "evaluations.jsonl", "episodes.jsonl")


class RunDirectory:
    """Paths, logs and checkpoints of one run. Only the main process of a run makes one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._board: Any = None  # TensorBoard's writer, from the first step on

    def create(self, config: Mapping[str, Any]) -> None:
        """Begin a new run. Raises ConfigError when the folder already holds one."""
        if (self.path / "config.yaml").exists():
            raise ConfigError(
                f"{self.path} already holds a run: add --resume to go on with it, or choose another --run-dir"
            )
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        self.write_text("config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def config(self) -> dict[str, Any]:
        """The saved options. Raises ConfigError when there is no run here."""
        file = self.path / "config.yaml"
        if not file.is_file():
            raise ConfigError(f"no run in {self.path}: expected a config.yaml there; start one without --resume")
        loaded: dict[str, Any] = yaml.safe_load(file.read_text())
        return loaded

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def append(self, log: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to a log and hand them to the operating system."""
        with (self.path / log).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)

    def log_step(self, step: int, row: Mapping[str, Any], episodes: Iterable[Mapping[str, Any]]) -> None:
        """One step's figures and episodes, to all logs."""
        self.append("episodes.jsonl", ({"step": step, **episode} for episode in episodes))
        self.append("metrics.jsonl", [{"step": step, **row}])
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)
        for name, value in row.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, step)
        self._board.flush()

    def close(self) -> None:
        """Close what is open."""
        if self._board is not None:
            self._board.close()

    def read(self, log: str) -> list[dict[str, Any]]:
        """All rows of a log; a last line torn by a crash is left out."""
        file = self.path / log
        rows = []
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def rewind(self, step: int) -> None:
        """Drop what was logged after `step`."""
        for log in LOGS:
            if (self.path / log).exists():
                kept = [row for row in self.read(log) if row["step"] <= step]
                self.write_text(log, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept))

    def write_text(self, name: str, text: str) -> None:
        """Replace a file atomically."""
        scratch = self.path / f".{name}.new"
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path / name)

    def save_checkpoint(self, step: int, state: Mapping[str, Any], *, keep: int) -> Path:
        """Write a checkpoint beside the others, then make it appear at once; keep the newest `keep`."""
        final = self.checkpoints / f"step-{step:06d}"
        scratch = self.checkpoints / f".step-{step:06d}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        with (scratch / "state.pt").open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        scratch.rename(final)
        for old in self.steps()[:-keep]:
            shutil.rmtree(self.checkpoints / f"step-{old:06d}")
        return final

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, in order."""
        found = self.checkpoints.glob("step-*/state.pt")
        return sorted(int(file.parent.name.removeprefix("step-")) for file in found)

    def load_checkpoint(self) -> tuple[int, dict[str, Any]]:
        """The newest checkpoint, or step 0 with an empty state."""
        steps = self.steps()
        if not steps:
            return 0, {}
        file = self.checkpoints / f"step-{steps[-1]:06d}" / "state.pt"
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return steps[-1], state
