"""Trajectories as chats for other trainers, in the forms that TRL's SFTTrainer and DPOTrainer read.

Texts are what was graded, which says nothing of the calls of tools before it; an attempt that made some is no plain
chat and is left out. So is whatever failed on our side (law 4).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, Literal, get_args

from agents.trajectories.parquet import whole_characters
from agents.trajectories.trajectory import Trajectory
from distil_envs import Attempt, Status, Task
from distil_envs.errors import ConfigError

Targets = Literal["correct", "correction", "both"]
"""What SFT imitates: successful attempts, the corrections in the feedback on failed ones, or both."""
Chat = list[dict[str, str]]
Ask = Callable[[Task], Chat]
"""The chat before the first attempt at a task: `TokenEnv.messages`."""
Rows = Iterator[dict[str, Any]]
LEARNABLE = frozenset(Status) - {Status.INFRA_ERROR}


def sft_rows(trajectories: Iterable[Trajectory], ask: Ask, targets: Targets = "correct") -> Rows:
    """Chats that end with what is to be imitated, ``{"messages": [...]}``.

    A success after several attempts is the whole chat, the failed ones and the replies to them included; a correction
    is what should have been said in the place of the failed attempt that it corrects.
    """
    if targets not in get_args(Targets):
        raise ConfigError(f"targets must be one of {', '.join(get_args(Targets))}, got {targets!r}")
    for trajectory in trajectories:
        chat = ask(trajectory.episode.task)
        for attempt in trajectory.episode.attempts:
            for answer in _answers(attempt, targets):
                yield {"messages": [*chat, _said("assistant", answer)]}
            if attempt.inserted:
                break
            chat = [*chat, _said("assistant", attempt.text), _said("user", attempt.reply)]


def preference_rows(trajectories: Iterable[Trajectory], ask: Ask) -> Rows:
    """Pairs ``{"prompt": [...], "chosen": [...], "rejected": [...]}`` of first attempts at the same task.

    Within a group every success is set against another failure, as far as there are both, so that no text stands in
    two pairs of the group. The trajectories of a group must lie side by side, as they do in a run's log.
    """
    for _, members in groupby(trajectories, key=lambda trajectory: trajectory.group):
        episodes = [trajectory.episode for trajectory in members]
        firsts = [episode.attempts[0] for episode in episodes if episode.attempts]
        right = dict.fromkeys(attempt.text for attempt in firsts if _learnable(attempt, success=True))
        wrong = dict.fromkeys(attempt.text for attempt in firsts if _learnable(attempt, success=False))
        both = right.keys() & wrong.keys()  # as when one of them ran out of time
        pairs = zip(
            (text for text in right if text not in both), (text for text in wrong if text not in both), strict=False
        )
        for chosen, rejected in pairs:
            answers = {"chosen": [_said("assistant", chosen)], "rejected": [_said("assistant", rejected)]}
            yield {"prompt": ask(episodes[0].task), **answers}


def unique(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The rows as lines of JSON without a line break, each once, with U+FFFD for half a surrogate pair: no tokenizer
    can read that.
    """
    seen: set[str] = set()
    for row in rows:
        line = json.dumps(whole_characters(row), ensure_ascii=False)
        if line not in seen:
            seen.add(line)
            yield line


def _answers(attempt: Attempt, targets: Targets) -> Iterator[str]:
    if targets != "correction" and _learnable(attempt, success=True):
        yield attempt.text
    correction = attempt.feedback.correction if attempt.feedback else None
    failed = attempt.outcome is not None and attempt.outcome.status in LEARNABLE and not attempt.outcome.success
    if targets != "correct" and failed and correction:
        yield correction


def _learnable(attempt: Attempt, *, success: bool) -> bool:
    outcome = attempt.outcome
    graded = outcome is not None and outcome.status in LEARNABLE and outcome.success == success
    return graded and bool(attempt.text.strip()) and not attempt.inserted


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
