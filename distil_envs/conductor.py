"""`Conductor`: what follows the ids of the policy: its turn ends, tools answer, the attempt is graded, the next begins.

Verifications and tools run in the background; `advance` never waits, and `collect` takes what has come back.
"""

from __future__ import annotations

import logging
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from gymnasium.error import ResetNeeded

from distil_envs.conversation import Conversation
from distil_envs.ending import Endings
from distil_envs.episode import Attempt, Episode, Message
from distil_envs.errors import ConfigError, told
from distil_envs.grading import Grader, Verifier, grade, infra_error
from distil_envs.outcome import CallStatus, Outcome, Status, ToolCalled
from distil_envs.task import Task
from distil_envs.tools import Tool, run_calls
from distil_envs.turns import Turns

AttemptReward = Literal["first-success", "last"]
Work = Future[Any]
"""Of an `Outcome`, or of a list of `ToolCalled`."""

NOTICE_S = 60.0
"""Seconds of waiting for verifications and tools after which a warning says so, and again after as many."""

_log = logging.getLogger(__name__)


@dataclass
class _Timed:
    """A call that knows how long it has been at work, since a thread has taken it."""

    call: Callable[[], Any]
    parts: int
    """What it does one after the other."""
    began: float | None = None

    @property
    def taken_s(self) -> float:
        return 0.0 if self.began is None else time.monotonic() - self.began

    def __call__(self) -> Any:
        self.began = time.monotonic()
        return self.call()


@dataclass
class Conductor:
    """One episode at a time."""

    endings: Endings
    turns: Turns
    tools: tuple[Tool, ...]
    prompt_room: int
    """Ids that a prompt may have, what describes the tools included."""
    max_new_tokens: int
    """What the policy may make in one attempt."""
    max_attempts: int
    attempt_reward: AttemptReward
    deadline_s: float | None
    """Seconds after which work that has not come back is given up, for each verification or call of a tool."""
    verifier: Verifier
    reply: Callable[[Episode, str], str]
    """The user's turn after an attempt, from the episode and the feedback's words."""
    feedback: Callable[[Episode, bool], Any]
    """Feedback on the last attempt of an episode, or None, from the episode and whether it is over."""
    grader: Grader | None = None
    """Who calls verifier and tools; made when first needed."""
    owns_grader: bool = field(default=False, init=False)
    conversation: Conversation | None = field(default=None, init=False)
    work: Work | None = field(default=None, init=False)
    """What is under way, or done and not yet taken."""
    _job: _Timed | None = field(default=None, init=False)

    @property
    def now(self) -> Conversation:
        """The episode at hand. Raises ResetNeeded where none has begun."""
        if self.conversation is None:
            raise ResetNeeded("call reset() first")
        return self.conversation

    @property
    def episode(self) -> Episode:
        """The attempts that are over."""
        return self.now.episode(self.turns.format)

    @property
    def tokens_left(self) -> int:
        """What the policy may still make in the attempt at hand."""
        return 0 if self.now.over else self.max_new_tokens - self.now.made

    @property
    def attempt_room(self) -> int:
        """Ids that one attempt may have, results of tools included."""
        results = self.turns.max_tool_calls * self.turns.max_tool_tokens if self.tools else 0
        return self.max_new_tokens + results

    @property
    def room(self) -> int:
        """Ids that an episode may have."""
        between = (self.max_attempts - 1) * self.turns.max_feedback_tokens
        return self.prompt_room + self.max_attempts * self.attempt_room + between

    @property
    def work_left_s(self) -> float | None:
        """Seconds that the work under way may still take before it is given up; None without a deadline."""
        if self.deadline_s is None or self._job is None:
            return None
        return max(self.deadline_s * self._job.parts - self._job.taken_s, 0.0)

    def open(self, task: Task, prompt: Sequence[int], messages: Sequence[Message], rollout_id: str) -> None:
        """Begin an episode. Raises ConfigError for a prompt that cannot be, or one that no turn could follow."""
        ids, vocabulary = tuple(int(token) for token in prompt), len(self.turns.tokenizer)
        if not 0 < len(ids) <= self.prompt_room:
            raise ConfigError(
                f"the prompt of task {task.id!r} has {len(ids)} tokens, but there is room for 1 to "
                f"{self.prompt_room}; raise max_prompt_tokens, or show fewer shots (tasks are never cut)"
            )
        if min(ids) < 0 or max(ids) >= vocabulary:
            raise ConfigError(f"the prompt of task {task.id!r} has ids outside the vocabulary [0, {vocabulary})")
        if not messages and (self.max_attempts > 1 or self.tools):
            raise ConfigError(
                "several attempts and tools continue the chat of the task, but this environment makes its prompt ids "
                "without one: let TokenEnv.messages(task) give the chat"
            )
        self.begin(Conversation(task, ids, tuple(messages), rollout_id))

    def begin(self, conversation: Conversation) -> None:
        """Go on from here, instead of whatever was at hand. A turn that has ended is graded, or its tools run."""
        self._give_up()
        self.conversation = conversation
        if conversation.cause is not None and not conversation.over:
            self._begin_work()

    def advance(self, ids: Sequence[int]) -> None:
        """Take ids of the policy; at the end of its turn, begin what follows.

        Raises ResetNeeded when the episode is over, ValueError for what are no ids, and for ids behind the end of the
        turn; then nothing has changed.
        """
        now = self.now
        tokens = [self._checked(token, position) for position, token in enumerate(ids)]
        if not tokens:
            return
        if now.over:
            raise ResetNeeded("the episode has ended: call reset() before the next token")
        if self.work is not None:
            raise ResetNeeded("the turn has ended and is at work: wait for what comes of it before the next token")
        length, cause = self.endings.find(now.turn, tokens, self.tokens_left)
        if len(tokens) > length:
            raise ValueError(
                f"the turn ends at position {length - 1} of these {len(tokens)} ids ({cause}); "
                "submit the ids up to there"
            )
        now.completion += tokens
        now.cause = cause
        if cause is not None:
            self._begin_work()

    def collect(self) -> Attempt | None:
        """Take what has come back, if anything has; returns the attempt that has thereby ended."""
        work = self.work
        if work is None:
            return None
        if work.done():
            # What was raised in a thread of ours is nobody's wish to stop this one, whatever it is.
            error = work.exception()
            found = work.result() if error is None else infra_error(type(error).__name__, told(error))
        elif self.work_left_s == 0.0:
            found = infra_error("DeadlineExceeded", f"nothing came back in time (deadline_s={self.deadline_s:g})")
        else:
            return None
        # What raises here (a provider of feedback, say) changes nothing, and is tried again by the next call.
        ended = self._end_attempt(found) if isinstance(found, Outcome) else self._insert(found)
        self._give_up()
        return ended

    def use_grader(self, grader: Grader) -> None:
        """Work with this one, which the caller closes."""
        self.close()
        self.grader = grader

    def close(self) -> None:
        """Take no more work, unless with another grader."""
        if self.owns_grader and self.grader is not None:
            self.grader.close()
        if self.owns_grader:
            self.grader, self.owns_grader = None, False

    def _checked(self, token: Any, position: int) -> int:
        try:
            number = operator.index(token)
        except TypeError:
            raise ValueError(f"token at position {position} must be an integer, got {token!r}") from None
        vocabulary = len(self.turns.tokenizer)
        if not 0 <= number < vocabulary:
            raise ValueError(f"token {number} at position {position} is outside the vocabulary [0, {vocabulary})")
        return number

    def _give_up(self) -> None:
        """Wait no more for the work, done or not."""
        if self.work is not None and self.grader is not None:
            self.grader.abandon(self.work)
        self.work, self._job = None, None

    def _begin_work(self) -> None:
        now = self.now
        if self.grader is None:
            self.grader, self.owns_grader = Grader(), True
        text = self.endings.text(now.turn, now.cause)
        left = self.turns.max_tool_calls - len(now.called)
        # Without a token left nobody could answer what a tool says.
        may_call = now.cause == "eos" and left > 0 and self.tokens_left > 0
        calls = self.turns.calls(text, bool(now.inserted)) if may_call else []
        call: Callable[[], Any] = partial(grade, self.verifier, now.task, text)
        if calls:
            call = partial(run_calls, self.tools, calls, left)
        self._job = _Timed(call, max(len(calls), 1))
        self.work = self.grader.submit(self._job)

    def _insert(self, called: list[ToolCalled]) -> Attempt | None:
        """Show the policy what its calls gave; where our side failed, the attempt ends."""
        now = self.now
        broken = next((result for result in called if result.status is CallStatus.INFRA_ERROR), None)
        if broken is not None:
            outcome = infra_error("ToolFailed", f"tool {broken.tool} could not be run: {broken.text}")
            now.called += called
            return self._end_attempt(outcome)
        left = max(self.turns.max_tool_calls - len(now.called) - len(called), 0)
        ids, shown = self.turns.results(now.chat, called, now.completion[-1], calls_left=left)
        now.insert(ids, shown)
        return None

    def _end_attempt(self, outcome: Outcome) -> Attempt:
        now = self.now
        attempt = now.attempt(self.endings.text(now.turn, now.cause), outcome)
        episode = now.episode(self.turns.format, attempt)
        infra = outcome.status is Status.INFRA_ERROR
        done = self.attempt_reward == "first-success" and outcome.success
        over = infra or done or len(episode.attempts) >= self.max_attempts
        if not infra:
            attempt.feedback = self.feedback(episode, over)
        if over:
            now.end(attempt)
            return attempt
        words = "" if attempt.feedback is None else attempt.feedback.text
        last_id = now.completion[-1] if now.cause == "eos" else None
        attempt.reply, ids = self.turns.reply(now.chat, words, partial(self.reply, episode), last_id)
        now.next_attempt(attempt, ids)
        return attempt

    def state(self) -> dict[str, Any]:
        """The episode as it stands: plain JSON values."""
        return {**self.now.to_dict(), "vocabulary": len(self.turns.tokenizer)}

    def restored(self, state: Mapping[str, Any]) -> Conversation:
        """A saved episode. Raises ConfigError where it cannot go on here."""
        saved = Conversation.from_dict(state)
        vocabulary = len(self.turns.tokenizer)
        if state.get("vocabulary") != vocabulary:
            raise ConfigError(
                f"this episode was saved with a tokenizer of {state.get('vocabulary')} tokens, but this environment's "
                f"has {vocabulary}; take it up with the tokenizer that it was made with"
            )
        outside = [token for token in saved.ids if not 0 <= token < vocabulary]
        if outside:
            raise ConfigError(f"this saved episode is damaged: it holds the id {outside[0]}")
        may_follow = 0 if saved.over else self._may_follow(saved)
        if may_follow < 0 or len(saved.ids) + may_follow > self.room:
            raise ConfigError(
                f"this episode has {len(saved.ids)} tokens and goes beyond what this environment has room for; give it "
                "the options of the one that it was saved in"
            )
        return saved

    def _may_follow(self, saved: Conversation) -> int:
        """At most so many ids; negative where there already are more than there may be."""
        attempts, made = self.max_attempts - len(saved.attempts) - 1, self.max_new_tokens - saved.made
        calls = max(self.turns.max_tool_calls - len(saved.called), 0) if self.tools else 0
        if attempts < 0 or made < 0 or (made == 0 and saved.cause is None):
            return -1
        later = attempts * (self.turns.max_feedback_tokens + self.attempt_room)
        return made + calls * self.turns.max_tool_tokens + later


def wait_for_any(conductors: Sequence[Conductor]) -> None:
    """Return when the work of one of these, all at work, is done or past its deadline.

    Warns every `NOTICE_S` seconds, so that a verifier that hangs is no riddle.
    """
    futures = [each.work for each in conductors if each.work is not None]
    waited = 0.0
    while True:
        left = [seconds for each in conductors if (seconds := each.work_left_s) is not None]
        pause = min([NOTICE_S, *left])
        if wait(futures, pause, FIRST_COMPLETED).done or 0.0 in left:
            return
        waited += pause
        if pause == NOTICE_S:
            _log.warning("waiting for %d verifications for %.0f s; does the verifier hang?", len(futures), waited)
