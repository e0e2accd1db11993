"""What a step's log says of its rollouts."""

from __future__ import annotations

from agents.describe import copied
from distil_envs import Attempt, Episode, Task


def test_copies_are_counted_within_a_task() -> None:
    def episode(*texts: str) -> Episode:
        return Episode(Task("t", "math", "x"), [Attempt((1,), (2,), text) for text in texts])

    # The first attempt at a task has nothing to repeat.
    assert copied([episode("a")], [0]) == (0.0, 0.0)
    assert copied([episode("a", "a", "b"), episode("b")], [0, 0]) == (2.0, 3.0)
    assert copied([episode("a", "b"), episode("b", "a")], [0, 1]) == (0.0, 2.0)
