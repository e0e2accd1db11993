"""Stored attempts graded with today's verifier, beside the grades that they have."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from agents.run_directory import RunDirectory
from agents.trajectories.files import RESCORED, key, read_run
from agents.trajectories.trajectory import Trajectory
from distil_envs import Attempt, Outcome, Raised, Status, Task, Trace
from distil_envs.errors import ConfigError
from distil_envs.grading import Grader, grade
from distil_envs.outcome import ToolCalled

AHEAD = 64
"""Episodes whose grading is under way or done before the first of them is taken."""
UNFINISHED = f".{RESCORED}.new"


@dataclass(frozen=True)
class Regraded:
    """One attempt with the outcome that it had and the one that it has now."""

    run: str
    step: int
    rollout_id: str
    attempt: int
    """Counted from 0."""
    task: str
    text: str
    old: Outcome
    new: Outcome

    @property
    def changed(self) -> bool:
        """Whether status or reward are others now."""
        return (self.old.status, self.old.reward) != (self.new.status, self.new.reward)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without traces."""
        outcomes = {
            name: {"status": str(outcome.status), "reward": outcome.reward, "answer": outcome.answer}
            for name, outcome in (("old", self.old), ("new", self.new))
        }
        return {name: value for name, value in vars(self).items() if name not in outcomes} | outcomes


def rescore(run: Path, verify: Callable[[Task, str], Outcome], *, resume: bool = False) -> Iterator[list[Regraded]]:
    """Grade the attempts of a run, episode by episode in the order of its log.

    Writes ``rescored.jsonl`` beside it, which appears when the last one is graded: a row an episode with ``step``,
    ``rollout_id`` and ``outcomes``, one an attempt. `read_run` reads it. The original is never touched. An attempt that
    ended because a tool could not be run keeps its outcome: there was nothing to grade.

    Args:
        run: its folder.
        verify: such as `TokenEnv.verify`; called from threads.
        resume: go on with what an earlier call that did not end had graded.

    Raises ConfigError as `read_run` does, or where what is to be gone on with does not fit.
    """
    unfinished = run / UNFINISHED
    done = _done(unfinished) if resume else []
    try:
        with Grader() as grader, unfinished.open("a" if resume else "w", encoding="utf-8") as file:
            for number, (trajectory, outcomes) in enumerate(_graded(run, verify, grader, done)):
                if number >= len(done):
                    row = {"step": trajectory.step, "rollout_id": trajectory.row["rollout_id"]}
                    row["outcomes"] = [outcome and outcome.to_dict() for outcome in outcomes]
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                yield _pairs(trajectory, outcomes)
        unfinished.replace(run / RESCORED)
    finally:
        if unfinished.exists() and not unfinished.stat().st_size:  # nothing to go on with
            unfinished.unlink()


def _done(unfinished: Path) -> list[dict[str, Any]]:
    """What was graded before; a last line torn by a crash is cut off."""
    if unfinished.exists():
        os.truncate(unfinished, unfinished.read_bytes().rfind(b"\n") + 1)
    return RunDirectory(unfinished.parent).read(unfinished.name)


def _graded(
    run: Path, verify: Callable[[Task, str], Outcome], grader: Grader, done: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Trajectory, list[Outcome | None]]]:
    """Every trajectory with new outcomes, in order; those that `done` begins with have theirs already."""
    under_way: deque[tuple[Trajectory, list[Future[Outcome] | Outcome | None]]] = deque()
    for number, trajectory in enumerate(read_run(run)):
        attempts = trajectory.episode.attempts
        if number < len(done):
            if key(done[number]) != key(trajectory.row) or len(done[number]["outcomes"]) != len(attempts):
                raise ConfigError(f"{run / UNFINISHED} does not fit {run}: grade from the beginning, without --resume")
            yield trajectory, [outcome and Outcome.from_dict(outcome) for outcome in done[number]["outcomes"]]
            continue
        under_way.append((trajectory, [_begin(grader, verify, trajectory.episode.task, each) for each in attempts]))
        if len(under_way) >= AHEAD:
            yield _ended(*under_way.popleft())
    while under_way:
        yield _ended(*under_way.popleft())


def _begin(
    grader: Grader, verify: Callable[[Task, str], Outcome], task: Task, attempt: Attempt
) -> Future[Outcome] | Outcome | None:
    if attempt.outcome is None or _tool_failed(attempt.outcome):
        return attempt.outcome
    return grader.submit(partial(grade, verify, task, attempt.text))


def _ended(
    trajectory: Trajectory, begun: list[Future[Outcome] | Outcome | None]
) -> tuple[Trajectory, list[Outcome | None]]:
    outcomes: list[Outcome | None] = []
    for attempt, given in zip(trajectory.episode.attempts, begun, strict=True):
        outcome = given.result() if isinstance(given, Future) else given
        if isinstance(given, Future) and attempt.outcome is not None:
            calls = attempt.outcome.trace.of(ToolCalled)  # which no verifier tells again
            outcome = replace(given.result(), trace=Trace((*calls, *given.result().trace.events)))
        outcomes.append(outcome)
    return trajectory, outcomes


def _tool_failed(outcome: Outcome) -> bool:
    return outcome.status is Status.INFRA_ERROR and any(e.type == "ToolFailed" for e in outcome.trace.of(Raised))


def _pairs(trajectory: Trajectory, outcomes: list[Outcome | None]) -> list[Regraded]:
    episode, found = trajectory.episode, []
    for index, (attempt, new) in enumerate(zip(episode.attempts, outcomes, strict=True)):
        if attempt.outcome is not None and new is not None:
            where = (trajectory.run, trajectory.step, episode.rollout_id, index, episode.task.id)
            found.append(Regraded(*where, attempt.text, attempt.outcome, new))
    return found
