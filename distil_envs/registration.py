"""`register`: data and a verifier become an environment that ``gymnasium.make`` and ``make_vec`` know."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import gymnasium as gym

from distil_envs.errors import ConfigError
from distil_envs.task_set import TaskSpec

_ID = re.compile(r"[\w-]+/[\w.-]+-v\d+")
_ENV = "distil_envs.env:TokenEnv"
_VECTOR = "distil_envs.vector:TokenVectorEnv"


def register(
    id: str,
    *,
    tasks: TaskSpec | None = None,
    verifier: Any = None,
    feedback: Any = None,
    entry_point: Any = None,
    replace: bool = False,
    **defaults: Any,
) -> None:
    """Register an environment with Gymnasium, single and vectorised.

    Args:
        id: ``namespace/Name-v0``.
        tasks: as for `TokenEnv`: a list of `Task` or dicts, a name, a path.
        verifier: as for `TokenEnv`: a name, a `Verifier`, or a plain function, which runs in a process of its own.
        feedback: as for `TokenEnv`: a name, a provider, or None.
        entry_point: a subclass of `TokenEnv`, or ``"module:Class"``. None: `TokenEnv` itself.
        replace: whether an environment of that id may be replaced. Registering the same again is never an error.
        **defaults: further options of the environment; ``gymnasium.make(id, option=…)`` overrides them.

    Raises:
        ConfigError: an id of another form, an id that means something else already, no tasks or no verifier and no
            ``entry_point`` that could bring its own.
    """
    if not _ID.fullmatch(id):
        raise ConfigError(f"environment id {id!r} must have the form 'namespace/Name-v0', such as 'acme/UnitPrices-v0'")
    if entry_point is None and (tasks is None or verifier is None):
        missing = " and ".join(name for name, value in (("tasks", tasks), ("verifier", verifier)) if value is None)
        raise ConfigError(f"environment {id!r} needs {missing}; pass them, or an entry_point that brings its own")
    given = {"tasks": tasks, "verifier": verifier, "feedback": feedback}
    options = {name: value for name, value in given.items() if value is not None} | defaults
    known = gym.registry.get(id)
    if known is not None and not replace:
        if (known.entry_point, known.kwargs) == (_resolved(entry_point), options):
            return
        raise ConfigError(
            f"environment {id!r} is registered already, as something else; pass replace=True to replace it"
        )
    gym.registry.pop(id, None)
    gym.register(id, entry_point=_resolved(entry_point), vector_entry_point=_vector(entry_point), kwargs=options)


def _resolved(entry_point: Any) -> Any:
    return _ENV if entry_point is None else entry_point


def _vector(entry_point: Any) -> Any:
    if entry_point is None:
        return _VECTOR
    return partial(_vector_env, entry_point)


def _vector_env(entry_point: Any, **options: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    from distil_envs.vector import TokenVectorEnv

    row = gym.envs.registration.load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return TokenVectorEnv(row=row, **options)


def register_built_in() -> None:
    """The environments of this package. Costs nothing: what they need is imported when one is made."""
    register("distil/Math-v0", tasks="math", verifier="math")
    register("distil/Science-v0", tasks="science", verifier="science")
    register("distil/Code-v0", tasks="code", entry_point="distil_envs.code.env:CodeEnv", sandbox="auto")
    register("distil/Toy-v0", tasks="toy/rule", verifier="exact")
