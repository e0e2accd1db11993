"""`TokenVectorEnv`: many attempts at once, where a slow verification delays no other row."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from distil_envs.conductor import wait_for_any
from distil_envs.env import Observation, Result, TokenEnv
from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.grading import Grader

VectorResult = tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class TokenVectorEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """Rows of `TokenEnv` that share tokenizer, tasks, verifier and feedback provider, and are graded in the background.

    A row whose attempt is being graded, or whose tools are at work, is *pending*: reward 0, not done, its action
    ignored, its ``infos["pending"]`` True. `step` and `submit` return as soon as a row can act: it awaits a token, or
    its outcome has just arrived. So call them with nothing for the pending rows until their outcomes come, each
    reported exactly once. A row that fails, or misses its ``deadline_s``, is an ``infra_error`` for itself alone.

    ``infos`` holds arrays with masks as Gymnasium does: ``infos["outcome"][i]`` is an `Outcome` where
    ``infos["_outcome"][i]``; likewise ``task``, ``pending``, ``feedback`` and ``episode``.

    Args:
        num_envs: number of rows.
        row: makes one row from ``options``; `TokenEnv`, a subclass, or any function.
        autoreset_mode: ``NextStep``: the call after a row's end resets it, its action ignored. ``Disabled``: the row
            rests until `reset` with ``reset_mask``.
        grader: who calls the verifier in the background. None: one of its own.
        **options: of `TokenEnv`.

    Raises:
        ConfigError: an unusable option; rows that are no `TokenEnv`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        row: Callable[..., Any] = TokenEnv,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        grader: Grader | None = None,
        **options: Any,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs must be at least 1, got {num_envs}")
        mode = _checked_mode(autoreset_mode)
        first = _made(row, options)
        self.rows: list[TokenEnv] = [first]
        for _ in range(1, num_envs):
            self.rows.append(_made(row, {**options, **self.shared()}))
        self.num_envs = num_envs
        self.autoreset_mode = mode
        self.metadata = {**first.metadata, "autoreset_mode": mode}
        self.render_mode = first.render_mode
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self._owned_grader = Grader(max(32, num_envs)) if grader is None else None
        for env in self.rows:
            env.use_grader(grader or self._owned_grader)  # type: ignore[arg-type]
        self._ended = np.zeros(num_envs, np.bool_)
        """Rows whose outcome has been reported, until they are reset."""

    @classmethod
    def of(cls, env_id: str, num_envs: int = 1, **options: Any) -> TokenVectorEnv:
        """Rows of a registered environment, whoever registered it and whether or not it has a vector entry point.

        Args:
            env_id: as for ``gymnasium.make``; ``module:id`` imports the module first.
            num_envs: number of rows.
            **options: of this class and of the environment.

        Raises:
            NotFoundError: nothing is registered under that id.
            ConfigError: it is no `TokenEnv`, or does not take these options.
        """
        module, _, name = env_id.rpartition(":")
        try:
            if module:
                importlib.import_module(module)
            spec = gym.spec(name)
        except (gym.error.Error, ModuleNotFoundError) as error:
            raise NotFoundError(
                f"no environment {env_id!r}: {error} Import the module that registers it, or write 'module:{name}'"
            ) from error
        if spec.vector_entry_point is not None:
            with _options_named(env_id):
                envs = gym.make_vec(name, num_envs=num_envs, **options)
            if isinstance(envs, cls):
                return envs
            envs.close()
            raise ConfigError(f"{env_id!r} makes {type(envs).__name__}, not a TokenVectorEnv; register a TokenEnv")

        def row(**row_options: Any) -> gym.Env[Any, Any]:
            return gym.make(name, **row_options).unwrapped

        with _options_named(env_id):
            return cls(num_envs, row=row, **options)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every row, or in those of ``options["reset_mask"]`` (bool array).

        Args:
            seed: an int (row i gets ``seed + i``), or one for each row. Rows with equal seeds draw equal tasks.
            options: ``reset_mask``, and `TokenEnv.reset`'s options, each one value for all rows or a list with one
                each, where None leaves a row without.

        Raises:
            ValueError: lists of the wrong length, a mask of another kind.
        """
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
            seed = [int(seed) + row for row in range(self.num_envs)]
        seeds = [None] * self.num_envs if seed is None else list(seed)
        self._check_length(seeds, "seeds")
        by_row = [dict[str, Any]() for _ in self.rows]
        mask = np.ones(self.num_envs, np.bool_)
        for key, value in (options or {}).items():
            if key == "reset_mask":
                mask = self._checked_mask(value)
                continue
            several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
            values = value if several else [value] * self.num_envs
            self._check_length(values, f"values of the reset option {key!r}")
            for row_options, item in zip(by_row, values, strict=True):
                if item is not None:
                    row_options[key] = item

        infos: dict[str, Any] = {}
        observations = []
        for index, row in enumerate(self.rows):
            if mask[index]:
                row_seed = seeds[index]
                observation, info = row.reset(seed=None if row_seed is None else int(row_seed), options=by_row[index])
                self._ended[index] = False
            else:
                observation, info = row.observation(), {"pending": row.work is not None}
            observations.append(observation)
            infos = self._add_info(infos, info, index)
        return _stacked(observations), infos

    def step(self, actions: Any) -> VectorResult:
        """One token for every row; ignored for rows that are pending or about to be reset.

        Raises ResetNeeded when a row has ended and the autoreset mode is ``Disabled``; ValueError for bad tokens.
        """
        self._check_length(actions, "actions")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise gym.error.ResetNeeded(
                f"rows {np.flatnonzero(self._ended).tolist()} have ended: reset them with options={{'reset_mask': …}}, "
                "or use submit with [] for them"
            )
        return self._advance([[] if self._resting(row) else [actions[row]] for row in range(self.num_envs)])

    def submit(self, ids: Sequence[Sequence[int]]) -> VectorResult:
        """Any number of ids for each row, ``[]`` for none: the same as stepping them one by one (`TokenEnv.submit`).

        In autoreset mode ``NextStep`` a row that has ended is reset, as by `step`. Raises ValueError, naming the row,
        for ids for one that is pending or has ended (then nothing has changed), and for ids behind the end of a turn
        (then the rows before have taken theirs).
        """
        self._check_length(ids, "lists of ids")
        for row, tokens in enumerate(ids):
            if len(tokens) and self._resting(row):
                state = "has ended" if self._ended[row] else "is at work"
                raise ValueError(f"row {row} {state} and takes no ids; submit [] for it")
        return self._advance(ids)

    def wait(self) -> None:
        """Return when a row that is at work has something to tell, which `submit` then does; at once if none is."""
        at_work = [row.conductor for row in self.rows if row.work is not None]
        if at_work:
            wait_for_any(at_work)

    def shared(self) -> dict[str, Any]:
        """Options that further rows take from the first (see `TokenEnv.shared`); none where a subclass has not said."""
        kind = type(self.rows[0])
        silent = kind.__init__ is not TokenEnv.__init__ and kind.shared is TokenEnv.shared
        return {} if silent else self.rows[0].shared()

    def render(self) -> tuple[Any, ...] | None:
        """What each row renders; None without a ``render_mode``."""
        return None if self.render_mode is None else tuple(row.render() for row in self.rows)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the rows, and the grader unless it was given."""
        for row in self.rows:
            row.close()
        if self._owned_grader is not None:
            self._owned_grader.close()

    def _resting(self, row: int) -> bool:
        env = self.rows[row]
        return bool(self._ended[row]) or env.work is not None or env.conductor.now.over

    def _advance(self, ids: Sequence[Sequence[int]]) -> VectorResult:
        for index, row in enumerate(self.rows):
            if self._ended[index] and self.autoreset_mode is AutoresetMode.NEXT_STEP:
                row.reset()
                self._ended[index] = False
            elif len(ids[index]):
                try:
                    row.advance(ids[index])
                except ValueError as error:
                    raise ValueError(f"row {index}: {error}") from error

        if all(self._resting(index) for index in range(self.num_envs)):
            self.wait()
        results = [self._collect(index) for index in range(self.num_envs)]
        self._ended |= np.array([result[2] or result[3] for result in results])

        infos: dict[str, Any] = {}
        for index, result in enumerate(results):
            infos = self._add_info(infos, result[4], index)
        return (
            _stacked([result[0] for result in results]),
            np.array([result[1] for result in results], np.float64),
            np.array([result[2] for result in results], np.bool_),
            np.array([result[3] for result in results], np.bool_),
            infos,
        )

    def _collect(self, index: int) -> Result:
        observation, reward, terminated, truncated, info = self.rows[index].collect()
        if self._ended[index]:  # reported before, and resting
            return observation, 0.0, terminated, truncated, {"task": info["task"], "pending": False}
        return observation, reward, terminated, truncated, info

    def _check_length(self, values: Any, what: str) -> None:
        if len(values) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} {what}, one for each row, got {len(values)}")

    def _checked_mask(self, mask: Any) -> NDArray[np.bool_]:
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask must be a bool array of shape ({self.num_envs},), got {mask!r}")
        return mask


@contextmanager
def _options_named(env_id: str) -> Iterator[None]:
    """Makes Python's complaint about an unknown keyword one that says what to do."""
    try:
        yield
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ConfigError(
            f"{env_id!r} does not take an option: {error}. If it is a subclass of TokenEnv with its own __init__, "
            "let that take **options and hand them on to super().__init__"
        ) from error


def _made(row: Callable[..., Any], options: Mapping[str, Any]) -> TokenEnv:
    env = row(**options)
    if not isinstance(env, TokenEnv):
        raise ConfigError(f"rows must be TokenEnv environments, got {type(env).__name__}; derive it from TokenEnv")
    return env


def _stacked(observations: Sequence[Observation]) -> Observation:
    return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}


def _checked_mode(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        mode = AutoresetMode(mode)
    except ValueError:
        names = ", ".join(repr(known.value) for known in AutoresetMode)
        raise ConfigError(f"unknown autoreset_mode {mode!r}; expected one of {names}") from None
    if mode is AutoresetMode.SAME_STEP:
        raise ConfigError(
            "autoreset_mode SAME_STEP cannot work here: the end of an attempt is known only when it has been graded; "
            "use NEXT_STEP or DISABLED"
        )
    return mode
