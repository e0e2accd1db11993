"""True advantages of sampled tokens, by branching: every prefix of a rollout is continued many times.

    V(prefix) = E[value of the finished episode | prefix]           the mean over its branches
    A_t       = V(prefix with token t) - V(prefix before it)

The value of an episode is the verifier's reward, or minus the total cost: Σ_t CE(p_t, q_t), the cross-entropy to an
expert that has read the feedback on that episode, which is what DistIL minimises (arXiv 2606.05152). Tokens behind the
branch count too, so no convention on which costs are "future" is needed. At the end of an episode its value is known
and not estimated. Branches are independent of the rollouts from which the prefixes come: they share no random number.

Prefixes that several rollouts share are branched once. What the environment does between tokens of the policy has to
repeat itself, given the ids.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.credit_truth.config import CreditConfig
from agents.credit_truth.learned import credit_of, provider_of
from agents.credit_truth.score import Floats, Where
from agents.learners import CE
from agents.policy import Policy
from agents.rollout import Rollouts, Sampling, rollout, usable
from distil_envs import Episode, Task, TokenEnv
from distil_envs.counted import derive, generator
from distil_envs.errors import ConfigError, DistilError
from distil_envs.vector import TokenVectorEnv

Reset = dict[str, Any]
Key = tuple[int, int]
Progress = Callable[[int, int], None]
"""Called with how many branches are done, and how many there are."""


@dataclass(frozen=True)
class Advantages:
    """True advantages of N tokens, in the unit of the values."""

    mean: Floats
    """[N]."""
    error: Floats
    """[N], standard error; 0 also where all branches on both sides came to the same."""
    halves: tuple[Floats, Floats]
    """[N] each, from one half of the branches."""


@dataclass
class Branched:
    """Rollouts of chosen tasks, and what becomes of their prefixes."""

    config: CreditConfig
    policy: Policy
    envs: TokenVectorEnv
    """As many rows as are continued at one time; autoreset mode ``DISABLED``."""
    tasks: list[Task] = field(default_factory=list, init=False)
    success: list[float] = field(default_factory=list, init=False)
    """Of each task, measured when it was chosen."""
    rollouts: list[Rollouts] = field(default_factory=list, init=False)
    """One update's for each of the seeds."""
    tokens: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 4), np.int64), init=False)
    """[N, 4]: seed (its index), row of its rollouts, position in `Episode.continuation_ids`, tokens made before."""
    ends: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64), init=False)
    """[N, 2]: the prefix before each token, and the one with it."""
    states: list[dict[str, Any] | Episode] = field(default_factory=list, init=False)
    """Of each prefix: what `TokenEnv.state` gave, or the episode where it is over."""
    finished: list[Episode] = field(default_factory=list, init=False)
    """Distinct episodes that branches came to."""
    drawn: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64), init=False)
    """[prefixes, branches], which of these each branch came to; -1 where grading failed on our side."""
    seconds_each: float = field(default=0.0, init=False)
    """What one rollout took."""

    def sample(self) -> None:
        """Choose the tasks by their success, roll out, and save every prefix. Raises ConfigError if no task is apt."""
        config = self.config
        self._choose()
        began = time.perf_counter()
        for number, seed in enumerate(config.seeds):
            keys = [(group, each) for group in range(len(self.tasks)) for each in range(config.group_size)]
            resets = [{"task": self.tasks[group]} for group, _ in keys]
            self.rollouts.append(self._roll(resets, keys, Sampling(seed, "rollout", number, config.temperature)))
        self.seconds_each = (time.perf_counter() - began) / sum(len(each.episodes) for each in self.rollouts)
        self._prefixes()

    @property
    def where(self) -> Where:
        """Task and place of each token."""
        group = [self.rollouts[seed].group[row] for seed, row, _, _ in self.tokens.tolist()]
        return Where(np.array(group, np.int64), self.tokens[:, 3])

    @property
    def open(self) -> list[int]:
        """Prefixes that have to be continued."""
        return [node for node, state in enumerate(self.states) if not isinstance(state, Episode)]

    def branch(self, progress: Progress | None = None) -> None:
        """Continue every prefix. Raises DistilError where half of the branches of one could not be graded."""
        config, known = self.config, dict[Any, int]()
        self.drawn = np.full((len(self.states), config.branches), -1, np.int64)
        for node, state in enumerate(self.states):
            if isinstance(state, Episode):
                self.drawn[node] = self._number(state, known)
        keys = [(node, each) for node in self.open for each in range(config.branches)]
        sampling = Sampling(config.seed, "credit", len(config.seeds), config.temperature)
        for start in range(0, len(keys), self.envs.num_envs):
            part = keys[start : start + self.envs.num_envs]
            made = self._roll([{"state": self.states[node]} for node, _ in part], part, sampling)
            for (node, each), episode in zip(part, made.episodes, strict=True):
                self.drawn[node, each] = self._number(episode, known)
            if progress is not None:
                progress(start + len(part), len(keys))
        half = config.branches // 2
        lost = [(self.drawn[:, part] < 0).all(axis=1).any() for part in (slice(half), slice(half, None))]
        if any(lost):
            raise DistilError(
                "no branch of some prefix could be graded, for failures on our side, so it has no value: mend the "
                "verifier, or raise branches"
            )

    def rewards(self) -> Floats:
        """Reward of each of `finished`."""
        return np.array([episode.outcome.reward for episode in self.finished if episode.outcome is not None])

    def costs(self, config: CreditConfig) -> Floats | None:
        """Minus the total cross-entropy (nats) of each of `finished` to the expert of `config`, with its feedback.

        None where nobody gives the feedback that this expert needs, or where the feedback on a rollout of the group
        (asked for already, by `credit_of`) hangs on other rollouts: then one episode alone has no cost.
        """
        env = self.envs.rows[0]
        if provider_of(config, env) is None and config.expert.needs_feedback():
            return None
        given = [(e, a.feedback) for each in self.rollouts for e in each.episodes for a in e.attempts if a.feedback]
        if any(set(feedback.depends_on) - {episode.rollout_id} for episode, feedback in given):
            return None
        alone = Rollouts(self.finished, [[] for _ in self.finished], list(range(len(self.finished))))
        credit = credit_of(replace(config, learner=CE(), train_attempts=()), self.policy, env, alone)
        return np.array([-credit[episode.rollout_id].cost for episode in self.finished])

    def advantages(self, values: Floats) -> Advantages:
        """Of each token, from the value of each of `finished`."""
        of = np.append(values, np.nan)[self.drawn]  # -1 is the last
        half = self.config.branches // 2
        before, after = self.ends.T
        mean = np.nanmean(of, axis=1)
        error = np.nanstd(of, axis=1, ddof=1) / np.sqrt(np.isfinite(of).sum(1))
        first, second = np.nanmean(of[:, :half], axis=1), np.nanmean(of[:, half:], axis=1)
        return Advantages(
            mean[after] - mean[before],
            np.hypot(error[after], error[before]),
            (first[after] - first[before], second[after] - second[before]),
        )

    def _choose(self) -> None:
        config, env = self.config, self.envs.rows[0]
        drawn = (
            env.draw(derive(config.seed, "credit-task", index) % 2**31, 0, {}) for index in range(config.candidates)
        )
        candidates = list({task.id: task for task in drawn}.values())
        keys = [(group, each) for group in range(len(candidates)) for each in range(config.tries)]
        sampling = Sampling(config.seed, "try", 0, config.temperature)
        tried = self._roll([{"task": candidates[group]} for group, _ in keys], keys, sampling)
        shares = [_success(tried.episodes[start : start + config.tries]) for start in range(0, len(keys), config.tries)]
        apt = [at for at, share in enumerate(shares) if config.lowest <= share <= config.highest][: config.tasks]
        if not apt:
            raise ConfigError(
                f"none of {len(candidates)} tasks is solved in {config.lowest:g} to {config.highest:g} of its tries "
                f"(they are in {min(shares):.2f} to {max(shares):.2f}), so nothing hangs on single tokens: take other "
                "tasks or another model, or change lowest, highest, candidates or tries"
            )
        self.tasks, self.success = [candidates[at] for at in apt], [shares[at] for at in apt]

    def _roll(self, resets: Sequence[Reset], keys: Sequence[Key], sampling: Sampling) -> Rollouts:
        """As `rollout`, however many: whole groups, as far as they fit, at one time."""
        rows, made = self.envs.num_envs, Rollouts([], [], [])
        for start, end in _parts([group for group, _ in keys], rows):
            spare = rows - (end - start)
            padded = [(0, reset) for reset in (*resets[start:end], *[resets[start]] * spare)]
            names = [*keys[start:end], *((-1, each) for each in range(spare))]
            part = rollout(self.policy, self.envs, padded, names, sampling)
            made.episodes += part.episodes[: end - start]
            made.logprobs += part.logprobs[: end - start]
            made.group += part.group[: end - start]
        return made

    def _prefixes(self) -> None:
        """Save the state before each token that is looked at, and after it."""
        nodes: dict[Any, int] = {}
        tokens, ends = [], []
        env = self.envs.rows[0]
        for number, rollouts in enumerate(self.rollouts):
            for row, (episode, group) in enumerate(zip(rollouts.episodes, rollouts.group, strict=True)):
                if not usable(episode):
                    continue
                made = list(_policy_tokens(episode))
                wanted = self._wanted(number, row, len(made))
                path = []
                for place, (ids, state) in enumerate(_states(env, episode)):
                    near = place in wanted or place - 1 in wanted
                    path.append(self._node(nodes, (group, ids), state()) if near else -1)
                for place in sorted(wanted):
                    tokens.append((number, row, made[place], place))
                    ends.append((path[place], path[place + 1]))
        if not tokens:
            raise DistilError("no rollout could be graded, so there is nothing to branch from: mend the verifier")
        self.tokens, self.ends = np.array(tokens, np.int64), np.array(ends, np.int64)

    def _wanted(self, number: int, row: int, count: int) -> set[int]:
        most = self.config.positions
        if most is None or most >= count:
            return set(range(count))
        rng = generator(self.config.seed, "positions", number, row)
        return set(rng.choice(count, most, replace=False).tolist())

    def _node(self, nodes: dict[Any, int], key: Any, state: dict[str, Any] | Episode) -> int:
        if key not in nodes:
            nodes[key] = len(self.states)
            self.states.append(state)
        return nodes[key]

    def _number(self, episode: Episode, known: dict[Any, int]) -> int:
        """Its number among `finished`: equal ids with equal outcomes are one."""
        if not usable(episode):
            return -1
        assert episode.outcome is not None
        ids = tuple(attempt.completion_ids for attempt in episode.attempts)
        key = (episode.task.id, ids, episode.attempt.prompt_ids, episode.outcome.status, episode.outcome.reward)
        if key not in known:
            known[key] = len(self.finished)
            self.finished.append(replace(episode, siblings=()))
        return known[key]


def _success(episodes: Sequence[Episode]) -> float:
    graded = [episode.outcome.success for episode in episodes if usable(episode) and episode.outcome is not None]
    return sum(graded) / max(len(graded), 1)


def _parts(groups: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most so many, cut between groups unless one alone is longer."""
    start = 0
    while start < len(groups):
        end = min(start + most, len(groups))
        if end < len(groups) and groups[start] != groups[end]:
            while groups[end - 1] == groups[end]:
                end -= 1
        yield start, end
        start = end


def _policy_tokens(episode: Episode) -> Iterator[int]:
    """Positions in `Episode.continuation_ids` of what the policy made."""
    for attempt in episode.attempts:
        start = len(attempt.prompt_ids) - len(episode.context_ids)
        yield from (start + at for at, made in enumerate(attempt.sampled) if made)


def _states(env: TokenEnv, episode: Episode) -> Iterator[tuple[Any, Callable[[], dict[str, Any] | Episode]]]:
    """The ids before each token of the policy, with what gives the state there; last, the whole, and the episode.

    Raises DistilError where the environment does not come to the same ids again.
    """
    env.reset(options={"task": episode.task, "rollout_id": episode.rollout_id})
    for number, attempt in enumerate(episode.attempts):
        whole = (*attempt.prompt_ids, *attempt.completion_ids)
        for at, made in enumerate(attempt.sampled):
            if not made:
                continue
            seen = whole[: len(attempt.prompt_ids) + at]
            if tuple(env.conductor.now.ids) != seen:
                raise DistilError(
                    f"task {episode.task.id!r}: replayed, the environment put other ids between the policy's, so its "
                    "prefixes cannot be continued: make its feedback and tools repeat themselves"
                )
            yield (number, seen), env.state
            last = (number, at) == (len(episode.attempts) - 1, len(attempt.sampled) - 1)
            if not last:
                env.submit([attempt.completion_ids[at]])
    yield (-1, episode.continuation_ids), lambda: episode
