"""Figures of a run for those who watch it: TensorBoard, Weights & Biases and trackio, through accelerate's trackers.

A run that is resumed goes on under the identity that it began with, and shows each step once. TensorBoard takes back
what was logged after the checkpoint (``purge_step``). The others cannot, so a step that they were sent is not sent
again: law 2 makes it the same.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from agents.run_directory import RunDirectory
from distil_envs.errors import ConfigError, told

TRACKERS = ("tensorboard", "wandb", "trackio")
"""The names by which accelerate knows them, which are also those of their distributions."""


def require_trackers(names: Sequence[str], project: str) -> None:
    """Raises ConfigError for a tracker that does not exist or is not installed, or a name that no project can have."""
    for name in names:
        if name not in TRACKERS:
            raise ConfigError(f"no tracker {name!r}; known: {', '.join(TRACKERS)}")
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            raise ConfigError(
                f"the tracker {name} is not installed: pip install 'distil-envs[{name}]', or leave it out of trackers"
            ) from None
    if not re.fullmatch(r"[^/\\#?%:\s]{1,128}", project) or not project.strip("."):
        raise ConfigError(f"tracker_project must be 1 to 128 characters without / \\ # ? % : or space, got {project!r}")


def tracked_accelerator(names: Sequence[str], path: Path, *, cpu: bool) -> Accelerator:
    """An Accelerator for a run in the folder `path` that logs with these."""
    return Accelerator(cpu=cpu, log_with=list(names) or None, project_dir=path / "tensorboard")


class Trackers:
    """The trackers of one run. Only its main process uses them."""

    def __init__(self, accelerator: Accelerator, run: RunDirectory, project: str) -> None:
        self._accelerator, self._run, self._project = accelerator, run, project
        self._sent: dict[str, int] = {}
        """The last step that each was sent."""
        self._id = ""

    def start(self, first: int, config: Mapping[str, Any]) -> None:
        """Begin, or go on with, the run at the step `first`.

        Raises ConfigError for a tracker that will not begin, such as one that nobody has logged in to.
        """
        saved = self._run.tracking()
        self._id, self._sent = saved.get("id") or secrets.token_hex(4), dict(saved.get("sent", {}))
        self._run.write_tracking({"id": self._id, "sent": self._sent})
        folder = self._run.path / "tensorboard" / self._project
        # TensorBoard reads files in the order of their names, whose first difference is the second they were begun.
        while any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
            time.sleep(0.05)
        name, config = self._run.path.resolve().name, dict(config)
        try:
            self._accelerator.init_trackers(
                self._project,
                init_kwargs={
                    "tensorboard": {"purge_step": first},
                    "wandb": {
                        "id": self._id, "name": name, "dir": str(self._run.path), "resume": "allow", "config": config,
                    },
                    "trackio": {"name": f"{name}-{self._id}", "resume": "allow", "config": config},
                },
            )  # fmt: skip
        except Exception as error:
            raise ConfigError(
                f"a tracker could not begin ({type(error).__name__}: {told(error)}): mend that, or leave it out of "
                f"trackers ({', '.join(map(str, self._accelerator.log_with))})"
            ) from error

    def log(self, step: int, figures: Mapping[str, Any]) -> None:
        """Everything that is known of a step, in one call: the numbers among the figures."""
        numbers = {name: value for name, value in figures.items() if isinstance(value, (int, float))}
        trackers = [each for each in self._accelerator.trackers if step > self._sent.get(each.name, -1)]
        # First noted, then sent: a crash between the two loses a step of these, and never doubles one.
        sent = {each.name: step for each in trackers if each.name != "tensorboard"}
        if sent:
            self._sent |= sent
            self._run.write_tracking({"id": self._id, "sent": self._sent})
        for tracker in trackers:
            tracker.log(numbers, step=step)

    def close(self) -> None:
        """Send what is left."""
        for tracker in self._accelerator.trackers:
            with suppress(AttributeError):  # one that never began
                tracker.finish()
        self._accelerator.trackers = []


def evaluation_figures(name: str, prompt: str, result: Mapping[str, Any]) -> dict[str, float]:
    """What an evaluation (`Evaluation.to_dict`) of the set `name` measured, as ``set/metric``.

    That is accuracy and checks, and where it drew samples avg@k, pass@k, maj@k and best@k.
    """
    prefix = name if prompt == "zero-shot" else f"{name} {prompt}"
    values = {"accuracy": result["accuracy"], **result["checks"]}
    for kind in ("avg", "pass", "maj", "best"):
        values |= {f"{kind}@{k}": value for k, value in result[f"{kind}_at"].items()}
    return {f"{prefix}/{metric}": float(value["mean"]) for metric, value in values.items()}
