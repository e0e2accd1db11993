"""Which positions of a completion an expert has anything to do with."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs import Episode


def made_by_policy(episode: Episode, completion: Sequence[int]) -> tuple[bool, ...]:
    """For each id of a completion of the last attempt, whether the policy made it, as far as is known.

    Results of tools are known in the attempt's own ids; in others put in its place everything counts as made.
    """
    attempt = episode.attempt
    return attempt.sampled if tuple(completion) == tuple(attempt.completion_ids) else (True,) * len(completion)
