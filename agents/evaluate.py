"""Evaluation: greedy accuracy, and avg@k, pass@k, maj@k and best@k of samples, over a finite set of tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.measures import Measures, by_kind, gain
from agents.policy import Policy
from agents.rollout import Sampling, failure, rollout, usable
from agents.statistics import Interval, proportion_interval
from distil_envs import Check, Episode, ToolCalled
from distil_envs.buckets import bucket_of
from distil_envs.counted import derive
from distil_envs.errors import ConfigError
from distil_envs.science.chance import Chance, chance
from distil_envs.vector import TokenVectorEnv


@dataclass
class Evaluation(Measures):
    """Results on one set of tasks. Infrastructure failures are left out of every figure and counted."""

    checks: dict[str, Interval] = field(default_factory=dict)
    """Share that passed each of the verifier's named checks in the end, greedily: for maths ``exact`` and
    ``value-anywhere``."""
    by_attempt: list[Interval] = field(default_factory=list)
    """Accuracy after one attempt, after two, …, greedily; empty where only one may be made. An episode that ended
    earlier counts as it ended."""
    gain: Interval | None = None
    """Accuracy after all attempts minus accuracy after one, paired over tasks; None likewise. Where no task was lost it
    is a share, with the interval of one; else a mean of differences, with a t interval."""
    by: dict[str, Measures] = field(default_factory=dict)
    """The measures of each domain, level and bucket of the tasks, where there are several (`by_kind`)."""
    status: dict[str, int] = field(default_factory=dict)
    """How the greedy episodes ended."""
    length: float = 0.0
    """Mean number of tokens that the policy made in an episode, greedily."""
    tool_calls: float = 0.0
    """Mean number of tools that it called in an episode, greedily."""
    chance: Chance | None = None
    """What a guess would reach; None unless all these tasks are multiple choice."""
    per_task: list[dict[str, Any]] = field(default_factory=list)
    """Results of each task, in order: what paired comparisons need. With samples also ``samples`` (usable ones),
    ``right`` (how many of them), and of each the ``answers``, ``marks`` (right or not) and ``rewards``."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**super().to_dict(), "chance": asdict(self.chance) if self.chance else None}


FIRST = "first attempt"


def shares(row: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The shares of tasks in a row of ``evaluations.jsonl`` (`Evaluation.to_dict`), by name.

    ``accuracy``; where several attempts may be made, `FIRST`, what it was after one; and the verifier's checks.
    """
    first = {FIRST: row["by_attempt"][0]} if row["by_attempt"] else {}
    return {"accuracy": row["accuracy"], **first, **row["checks"]}


def evaluate(
    policy: Policy, envs: TokenVectorEnv, *, seed: int, samples: int = 0, ks: Sequence[int] = (1,)
) -> Evaluation:
    """Do task i in row i, greedily once, and `samples` times at temperature 1.

    Args:
        envs: as many rows as there are tasks, autoreset mode ``DISABLED``. A finite task set is gone through by index;
            an environment that draws for itself gets a seed for each row.
        samples: episodes per task for avg@k, pass@k, maj@k and best@k; 0 for none.
        ks: which k to report; those above `samples` are left out. avg@k is of all samples.
    """
    greedy = _episodes(policy, envs, Sampling(seed, "evaluate-greedy", temperature=0.0))
    sampled = [_episodes(policy, envs, Sampling(seed, "evaluate-sample", sample)) for sample in range(samples)]
    return summary(greedy, sampled, ks=ks, max_attempts=envs.rows[0].max_attempts)


def summary(
    greedy: Sequence[Episode], sampled: Sequence[Sequence[Episode]], *, ks: Sequence[int], max_attempts: int
) -> Evaluation:
    """What these episodes show.

    Args:
        greedy: one for each task.
        sampled: any number of the same, at temperature 1.
        ks: as for `evaluate`.
        max_attempts: how many attempts an episode may have.

    Raises ConfigError where no greedy episode is usable.
    """
    usable_greedy = [episode for episode in greedy if usable(episode)]
    if not usable_greedy:
        told = failure(greedy[0].outcome) if greedy and greedy[0].outcome else "nothing"
        raise ConfigError(
            f"none of the {len(greedy)} attempts could be graded: every verification failed on our side: {told}"
        )
    per_task = [_row(index, episode) for index, episode in enumerate(greedy)]
    for index, row in enumerate(per_task if sampled else ()):
        row |= _samples([episodes[index] for episodes in sampled if usable(episodes[index])])
    kept = [k for k in ks if k <= len(sampled)]
    names = sorted({name for row in per_task for name in row["checks"]})
    count = len(usable_greedy)
    after = [[_success_after(episode, k) for episode in usable_greedy] for k in range(1, max_attempts + 1)]
    several = max_attempts > 1
    return Evaluation(
        **vars(Measures.of(per_task, kept)),
        checks={name: _share([row["checks"].get(name, False) for row in per_task if row["usable"]]) for name in names},
        by_attempt=[_share(values) for values in after] if several else [],
        gain=gain(after[0], after[-1]) if several else None,
        by=by_kind(per_task, [episode.task for episode in greedy], kept),
        status=dict(Counter(str(e.outcome.status) for e in greedy if e.outcome is not None)),
        length=sum(sum(attempt.sampled) for e in usable_greedy for attempt in e.attempts) / count,
        tool_calls=sum(_calls(episode) for episode in usable_greedy) / count,
        chance=chance(episode.task for episode in usable_greedy),
        per_task=per_task,
    )


def _episodes(policy: Policy, envs: TokenVectorEnv, sampling: Sampling) -> list[Episode]:
    tasks = range(envs.num_envs)
    finite = isinstance(envs.rows[0].tasks, Sequence)
    resets = [(derive(sampling.seed, "evaluate", i) % 2**31, {"index": i} if finite else {}) for i in tasks]
    return rollout(policy, envs, resets, [(i, 0) for i in tasks], sampling).episodes


def _success(episode: Episode) -> bool:
    return episode.outcome is not None and episode.outcome.success


def _success_after(episode: Episode, attempts: int) -> bool:
    """Whether it is solved after so many attempts, or after those that were made."""
    return _success(episode.upto(min(attempts, len(episode.attempts)) - 1))


def _calls(episode: Episode) -> int:
    return sum(len(attempt.outcome.trace.of(ToolCalled)) for attempt in episode.attempts if attempt.outcome)


def _row(index: int, episode: Episode) -> dict[str, Any]:
    checks: list[Check] = episode.outcome.trace.of(Check) if episode.outcome else []
    return {
        "index": index,
        "task": episode.task.id,
        "bucket": str(bucket_of(episode.task)),
        "usable": usable(episode),
        "correct": _success(episode),
        "attempts": [str(attempt.outcome.status) for attempt in episode.attempts if attempt.outcome],
        "checks": {check.name: check.passed for check in checks},
        "text": episode.attempt.text,
    }


def _samples(episodes: Sequence[Episode]) -> dict[str, Any]:
    outcomes = [episode.outcome for episode in episodes if episode.outcome is not None]
    return {
        "samples": len(outcomes),
        "right": sum(outcome.success for outcome in outcomes),
        "answers": [outcome.answer for outcome in outcomes],
        "marks": [outcome.success for outcome in outcomes],
        "rewards": [outcome.reward for outcome in outcomes],
    }


def _share(values: Sequence[bool]) -> Interval:
    return proportion_interval(sum(values), len(values))
