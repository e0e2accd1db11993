"""`TokenEnv`: a task and the attempts made at it, token by token.

The corridor of this project: `reset` gives prompt ids, `step` or `submit` take completion ids, and the end of an
attempt gives an `Outcome` and its feedback. Trainer, evaluation and benchmark use nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from distil_envs.conductor import AttemptReward, Conductor, Work, wait_for_any
from distil_envs.drawing import draw_task
from distil_envs.ending import Endings
from distil_envs.episode import Episode
from distil_envs.errors import ConfigError
from distil_envs.grading import Grader, Verifier
from distil_envs.outcome import Outcome, Status
from distil_envs.prompts import PromptBuilder
from distil_envs.rendering import render_ansi
from distil_envs.resources import Provider, eos_ids, feedback_of, resolve_feedback, resolve_verifier, stop_strings
from distil_envs.sources import SplitName
from distil_envs.task import Task
from distil_envs.task_set import TaskSet, TaskSpec, load_tasks
from distil_envs.text import fenced
from distil_envs.tokenization import ByteTokenizer, ChatFormat, Tokenizer, decode
from distil_envs.tools import resolve_tools
from distil_envs.turns import Turns

Observation = dict[str, NDArray[Any]]
Result = tuple[Observation, float, bool, bool, dict[str, Any]]


class TokenEnv(gym.Env[Observation, int]):
    """A language-model task as a Gymnasium environment: the observation is all tokens so far, an action the next one.

    **Observation**: ``input_ids`` (int64) and ``attention_mask`` (int8), both of fixed length (room for the prompt and
    for all that may follow), right-padded, prompt included. **Action**: a token id. **Reward**: 0 until the end, then
    that of the last attempt, in [0, 1].

    **End of an attempt**: an EOS id or a stop string ends it. At the token budget without either it is graded as it
    stands. Then ``info`` has ``outcome`` (`Outcome`) and ``feedback`` (`feedback.Feedback` or None). With attempts
    left, the feedback becomes the user's next turn, and the observation goes on with it; ids only ever grow. After the
    last, the episode is terminated, or truncated where the budget ended it, and ``info`` has ``episode`` (`Episode`
    with the exact ids). An outcome of status ``infra_error`` has reward 0 and is no wrong answer: leave it out.

    **Tools**: a turn that ends with an EOS and holds calls of tools, written as the chat template has it, is not
    graded: the calls are run, their results follow in the observation, and the attempt goes on (see
    `distil_envs.tools`).

    ``info`` always has ``task`` (`Task`), ``attempt`` (int, from 0), ``tokens_left`` (int: what the policy may still
    sample in this attempt) and ``pending`` (bool: being graded, or a tool is at work; here only after `from_state` of
    such a state: ``submit([])`` then waits).

    **Subclassing**: override any of `draw`, `messages`, `prompt_ids`, `verify` and `reply`; everything else, vector
    environments and training included, goes through these.

    Args:
        tasks: a spec as `load_tasks` takes it: a name, a path, a list of tasks, a `TaskSet`.
        verifier: a name of the registry, a `Verifier` object, or a plain function
            ``(task, completion) -> Outcome | float | bool``, which is run in a process of its own and killed on
            time-out.
        tokenizer: see `distil_envs.tokenization.Tokenizer`. None: a `ByteTokenizer`.
        split: ``train``, ``test`` or ``all``.
        num_tasks: take so many distinct tasks and draw from these only. None: all there are.
        feedback: a name of the registry, a provider object, or None for no feedback.
        max_new_tokens: what the policy may sample in one attempt, EOS included; results of tools do not count.
        max_prompt_tokens: room for the prompt, what describes the tools apart. A longer prompt is an error: a task is
            never cut.
        stop: strings; the attempt ends when its text contains one, and what is graded is cut before it.
        eos_token_ids: ids that end the attempt. None: the tokenizer's.
        system: text of the system message.
        instruction: text put after the last user message, on a line of its own.
        shots: number of solved tasks shown before the question, never the one asked.
        shot_tasks: where they come from, always the train split. None: ``tasks``.
        chat_template: a Jinja template instead of the tokenizer's.
        template_options: further variables of the template, such as ``{"enable_thinking": False}``.
        max_attempts: attempts at a task.
        attempt_reward: ``first-success``: the first correct attempt ends the episode. ``last``: all attempts are made
            and the last one counts, so that going on tells the policy nothing.
        retry: put after the feedback in the user's next turn, on a line of its own.
        max_feedback_tokens: room for what follows an attempt, the turn's markers included; feedback that is longer is
            cut in the middle.
        tools: what the policy may call: names such as ``python``, functions, or `Tool` objects.
        max_tool_calls: how many calls an attempt may make.
        max_tool_tokens: room for the results of one turn's calls, the turn's markers included; longer ones are cut.
        deadline_s: seconds after which a verification or call that has not come back is given up: an ``infra_error``.
            For code that breaks its contract and hangs; what can be killed has time-outs of its own, and waiting for
            a free worker counts too, so be generous. None: wait.
        grader: who calls verifier and tools in the background. None: one of its own.
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
        template_options: Mapping[str, Any] | None = None,
        max_attempts: int = 1,
        attempt_reward: AttemptReward = "first-success",
        retry: str = "Answer again.",
        max_feedback_tokens: int = 256,
        tools: Sequence[Any] = (),
        max_tool_calls: int = 4,
        max_tool_tokens: int = 256,
        deadline_s: float | None = None,
        grader: Grader | None = None,
        verify_timeout_s: float = 10.0,
        render_mode: str | None = None,
    ) -> None:
        _check(max_new_tokens=max_new_tokens, max_prompt_tokens=max_prompt_tokens, max_attempts=max_attempts)
        _check(max_feedback_tokens=max_feedback_tokens, max_tool_calls=max_tool_calls, max_tool_tokens=max_tool_tokens)
        if attempt_reward not in get_args(AttemptReward):
            raise ConfigError(f"attempt_reward must be 'first-success' or 'last', got {attempt_reward!r}")
        if deadline_s is not None and not deadline_s > 0:
            raise ConfigError(f"deadline_s must be a positive number of seconds or None, got {deadline_s}")
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
        self.eos_token_ids = eos_ids(self.tokenizer, eos_token_ids)
        self.stop = stop_strings(stop)
        self.max_attempts = max_attempts
        self.retry = retry
        self.tools = resolve_tools(tools)
        self._owned_tools = [tool for tool in self.tools if not any(tool is given for given in tools)]
        chat_format = ChatFormat(chat_template, dict(template_options or {}))
        turns = Turns.of(
            self.tokenizer, chat_format, system, self.tools, max_tool_calls, max_tool_tokens, max_feedback_tokens
        )
        if max_attempts > 1:
            turns.check_reply(lambda words: retry)
        shown = load_tasks(tasks if shot_tasks is None else shot_tasks, "train") if shots else None
        self.prompts = PromptBuilder(self.tokenizer, turns.system, instruction, shots, shown, turns.format)
        self.render_mode = render_mode
        # Messages name the verifier, where it is not a method of a subclass.
        grades = self.verifier if type(self).verify is TokenEnv.verify else self.verify
        endings = Endings(self.tokenizer, self.eos_token_ids, self.stop)
        self.conductor = Conductor(
            endings, turns, self.tools, max_prompt_tokens + turns.tools_tokens, max_new_tokens, max_attempts,
            attempt_reward, deadline_s, grades, self.reply, self._feedback_on, grader,
        )  # fmt: skip

        vocabulary, length = len(self.tokenizer), self.conductor.room
        self.observation_space: gym.Space[Any] = gym.spaces.Dict(
            {
                "input_ids": gym.spaces.Box(0, vocabulary - 1, (length,), np.int64),
                "attention_mask": gym.spaces.Box(0, 1, (length,), np.int8),
            }
        )
        self.action_space: gym.Space[Any] = gym.spaces.Discrete(vocabulary)
        pad = self.tokenizer.pad_token_id
        self._pad_id = 0 if pad is None else int(pad)
        self._asks_at_end = True
        self._seed: int | None = None
        self._episode = 0

    # What a subclass may override.

    def draw(self, seed: int, episode: int, options: Mapping[str, Any]) -> Task:
        """The task of an episode: a pure function of the seed and the number of resets since it was set.

        ``options={"task": task}`` asks for that task, ``{"index": i}`` for the i-th of a finite task set. Raises
        ConfigError for other options, and for an index where there is none.
        """
        return draw_task(self.tasks, seed, episode, options)

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

    def reply(self, episode: Episode, words: str) -> str:
        """The user's turn after an attempt that another one follows.

        ``words``: the feedback on it, cut where it is too long; empty where there is none.
        """
        del episode
        return "\n".join(filter(None, [fenced(words) if words else "", self.retry]))

    # The corridor.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode. Equal seeds give equal sequences of tasks.

        Args:
            seed: a new beginning of the sequence.
            options: of `draw`; ``rollout_id`` (str), the episode's; or ``state``, as for `from_state`.

        Raises:
            ConfigError: a prompt longer than ``max_prompt_tokens``; options that do not exist.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        rollout_id = options.pop("rollout_id", None)
        if "state" in options:
            return self._take_up(rollout_id, **options)
        if seed is not None or self._seed is None:
            self._seed, self._episode = self.np_random_seed, 0
        task = self.draw(self._seed, self._episode, options)
        self._episode += 1
        self.conductor.open(task, self.prompt_ids(task), self.messages(task), rollout_id or "")
        return self.observation(), self._info()

    def step(self, action: int) -> Result:
        """Append one token; at the end of a turn, wait for what comes of it.

        Raises ValueError for a token outside the vocabulary, ResetNeeded before the first `reset` and after the end.
        """
        return self.submit([action])

    def submit(self, ids: Sequence[int]) -> Result:
        """The same as stepping the ids one by one, except that an error changes nothing; ``[]`` gives the current
        state.

        Raises ValueError for ids that go on after the end of the turn (naming the position of its last id), and what
        `step` raises.
        """
        self.advance(ids)
        if self.work is not None:
            wait_for_any([self.conductor])
        return self.collect()

    # Save, branch, restore.

    def state(self) -> dict[str, Any]:
        """The episode as it stands, and where this is in the sequence of tasks: plain JSON values for `from_state`.

        Raises ResetNeeded before the first `reset`.
        """
        return {**self.conductor.state(), "sequence": [self._seed, self._episode]}

    def from_state(self, state: Mapping[str, Any]) -> tuple[Observation, dict[str, Any]]:
        """Go on from a saved state, in this or any environment of the same tokenizer and options; so one beginning can
        be continued in many ways. A turn that had ended is graded, or its tools run, again.

        Returns what `reset` does. Raises ConfigError for what `state` did not give, another tokenizer, or more ids
        than there is room for.
        """
        return self.reset(options={"state": state})

    # The corridor in halves, for those who run many environments at once.

    @property
    def work(self) -> Work | None:
        """The verification or calls of tools under way, or done and not yet collected."""
        return self.conductor.work

    def advance(self, ids: Sequence[int]) -> None:
        """Append ids; at the end of a turn, begin to grade it or to run its tools. Returns at once.

        Raises as `submit` does.
        """
        self.conductor.advance(ids)

    def stopped(self, ids: Sequence[int]) -> bool:
        """Whether the policy's turn at hand, with these ids behind it, holds a stop string."""
        return self.conductor.endings.stopped([*self.conductor.now.turn, *ids])

    def collect(self) -> Result:
        """What `step` returns, without waiting: while the work is under way, ``info["pending"]`` is True."""
        ended = self.conductor.collect()
        now, info = self.conductor.now, self._info()
        if now.over:
            ended = now.attempts[-1]
            info["episode"] = self.conductor.episode
        if ended is not None:
            info |= {"outcome": ended.outcome, "feedback": ended.feedback}
        if not now.over or ended is None or ended.outcome is None:
            return self.observation(), 0.0, False, False, info
        reward = 0.0 if ended.outcome.status is Status.INFRA_ERROR else ended.outcome.reward
        truncated = now.cause == "budget"
        return self.observation(), reward, not truncated, truncated, info

    def defer_feedback(self) -> None:
        """From now on ask the provider only where its words become the next turn: about the last attempts, of a whole
        group at once, the caller asks.
        """
        self._asks_at_end = False

    def use_grader(self, grader: Grader) -> None:
        """Verify with this grader, which the caller closes."""
        self.conductor.use_grader(grader)

    def render(self) -> str | None:
        """The task, the completion and what came of it, as text; None unless ``render_mode`` is ``ansi``."""
        if self.render_mode is None:
            return None
        now = self.conductor.now
        return render_ansi(self.conductor.episode, None if now.over else decode(self.tokenizer, now.completion))

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
            "tools": self.tools,
        }

    def resources(self) -> dict[str, str]:
        """What grading runs on, for the record of a run (law 6), such as ``{"sandbox": "docker"}``; often nothing.

        Raises a DistilError where it cannot run at all.
        """
        found: dict[str, str] = {}
        for holder in (self.verifier, *self.tools):
            found |= getattr(holder, "resources", dict)()
        return found

    def close(self) -> None:
        """Stop grading, and close the verifier and the tools that this made. May be called again."""
        self.conductor.close()
        for holder in ([self.verifier] if self._owns_verifier else []) + self._owned_tools:
            getattr(holder, "close", lambda: None)()

    def observation(self) -> Observation:
        """The current observation, in new arrays. Raises ResetNeeded before the first `reset`."""
        ids = self.conductor.now.ids
        padded = np.full(self.conductor.room, self._pad_id, np.int64)
        padded[: len(ids)] = ids
        mask = np.zeros(self.conductor.room, np.int8)
        mask[: len(ids)] = 1
        return {"input_ids": padded, "attention_mask": mask}

    def _info(self) -> dict[str, Any]:
        now = self.conductor.now
        return {
            "task": now.task,
            "attempt": len(now.attempts) - now.over,
            "tokens_left": self.conductor.tokens_left,
            "pending": self.work is not None,
        }

    def _feedback_on(self, episode: Episode, over: bool) -> Any:
        if self.feedback is None or (over and not self._asks_at_end):
            return None
        return feedback_of(self.feedback, [episode])[0]

    def _take_up(
        self, rollout_id: str | None, state: Mapping[str, Any], **others: Any
    ) -> tuple[Observation, dict[str, Any]]:
        if others:
            raise ConfigError(f"the reset option 'state' goes with no other, got also {sorted(others)}")
        conversation = self.conductor.restored(state)
        if rollout_id is not None:
            conversation.rollout_id = rollout_id
        try:
            self._seed, self._episode = map(operator.index, state["sequence"])
        except (KeyError, TypeError, ValueError):
            raise ConfigError("this saved episode is damaged: its 'sequence' must be two whole numbers") from None
        self.conductor.begin(conversation)
        return self.observation(), self._info()


def _check(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, got {value}")
