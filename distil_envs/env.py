"""`TokenEnv`: one attempt at one task, token by token.

The corridor of this project: `reset` gives prompt ids, `step` or `submit` take completion ids, and the end of the
attempt gives an `Outcome` and its feedback. Trainer, evaluation and benchmark use nothing else.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from distil_envs.counted import derive
from distil_envs.episode import Attempt, Episode
from distil_envs.errors import ConfigError
from distil_envs.grading import Grader, Verifier
from distil_envs.outcome import Outcome, Status
from distil_envs.prompts import PromptBuilder
from distil_envs.rendering import render_ansi
from distil_envs.resources import Provider, eos_ids, feedback_of, resolve_feedback, resolve_verifier, stop_strings
from distil_envs.sources import SplitName
from distil_envs.task import Task
from distil_envs.task_set import TaskSet, TaskSpec, load_tasks
from distil_envs.tokenization import ByteTokenizer, Tokenizer, decode

Observation = dict[str, NDArray[Any]]
Result = tuple[Observation, float, bool, bool, dict[str, Any]]

GRADING_NOTICE_S = 60.0
"""Seconds of waiting for a verification after which a warning says so, and again after as many."""

_log = logging.getLogger(__name__)


@dataclass
class _Turn:
    """The state of one attempt."""

    task: Task
    prompt: tuple[int, ...]
    completion: list[int] = field(default_factory=list)
    text: str = ""
    """The completion as text, without the EOS and cut before the stop string; set at the end."""
    ended: bool = False
    truncated: bool = False
    grading: Future[Outcome] | None = None
    episode: Episode | None = None
    """Set when the outcome has arrived."""


class TokenEnv(gym.Env[Observation, int]):
    """A language-model task as a Gymnasium environment: the observation is all tokens so far, an action the next one.

    **Observation**: ``input_ids`` (int64) and ``attention_mask`` (int8), both of fixed length (``max_prompt_tokens``
    plus ``max_new_tokens``), right-padded, prompt included. **Action**: a token id. **Reward**: 0 until the end, then
    the outcome's, in [0, 1].

    **End**: an EOS id or a stop string ends the attempt (terminated). At the token budget without either the
    completion is graded as it stands (truncated). Then ``info`` has ``outcome`` (`Outcome`), ``feedback``
    (`feedback.Feedback` or None) and ``episode`` (`Episode` with the exact ids). ``info`` always has ``task`` (`Task`)
    and ``pending`` (bool: being graded; only ever True in a `TokenVectorEnv`). An outcome of status ``infra_error``
    has reward 0 and is no wrong answer: leave it out.

    **Subclassing**: override any of `draw`, `prompt_ids` and `verify`; everything else, vector environments and
    training included, goes through these.

    Args:
        tasks: a spec as `load_tasks` takes it: a name, a path, a list of tasks, a `TaskSet`.
        verifier: a name of the registry, a `Verifier` object, or a plain function
            ``(task, completion) -> Outcome | float | bool``, which is run in a process of its own and killed on
            time-out.
        tokenizer: see `distil_envs.tokenization.Tokenizer`. None: a `ByteTokenizer`.
        split: ``train``, ``test`` or ``all``.
        num_tasks: take so many distinct tasks and draw from these only. None: all there are.
        feedback: a name of the registry, a provider object, or None for no feedback.
        max_new_tokens: budget of one attempt, EOS included.
        max_prompt_tokens: room for the prompt. A longer prompt is an error: a task is never cut.
        stop: strings; the attempt ends when its text contains one, and what is graded is cut before it.
        eos_token_ids: ids that end the attempt. None: the tokenizer's.
        system: text of the system message.
        instruction: text put after the last user message, on a line of its own.
        shots: number of solved tasks shown before the question, never the one asked.
        shot_tasks: where they come from, always the train split. None: ``tasks``.
        chat_template: a Jinja template instead of the tokenizer's.
        grader: who calls the verifier in the background. None: one of its own.
        verify_timeout_s: seconds for one verification by a plain function.
        render_mode: ``ansi`` or None.

    Raises:
        ConfigError: an option that cannot work.
        NotFoundError, TaskError: a name that does not exist, tasks that cannot be read.
    """

    # The rate means nothing here, but Gymnasium warns where there is none.
    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 (Gymnasium's own type)

    def __init__(
        self,
        *,
        tasks: TaskSpec = "math",
        verifier: Any = "math",
        tokenizer: Tokenizer | None = None,
        split: SplitName = "train",
        num_tasks: int | None = None,
        feedback: Any = None,
        max_new_tokens: int = 128,
        max_prompt_tokens: int = 512,
        stop: Sequence[str] = (),
        eos_token_ids: Sequence[int] | None = None,
        system: str | None = None,
        instruction: str | None = None,
        shots: int = 0,
        shot_tasks: TaskSpec | None = None,
        chat_template: str | None = None,
        grader: Grader | None = None,
        verify_timeout_s: float = 10.0,
        render_mode: str | None = None,
    ) -> None:
        for name, value in (("max_new_tokens", max_new_tokens), ("max_prompt_tokens", max_prompt_tokens)):
            if value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}; an attempt needs room for a token")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigError(f"unknown render_mode {render_mode!r}; expected None or 'ansi'")
        self.tokenizer: Tokenizer = ByteTokenizer() if tokenizer is None else tokenizer
        self.source: TaskSet = load_tasks(tasks, split)
        """All tasks, before ``num_tasks``."""
        self.tasks: TaskSet = self.source if num_tasks is None else self.source.take(num_tasks)
        self.verifier: Verifier = resolve_verifier(verifier, verify_timeout_s)
        self._owns_verifier = self.verifier is not verifier
        self.feedback: Provider | None = resolve_feedback(feedback)
        self.max_new_tokens = max_new_tokens
        self.max_prompt_tokens = max_prompt_tokens
        self.stop = stop_strings(stop)
        self.eos_token_ids = eos_ids(self.tokenizer, eos_token_ids)
        shown = load_tasks(tasks if shot_tasks is None else shot_tasks, "train") if shots else None
        self.prompts = PromptBuilder(self.tokenizer, system, instruction, shots, shown, chat_template)
        self.render_mode = render_mode

        vocabulary, length = len(self.tokenizer), max_prompt_tokens + max_new_tokens
        self.observation_space: gym.Space[Any] = gym.spaces.Dict(
            {
                "input_ids": gym.spaces.Box(0, vocabulary - 1, (length,), np.int64),
                "attention_mask": gym.spaces.Box(0, 1, (length,), np.int8),
            }
        )
        self.action_space: gym.Space[Any] = gym.spaces.Discrete(vocabulary)
        pad = self.tokenizer.pad_token_id
        self._pad_id = 0 if pad is None else int(pad)
        self._grader = grader
        self._owns_grader = False
        self._seed: int | None = None
        self._episode = 0
        self._turn: _Turn | None = None

    # What a subclass may override.

    def draw(self, seed: int, episode: int, options: Mapping[str, Any]) -> Task:
        """The task of an episode: a pure function of the seed and the number of resets since it was set.

        ``options={"task": task}`` asks for that task, ``{"index": i}`` for the i-th of a finite task set. Raises
        ConfigError for other options, and for an index where there is none.
        """
        unknown = set(options) - {"task", "index"}
        if unknown or len(options) > 1:
            raise ConfigError(f"reset options must be {{'task': Task}} or {{'index': int}}, got {sorted(options)}")
        if "task" in options:
            if not isinstance(options["task"], Task):
                raise ConfigError(f"reset option 'task' must be a Task, got {type(options['task']).__name__}")
            return options["task"]
        if "index" in options:
            return self._indexed(operator.index(options["index"]))
        return self.tasks.draw(derive(seed, "env"), episode)

    def messages(self, task: Task) -> list[dict[str, str]]:
        """The chat before the policy's turn: system message, solved examples, question."""
        return self.prompts.messages(task)

    def prompt_ids(self, task: Task) -> list[int]:
        """The ids that the policy sees, up to and including what opens its turn. By default `messages` as a chat.

        A self-teacher goes on with the chat of `messages`: a subclass that overrides only this must keep the two alike.
        """
        return self.prompts.encode(self.messages(task))

    def verify(self, task: Task, text: str) -> Outcome:
        """Grades a completion. Runs in a background thread, several at a time; an exception becomes an
        ``infra_error``.
        """
        return self.verifier(task, text)

    # The corridor.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode. Equal seeds give equal sequences of tasks. For ``options`` see `draw`.

        Raises ConfigError for a prompt longer than ``max_prompt_tokens``.
        """
        super().reset(seed=seed)
        if self.grading is not None:
            self.grading.cancel()
        if seed is not None or self._seed is None:
            self._seed, self._episode = self.np_random_seed, 0
        task = self.draw(self._seed, self._episode, options or {})
        self._episode += 1
        prompt = tuple(int(token) for token in self.prompt_ids(task))
        if not 0 < len(prompt) <= self.max_prompt_tokens:
            raise ConfigError(
                f"the prompt of task {task.id!r} has {len(prompt)} tokens, but there is room for 1 to "
                f"{self.max_prompt_tokens}; raise max_prompt_tokens, or show fewer shots (tasks are never cut)"
            )
        if min(prompt) < 0 or max(prompt) >= len(self.tokenizer):
            raise ConfigError(
                f"the prompt of task {task.id!r} has ids outside the vocabulary [0, {len(self.tokenizer)})"
            )
        self._turn = _Turn(task, prompt)
        return self.observation(), {"task": task, "pending": False}

    def step(self, action: int) -> Result:
        """Append one token; at the end of the attempt, wait for its outcome.

        Raises ValueError for a token outside the vocabulary, ResetNeeded before the first `reset` and after the end.
        """
        return self.submit([action])

    def submit(self, ids: Sequence[int]) -> Result:
        """The same as stepping the ids one by one, except that an error changes nothing; ``[]`` gives the current
        state.

        Raises ValueError for ids that go on after the end of the attempt (naming the position of its last id), and what
        `step` raises.
        """
        self.advance(ids)
        if self.grading is not None:
            wait_for_any([self.grading])
        return self.collect()

    # The corridor in halves, for those who run many environments at once.

    @property
    def grading(self) -> Future[Outcome] | None:
        """The verification under way, or done and not yet collected."""
        return self._turn.grading if self._turn else None

    def advance(self, ids: Sequence[int]) -> None:
        """Append ids; at the end of the attempt, begin to grade it. Returns at once. Raises as `submit` does."""
        turn = self._begun()
        if len(ids) and turn.ended:
            raise gym.error.ResetNeeded("the attempt has ended: call reset() before the next token")
        tokens = [self._token(token, position) for position, token in enumerate(ids)]
        length, cause = self._end(turn.completion, tokens)
        if len(tokens) > length:
            raise ValueError(
                f"the attempt ends at position {length - 1} of these {len(tokens)} ids ({cause}); "
                "submit the ids up to there"
            )
        turn.completion += tokens
        if cause is None:
            return
        turn.ended, turn.truncated = True, cause == "budget"
        turn.text = decode(self.tokenizer, turn.completion[:-1] if cause == "eos" else turn.completion)
        if cause == "stop":
            turn.text = turn.text[: self._stop_position(turn.completion)]
        if self._grader is None:
            self._grader, self._owns_grader = Grader(), True
        # Messages name the verifier, where it is not a method of a subclass.
        verifier = self.verifier if type(self).verify is TokenEnv.verify else self.verify
        turn.grading = self._grader.submit(verifier, turn.task, turn.text)

    def stopped(self, completion: Sequence[int]) -> bool:
        """Whether the text of these completion ids holds a stop string."""
        return self._stop_position(list(completion)) >= 0

    def collect(self) -> Result:
        """What `step` returns, without waiting: while the outcome is not there, ``info["pending"]`` is True."""
        turn = self._begun()
        if turn.grading is not None and turn.grading.done():
            turn.episode, turn.grading = self._finished(turn, turn.grading.result()), None
        info: dict[str, Any] = {"task": turn.task, "pending": turn.grading is not None}
        if turn.episode is None:
            return self.observation(), 0.0, False, False, info
        attempt = turn.episode.attempt
        assert attempt.outcome is not None
        info |= {"outcome": attempt.outcome, "feedback": attempt.feedback, "episode": turn.episode}
        reward = 0.0 if attempt.outcome.status is Status.INFRA_ERROR else attempt.outcome.reward
        return self.observation(), reward, not turn.truncated, turn.truncated, info

    def use_grader(self, grader: Grader) -> None:
        """Verify with this grader, which the caller closes."""
        self._close_grader()
        self._grader = grader

    def render(self) -> str | None:
        """The task, the completion and what came of it, as text; None unless ``render_mode`` is ``ansi``."""
        if self.render_mode is None:
            return None
        turn = self._begun()
        text = turn.text if turn.ended else decode(self.tokenizer, turn.completion)
        return render_ansi(turn.task, text, turn.episode)

    def shared(self) -> dict[str, Any]:
        """The options that the other rows of a `TokenVectorEnv` take from its first, so that things exist once.

        A subclass with an ``__init__`` of its own may mean other things by these: they are used only if it overrides
        this too.
        """
        return {
            "tasks": self.tasks,
            "split": self.tasks.split,
            "num_tasks": None,
            "shot_tasks": self.prompts.shot_tasks,
            "verifier": self.verifier,
            "feedback": self.feedback,
            "tokenizer": self.tokenizer,
        }

    def resources(self) -> dict[str, str]:
        """What grading runs on, for the record of a run (law 6), such as ``{"sandbox": "docker"}``; often nothing.

        Raises a DistilError where it cannot run at all.
        """
        return dict(getattr(self.verifier, "resources", dict)())

    def close(self) -> None:
        """Stop grading, and close the verifier if this made it. May be called again."""
        self._close_grader()
        if self._owns_verifier:
            getattr(self.verifier, "close", lambda: None)()

    def _begun(self) -> _Turn:
        if self._turn is None:
            raise gym.error.ResetNeeded("call reset() first")
        return self._turn

    def _indexed(self, index: int) -> Task:
        tasks = self.tasks
        if not isinstance(tasks, Sequence):
            raise ConfigError(
                f"task set {tasks.name!r} generates its tasks and has no index; pass num_tasks=… to take some"
            )
        if not 0 <= index < len(tasks):
            raise ConfigError(f"task set {tasks.name!r} has the indices 0 to {len(tasks) - 1}, got {index}")
        task: Task = tasks[index]
        return task

    def _token(self, token: Any, position: int) -> int:
        try:
            number = operator.index(token)
        except TypeError:
            raise ValueError(f"token at position {position} must be an integer, got {token!r}") from None
        if not 0 <= number < len(self.tokenizer):
            raise ValueError(
                f"token {number} at position {position} is outside the vocabulary [0, {len(self.tokenizer)})"
            )
        return number

    def _end(self, before: list[int], tokens: list[int]) -> tuple[int, str | None]:
        """How many of the tokens the attempt takes, and what then ends it: ``eos``, ``stop``, ``budget`` or None."""
        length, cause = len(tokens), None
        budget = self.max_new_tokens - len(before)
        if length >= budget:
            length, cause = budget, "budget"
        eos = next((at for at, token in enumerate(tokens[:length]) if token in self.eos_token_ids), None)
        if eos is not None:
            length, cause = eos + 1, "eos"
        words = before + tokens[: length if eos is None else eos]
        if self._stop_position(words) < 0:
            return length, cause
        # Text only grows, so the shortest beginning with a stop string is found from the end: usually at once.
        while len(words) > len(before) + 1 and self._stop_position(words[:-1]) >= 0:
            words.pop()
        return len(words) - len(before), "stop"

    def _stop_position(self, words: list[int]) -> int:
        """Where in the text of these ids the first stop string begins; -1 if there is none."""
        if not self.stop:
            return -1
        text = decode(self.tokenizer, words)
        return min((at for string in self.stop if (at := text.find(string)) >= 0), default=-1)

    def _finished(self, turn: _Turn, outcome: Outcome) -> Episode:
        attempt = Attempt(turn.prompt, tuple(turn.completion), turn.text, outcome)
        episode = Episode(turn.task, [attempt], messages=tuple(self.messages(turn.task)))
        if self.feedback is not None and outcome.status is not Status.INFRA_ERROR:
            [attempt.feedback] = feedback_of(self.feedback, [episode])
        return episode

    def observation(self) -> Observation:
        """The current observation, in new arrays. Raises ResetNeeded before the first `reset`."""
        turn = self._begun()
        length = self.max_prompt_tokens + self.max_new_tokens
        ids = np.full(length, self._pad_id, np.int64)
        used = len(turn.prompt) + len(turn.completion)
        ids[:used] = [*turn.prompt, *turn.completion]
        mask = np.zeros(length, np.int8)
        mask[:used] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def _close_grader(self) -> None:
        if self._owns_grader and self._grader is not None:
            self._grader.close()
            self._grader, self._owns_grader = None, False


def wait_for_any(futures: Sequence[Future[Outcome]]) -> None:
    """Return when one is done. Warns every `GRADING_NOTICE_S` seconds, so that a verifier that hangs is no riddle."""
    waited = 0.0
    while not wait(futures, GRADING_NOTICE_S, FIRST_COMPLETED).done:
        waited += GRADING_NOTICE_S
        _log.warning("waiting for %d verifications for %.0f s; does the verifier hang?", len(futures), waited)
