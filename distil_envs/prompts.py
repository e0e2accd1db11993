"""`PromptBuilder`: from a task to the messages and ids that the policy sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from distil_envs.counted import derive
from distil_envs.errors import ConfigError
from distil_envs.task import Task
from distil_envs.task_set import TaskSet
from distil_envs.tokenization import ChatFormat, Tokenizer

PATIENCE = 100
"""Draws for each solved example wanted, after which there are taken to be no more."""


@dataclass(frozen=True)
class PromptBuilder:
    """System message, solved examples, question: as ids, in which nothing of a task is a control token."""

    tokenizer: Tokenizer
    """See `distil_envs.tokenization.Tokenizer`."""
    system: str | None = None
    """System message; a task's own is put below it."""
    instruction: str | None = None
    """Put after the last user message of every question, on a line of its own."""
    shots: int = 0
    """How many solved tasks to show: the same ones for every question, except for the one that is asked."""
    shot_tasks: TaskSet | None = None
    """Where they come from; those with a `Task.answer` serve. Needed if ``shots`` is not 0."""
    format: ChatFormat = field(default_factory=ChatFormat)
    """How chats become ids."""

    def encode(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Ids of the chat, with the assistant's turn opened. Raises ConfigError as `encode_chat` does."""
        return self.format.encode(self.tokenizer, messages)

    def messages(self, task: Task) -> list[dict[str, str]]:
        """The chat before the policy's turn. Raises ConfigError if there are too few solved tasks to show."""
        question = self._question(task)
        systems = [self.system] if self.system else []
        while question and question[0]["role"] == "system":
            systems.append(question.pop(0)["content"])
        messages = [{"role": "system", "content": "\n\n".join(systems)}] if systems else []
        for example in self.examples(task):
            messages += [message for message in self._question(example) if message["role"] != "system"]
            messages.append({"role": "assistant", "content": str(example.answer)})
        return messages + question

    def examples(self, task: Task) -> list[Task]:
        """The solved tasks shown before this one."""
        found = [example for example in self._examples if example.content != task.content][: self.shots]
        if len(found) < self.shots:
            raise ConfigError(
                f"shots={self.shots}, but only {len(found)} other train tasks with reference['answer'] were found; "
                "ask for fewer shots or pass shot_tasks=…"
            )
        return found

    @cached_property
    def _examples(self) -> list[Task]:
        """One more than `shots`, in case that one of them is asked."""
        found: dict[str, Task] = {}
        if self.shots and self.shot_tasks is not None:
            for counter in range(PATIENCE * (self.shots + 1)):
                task = self.shot_tasks.draw(derive(0, "shots"), counter)
                if task.answer is not None:
                    found.setdefault(task.content, task)
                if len(found) > self.shots:
                    break
        return list(found.values())

    def _question(self, task: Task) -> list[dict[str, str]]:
        messages = task.messages
        if self.instruction:
            users = [at for at, message in enumerate(messages) if message["role"] == "user"]
            if not users:
                raise ConfigError(f"task {task.id!r} has no user message to put the instruction after")
            messages[users[-1]]["content"] += f"\n{self.instruction}"
        return messages
