"""A run's folder: the one place where training touches the disk.

    config.yaml         every option, as it was used
    metrics.jsonl       one row a step
    evaluations.jsonl   one row an evaluation and split
    episodes.jsonl      what was sampled, with outcomes and feedback
    resources.jsonl     what grading ran on, one row for each start and resume; absent where it needs nothing
    checkpoints/        step-000010/, …; complete or absent, never torn
    trackers.json       which run the trackers know this one as, and the last step that each was sent
    tensorboard/        the same numbers, written by the tracker of that name
    wandb/              likewise
    learning-curve.png
    curriculum.png      shares and success of families and levels; absent where there is but one
    model/              the result, a plain Hugging Face folder

Rows are appended; on resuming, those from after the checkpoint are cut off, so that logs have neither gap nor repeat.
Whatever else is written appears whole or not at all: a name that begins with a dot is rubbish of a crash.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import yaml

from agents.yaml_options import read_options
from distil_envs.errors import ConfigError

LOGS = ("metrics.jsonl", "evaluations.jsonl", "episodes.jsonl", "resources.jsonl")


class RunDirectory:
    """Paths, logs and checkpoints of one run. Only the main process of a run writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def require_new(self) -> None:
        """Raises ConfigError when the folder already holds a run."""
        if (self.path / "config.yaml").exists():
            raise ConfigError(
                f"{self.path} already holds a run: add --resume to go on with it, or choose another --run-dir"
            )

    def create(self, config: Mapping[str, Any]) -> None:
        """Begin a new run. Raises ConfigError when the folder already holds one."""
        self.require_new()
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot make the run folder {self.path}: {error.strerror}; choose another --run-dir"
            ) from error
        self.lock()
        self.write_config(config)

    def withdraw(self) -> None:
        """Undo `create` for a run that failed before its first step. Others' files in the folder stay."""
        for name in ("config.yaml", "evaluations.jsonl", "resources.jsonl", "trackers.json", ".lock"):
            (self.path / name).unlink(missing_ok=True)
        for name in ("tensorboard", "wandb"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for folder in (self.checkpoints, self.path):
            with suppress(OSError):  # not empty
                folder.rmdir()

    def config(self) -> dict[str, Any]:
        """The saved options. Raises ConfigError when there is no run here."""
        file = self.path / "config.yaml"
        if not file.is_file():
            raise ConfigError(f"no run in {self.path}: expected a config.yaml there; start one without --resume")
        return read_options(file, "the options of a run,")

    def require_same(self, differences: Mapping[str, tuple[Any, Any]]) -> None:
        """Raises ConfigError when the run was begun with other options: by name, the one now and the one then."""
        if differences:
            told = ", ".join(f"{name} (was {then!r}, now {now!r})" for name, (now, then) in differences.items())
            raise ConfigError(
                f"cannot resume {self.path} with other options: {told}; resume it as it was, or begin another run"
            )

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Save the options, for good or in place of earlier ones."""
        self._write("config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def tracking(self) -> dict[str, Any]:
        """What `write_tracking` saved; empty before."""
        file = self.path / "trackers.json"
        saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return saved

    def write_tracking(self, values: Mapping[str, Any]) -> None:
        """Save what `agents.trackers.Trackers` must know to go on. Resuming does not rewind it."""
        self._write("trackers.json", json.dumps(dict(values)) + "\n")

    def _write(self, name: str, text: str) -> None:
        scratch = self.path / f".{name}.new"
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path / name)

    def lock(self) -> None:
        """Keep every other process out until `close`, or until this one ends, however it ends.

        Raises ConfigError when another one is at work here.
        """
        self._lock = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise ConfigError(
                f"{self.path} is in use: another process is training there; wait for it, or choose another --run-dir"
            ) from None
        except OSError:
            pass  # a file system without locks

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def append(self, log: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to a log and hand them to the operating system."""
        # A lone surrogate, in what a user's code said, becomes its JSON escape.
        with (self.path / log).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)

    def log_step(self, step: int, row: Mapping[str, Any], episodes: Iterable[Mapping[str, Any]]) -> None:
        """One step's figures and episodes."""
        self.append("episodes.jsonl", ({"step": step, **episode} for episode in episodes))
        self.append("metrics.jsonl", [{"step": step, **row}])

    def close(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self, log: str) -> list[dict[str, Any]]:
        """All rows of a log, as `rows` gives them."""
        return list(self.rows(log))

    def rows(self, log: str) -> Iterator[dict[str, Any]]:
        """The rows of a log, one after the other; a last line torn by a crash is left out.

        Raises ConfigError for another broken line.
        """
        file = self.path / log
        if not file.exists():
            return
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(b"\n"):
                    yield _row(file, number, line)

    def rewind(self, step: int) -> None:
        """Cut off what was logged after `step`, and sweep up what a crash left half written."""
        for log in LOGS:
            file = self.path / log
            if file.exists():
                os.truncate(file, _end_of(file, step))
        for rest in [*self.path.glob(".*.new"), *self.path.glob(".*.old"), *self.checkpoints.glob(".step-*")]:
            if rest.is_dir():
                shutil.rmtree(rest)
            else:
                rest.unlink()

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A scratch folder that becomes `path`, whole and at once, when the block ends without an error."""
        scratch = path.with_name(f".{path.name}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        yield scratch
        _remove(path)
        scratch.rename(path)
        _sync(path.parent)

    def save_checkpoint(self, step: int, state: Mapping[str, Any], *, keep: int) -> Path:
        """Write a checkpoint beside the others, then make it appear at once; keep the newest `keep`."""
        for log in LOGS:  # a checkpoint must not outlive, in a power cut, the rows that it vouches for
            if (self.path / log).exists():
                _sync(self.path / log)
        final = self.checkpoints / f"step-{step:06d}"
        with self.replacing(final) as scratch, (scratch / "state.pt").open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        for old in self.steps()[:-keep]:
            _remove(self.checkpoints / f"step-{old:06d}")
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


def _row(log: Path, number: int, line: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        row = json.loads(line)
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            return row
    raise ConfigError(
        f"{log}, line {number} is no JSON object with a step, and no crash leaves such a line: mend or delete it"
    )


def _end_of(log: Path, step: int) -> int:
    """Where the rows up to `step` end, in bytes. They lie in the order of their steps; only the last may be torn."""
    end = 0
    with log.open("rb") as file:
        for number, line in enumerate(file, 1):
            torn = not line.endswith(b"\n")
            if torn or _row(log, number, line)["step"] > step:
                break
            end += len(line)
    return end


def _remove(folder: Path) -> None:
    """Delete a folder so that it is never seen with half its files."""
    if folder.exists():
        hidden = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(hidden, ignore_errors=True)
        folder.rename(hidden)
        shutil.rmtree(hidden)


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk itself."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
