"""What a step sampled, in figures: the part of a step's log that no learner knows."""

from __future__ import annotations

from collections.abc import Sequence

from agents.rollout import Rollouts, usable
from agents.update import Metrics
from distil_envs import Episode, Status, TokenEnv, ToolCalled


def describe(rollouts: Rollouts, env: TokenEnv) -> Metrics:
    """Rewards, success, format, lengths, feedback and copies, as (total, count)."""
    episodes = rollouts.episodes
    graded = [episode for episode in episodes if usable(episode)]
    count = float(len(graded))
    attempts = [attempt.outcome for episode in graded for attempt in episode.attempts if attempt.outcome]
    metrics: Metrics = {
        "reward": (sum(e.outcome.reward for e in graded if e.outcome), count),
        "success": (float(sum(e.outcome.success for e in graded if e.outcome)), count),
        "format": (float(sum(each.status is not Status.MALFORMED for each in attempts)), float(len(attempts))),
        "with_feedback": (float(sum(e.attempt.feedback is not None for e in episodes)), float(len(episodes))),
        "infra_errors": (float(len(episodes) - len(graded)), 0.0),
        "attempts": (float(sum(len(e.attempts) for e in episodes)), float(len(episodes))),
        "copied": copied(episodes, rollouts.group),
        "length": (float(rollouts.tokens), float(len(episodes))),
        "sampled_logp": (sum(map(sum, rollouts.logprobs)), float(rollouts.tokens)),
    }
    if env.max_attempts > 1:
        first = [e.attempts[0].outcome for e in graded]
        metrics["success_first"] = (float(sum(outcome.success for outcome in first if outcome)), count)
    if env.tools:
        calls = sum(len(outcome.trace.of(ToolCalled)) for outcome in attempts)
        metrics["tool_calls"] = (float(calls), float(len(episodes)))
    return metrics


def copied(episodes: Sequence[Episode], group: Sequence[int]) -> tuple[float, float]:
    """Attempts whose text an earlier one at the task in this step has, in the episode or in another of its group; and
    all that have an earlier one.
    """
    seen: dict[int, set[str]] = {}
    copies = total = 0
    for episode, of in zip(episodes, group, strict=True):
        for attempt in episode.attempts:
            before = seen.setdefault(of, set())
            total += bool(before)
            copies += attempt.text in before
            before.add(attempt.text)
    return float(copies), float(total)
