"""Episodes for the viewer: a small index of all, and the rest in compressed blocks that are opened when looked at.

Rows of three kinds stand in one list: rollouts of training, and the greedy answers of evaluations, in the pool and
held out. Every string is data of a JSON document in base64: nothing of it is part of the page's markup.

Ids of tasks are names that people gave, so two sets may use the same. Tasks are told apart by what they ask.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

from agents.report.groups import Group
from agents.report.runs import Row, Run

WORDS_IN_BLOCK, TOKENS_IN_BLOCK = 64, 16
"""Episodes of a block: of their words, and of what was recorded of their tokens."""
COLUMNS = ("run", "source", "step", "task", "group", "status", "reward", "length", "preview", "recorded", "change")
PREVIEW = 80
"""Characters of an answer that the list shows."""
TRAINING, POOL = "training", "pool"
"""Rollouts, and the set of evaluations that has the tasks of training."""


@dataclass
class Packed:
    """What the page holds of the episodes."""

    index: dict[str, Any]
    """``runs``, ``tasks``, ``groups``, ``statuses``, ``sources`` (names) and `COLUMNS`, a list over the episodes each;
    all but step, reward, length (tokens; -1 where it is not known), preview, recorded (0 or 1) and change are places
    in the names. Change: 1 where the task was wrong first and right in the end, -1 the other way round, else 0."""
    words: list[str] = field(default_factory=list)
    """Blocks of `WORDS_IN_BLOCK` episodes in the order of the index."""
    tokens: list[str] = field(default_factory=list)
    """Blocks of `TOKENS_IN_BLOCK` among the recorded episodes, in their order."""
    thinned: int = 1
    """Every how many-th group of rollouts, and task of an evaluation, is here."""
    left_out: int = 0
    """Episodes that are not, for that."""


class _Names:
    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def __call__(self, name: Any) -> int:
        return self.places.setdefault(str(name), len(self.places))


def pack(groups: Iterable[Group], limit: int) -> Packed:
    """All episodes of these runs, at most about `limit`: of more, groups of rollouts and tasks of evaluations evenly.

    A task of an evaluation is here with all its answers over training, or not at all. What a log holds that is no
    episode is left out and becomes a problem of its run.
    """
    runs = [(group, run) for group in groups for run in group.runs]
    total = sum(_lines(run) + sum(len(row["per_task"]) for row in run.evaluations) for _, run in runs)
    every = -(-total // limit) or 1
    names = {column: _Names() for column in ("task", "group", "status", "source")}
    columns: dict[str, list[Any]] = {column: [] for column in COLUMNS}
    made = Packed({}, thinned=every)
    words, tokens = _Blocks(made.words, WORDS_IN_BLOCK), _Blocks(made.tokens, TOKENS_IN_BLOCK)
    met: list[str] = []
    for place, (_, run) in enumerate(runs):
        prompts = _Prompts(run)
        for found in chain(_rollouts(run, every, prompts), _answers(run, every, prompts)):
            if found is None:
                made.left_out += 1
                continue
            entry, text, recorded = found
            met.append(entry.pop("met"))
            entry |= {"run": place, "recorded": int(recorded is not None), "change": 0}
            for column, values in columns.items():
                values.append(names[column](entry[column]) if column in names else entry[column])
            words.add(text)
            if recorded is not None:
                tokens.add(recorded)
    words.close()
    tokens.close()
    columns["change"] = _changes(met, columns, list(names["status"].places))
    made.index = {
        "runs": [
            {"name": run.name, "setting": group.setting, "label": group.label, "seed": str(run.seed)}
            for group, run in runs
        ],
        "tasks": list(names["task"].places),
        "groups": list(names["group"].places),
        "statuses": list(names["status"].places),
        "sources": list(names["source"].places),
        **columns,
        "inBlock": [WORDS_IN_BLOCK, TOKENS_IN_BLOCK],
    }
    return made


def compressed(value: Any) -> str:
    """JSON, gzip, base64: what ``DecompressionStream`` reads."""
    data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")


class _Blocks:
    def __init__(self, into: list[str], size: int) -> None:
        self.into, self.size = into, size
        self.rows: list[Any] = []

    def add(self, row: Any) -> None:
        self.rows.append(row)
        if len(self.rows) == self.size:
            self.close()

    def close(self) -> None:
        if self.rows:
            self.into.append(compressed(self.rows))
        self.rows = []


Entry = tuple[Row, dict[str, Any], dict[str, Any] | None]
"""Of one episode: its values in the columns, its words, and what was recorded of its tokens.

Beside the columns there is ``met``, equal where a run met the same task in the same source.
"""


class _Prompts:
    """What the pool's tasks ask, which evaluations do not tell, from the rollouts of the same run."""

    def __init__(self, run: Run) -> None:
        of_pool = [row["per_task"] for row in run.evaluations if row["set"] == POOL]
        times = [Counter(task["task"] for task in tasks if _is_answer(task)) for tasks in of_pool]
        self.wanted = {task for counts in times for task in counts if all(each[task] < 2 for each in times)}
        self.found: dict[str, Any] = {}

    def see(self, row: Row) -> None:
        """A row of ``episodes.jsonl``."""
        task = row.get("task")
        if isinstance(task, dict) and isinstance(task.get("id"), str) and task["id"] in self.wanted:
            prompt = task.get("prompt")
            known = self.found.setdefault(task["id"], prompt)
            if known != prompt:
                self.found[task["id"]] = None  # two tasks have this id: nobody knows which was answered

    def of(self, row: Row, task: Row) -> Any:
        """That of a task in a row of ``evaluations.jsonl``; None where it is not known."""
        return self.found.get(task["task"]) if row["set"] == POOL else None


def _lines(run: Run) -> int:
    file = run.path / "episodes.jsonl"
    if not file.is_file():
        return 0
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _rollouts(run: Run, every: int, prompts: _Prompts) -> Iterator[Entry | None]:
    """None for each that is left out."""
    broken = 0
    groups = groupby(run.rows("episodes.jsonl"), key=lambda row: (row["step"], row.get("group_id")))
    for number, (_, rows) in enumerate(groups):
        for row in rows:
            prompts.see(row)
            if number % every:
                yield None
                continue
            try:
                yield _rollout(run, row)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError):
                broken += 1
    if broken:
        run.problems.append(f"episodes.jsonl: {broken} rows are no episodes and are left out")


def _rollout(run: Run, row: Row) -> Entry:
    task, attempts = row["task"], row["attempts"]
    outcome = attempts[-1]["outcome"]
    start = len(attempts[0]["prompt_ids"])
    entry = {
        "source": TRAINING,
        "step": row["step"],
        "task": task["id"],
        "group": f"{run.path}\n{row['step']}\n{row['group_id']}",
        "met": json.dumps([str(run.path), task["id"], task["prompt"], task["reference"]]),
        "status": outcome["status"] if outcome else "ungraded",
        "reward": float(outcome["reward"]) if outcome else 0.0,
        "length": sum(len(each["completion_ids"]) - sum(b - a for a, b in each["inserted"]) for each in attempts),
        "preview": attempts[-1]["text"][:PREVIEW],
    }
    text = {
        "prompt": task["prompt"],
        "reference": task["reference"],
        "id": row["rollout_id"],
        # Where each attempt's tokens begin and end among the recorded ones, and which a tool put there.
        "attempts": [
            {
                "text": each["text"],
                "outcome": each["outcome"],
                "feedback": each["feedback"],
                "reply": each["reply"],
                "inserted": each["inserted"],
                "tokens": [at := len(each["prompt_ids"]) - start, at + len(each["completion_ids"])],
            }
            for each in attempts
        ],
    }
    recorded = row.get("tokens")
    if recorded is not None and len(recorded["text"]) != text["attempts"][-1]["tokens"][1]:
        raise ValueError("recorded tokens are not those of the attempts")
    return entry, text, recorded if recorded is None else {**recorded, "drawn": row.get("logprobs")}


def _is_answer(task: Any) -> bool:
    return isinstance(task, dict) and isinstance(task.get("task"), str)


def _answers(run: Run, every: int, prompts: _Prompts) -> Iterator[Entry | None]:
    """The greedy answers of the evaluations; None for each that is left out."""
    for row in run.evaluations:
        source = row["set"] if row.get("prompt") in (None, "zero-shot") else f"{row['set']}, {row['prompt']}"
        for number, task in enumerate(row["per_task"]):
            if not _is_answer(task):
                continue
            if number % every:
                yield None
                continue
            statuses = task.get("attempts") or []
            group = f"{run.path}\n{source}\n{task.get('index')}\n{task['task']}"
            entry = {
                "source": source,
                "step": row["step"],
                "task": task["task"],
                "group": group,
                "met": group,
                "status": statuses[-1] if statuses else "correct" if task.get("correct") else "wrong",
                "reward": float(bool(task.get("correct"))),
                "length": -1,
                "preview": str(task.get("text", ""))[:PREVIEW],
            }
            answer = {name: task[name] for name in task if name not in ("index", "task")}
            yield entry, {"answer": answer, "prompt": prompts.of(row, task)}, None


def _changes(met: list[str], columns: dict[str, list[Any]], statuses: list[str]) -> list[int]:
    """For every episode whether its task was mostly wrong at first and mostly right in the end, or the reverse."""
    shares: dict[str, dict[int, list[bool]]] = {}
    for task, step, status in zip(met, columns["step"], columns["status"], strict=True):
        if statuses[status] not in ("infra_error", "ungraded"):
            shares.setdefault(task, {}).setdefault(step, []).append(statuses[status] == "correct")
    found = {}
    for task, steps in shares.items():
        first, last = (sum(steps[at]) / len(steps[at]) >= 0.5 for at in (min(steps), max(steps)))
        found[task] = int(last) - int(first)
    return [found.get(task, 0) for task in met]
