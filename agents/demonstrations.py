"""Demonstrations of how feedback is read, made from the environment's own tasks, verifier and feedback provider."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from distil_envs import Attempt, Episode, Status, Task
from distil_envs.counted import derive
from distil_envs.env import TokenEnv
from distil_envs.grading import grade
from distil_envs.resources import Provider, feedback_of
from distil_envs.text import fenced
from feedback.context import Demonstration

PATIENCE = 200
"""Tasks looked at before giving up on finding enough for the demonstrations."""


def demonstrate(env: TokenEnv, provider: Provider, count: int) -> tuple[Demonstration, ...]:
    """Up to `count` demonstrations: question, wrong attempt, feedback, right answer.

    The wrong attempt is the first of the task's own wrong solutions, which code tasks have, or another task's answer.
    The tasks come from the train split and, where it has others, from outside the pool that is trained on. Tasks
    without a `Task.answer`, and providers that say nothing about such an attempt, give no demonstration.
    """
    tasks = list(_solved_tasks(env, count + 1))
    made: list[Demonstration] = []
    for task, other in zip(tasks, tasks[1:] + tasks[:1], strict=True):
        shown = _demonstrate(env, provider, task, _wrong_solution(task) or str(other.answer))
        if shown is not None and len(made) < count:
            made.append(shown)
    return tuple(made)


def _solved_tasks(env: TokenEnv, count: int) -> Iterator[Task]:
    seed = derive(0, "demonstrations")
    if type(env).draw is not TokenEnv.draw:  # a subclass whose tasks are its own: `tasks` and `source` mean nothing
        drawn = (env.draw(seed, counter, {}) for counter in range(PATIENCE))
        pool = set()
    else:
        drawn = (env.source.draw(seed, counter) for counter in range(PATIENCE))
        pool = {task.content for task in env.tasks} if isinstance(env.tasks, Sequence) else set()
        if env.source.size is not None and env.source.size <= len(pool) + count:
            pool = set()
    answers: set[str] = set()
    for task in drawn:
        answer = task.answer
        # Distinct answers, so that the wrong attempt taken from another task is wrong.
        if answer is not None and answer not in answers and task.content not in pool:
            answers.add(answer)
            pool.add(task.content)
            yield task
            if len(answers) == count:
                return


def _wrong_solution(task: Task) -> str | None:
    for row in task.reference.get("wrong", ()):
        return fenced(str(row["solution"]).rstrip(), label="python")
    return None


def _demonstrate(env: TokenEnv, provider: Provider, task: Task, wrong: str) -> Demonstration | None:
    right = str(task.answer)
    attempts = [
        Episode(task, [Attempt((), (), text, grade(env.verify, task, text))], rollout_id=name)
        for name, text in (("wrong", wrong), ("right", right))
    ]
    for episode, other in (attempts, reversed(attempts)):
        episode.siblings = (other,)
    if attempts[0].outcome is None or attempts[0].outcome.status in (Status.CORRECT, Status.INFRA_ERROR):
        return None
    [feedback] = feedback_of(provider, [attempts[0]])
    if feedback is None:
        return None
    question = [message for message in env.messages(task) if message["role"] != "system"]
    return Demonstration(task.content, question, wrong, feedback.text, right)
