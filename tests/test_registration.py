"""`register`, and the environments that are there on import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import distil_envs
from distil_envs import ByteTokenizer, Task, TokenEnv, TokenVectorEnv
from distil_envs.errors import ConfigError

ROWS = [
    {"id": f"price-{n}", "domain": "acme", "prompt": f"{n} cost {3 * n}. One?", "reference": {"answer": "3"}}
    for n in range(1, 20)
]


def right(task: Task, completion: str) -> bool:
    return completion == task.reference["answer"]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = dict(gym.registry)
    yield
    gym.registry.clear()
    gym.registry.update(before)


def play(env: gym.Env[Any, Any], answer: str) -> tuple[float, dict[str, Any]]:
    env.reset(seed=0)
    for token in [*ByteTokenizer().encode(answer), ByteTokenizer.eos_token_id]:
        _, reward, *_, info = env.step(token)
    return float(reward), info


def test_data_and_a_function_are_an_environment() -> None:
    distil_envs.register("acme/UnitPrices-v0", tasks=ROWS, verifier=right, max_new_tokens=8)
    env = gym.make("acme/UnitPrices-v0")
    assert play(env, "3")[0] == 1.0
    reward, info = play(env, "4")
    assert reward == 0.0
    assert info["task"].domain == "acme"
    assert env.unwrapped.max_new_tokens == 8  # type: ignore[attr-defined]
    assert gym.make("acme/UnitPrices-v0", max_new_tokens=2).unwrapped.max_new_tokens == 2  # type: ignore[attr-defined]

    envs = gym.make_vec("acme/UnitPrices-v0", num_envs=3, max_new_tokens=5)
    assert isinstance(envs, TokenVectorEnv)
    assert [row.max_new_tokens for row in envs.rows] == [5, 5, 5]
    envs.reset(seed=0)
    _, rewards, *_ = envs.submit([[*ByteTokenizer().encode("3"), ByteTokenizer.eos_token_id]] * 3)
    assert 1.0 in rewards
    envs.close()


class Doubled(TokenEnv):
    """A subclass that brings its own tasks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"tasks": ROWS, "verifier": right, **options})

    def prompt_ids(self, task: Task) -> list[int]:
        return super().prompt_ids(task) * 2


@pytest.mark.parametrize("entry_point", [Doubled, f"{__name__}:Doubled"])
def test_a_subclass_as_entry_point(entry_point: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
    distil_envs.register("acme/Doubled-v0", entry_point=entry_point, max_new_tokens=7)
    env = gym.make("acme/Doubled-v0").unwrapped
    assert type(env).__name__ == "Doubled"
    envs = gym.make_vec("acme/Doubled-v0", num_envs=2)
    assert isinstance(envs, TokenVectorEnv)
    assert [type(row).__name__ for row in envs.rows] == ["Doubled", "Doubled"]
    assert envs.rows[1].max_new_tokens == 7
    assert TokenVectorEnv.of("acme/Doubled-v0", 2).num_envs == 2


def _this_module() -> Any:
    module = type(sys)(__name__)
    module.__dict__.update(globals())
    return module


@pytest.mark.parametrize("name", ["UnitPrices-v0", "acme/UnitPrices", "acme/Unit Prices-v0", "a:b/X-v0", "acme/X-v"])
def test_ids_have_one_form(name: str) -> None:
    with pytest.raises(ConfigError, match="must have the form 'namespace/Name-v0'"):
        distil_envs.register(name, tasks=ROWS, verifier=right)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="needs tasks and verifier;"):
        distil_envs.register("acme/X-v0")
    with pytest.raises(ConfigError, match="needs verifier;"):
        distil_envs.register("acme/X-v0", tasks=ROWS)


def test_registering_again() -> None:
    for _ in range(2):
        distil_envs.register("acme/X-v0", tasks=ROWS, verifier=right)
    with pytest.raises(ConfigError, match="'acme/X-v0' is registered already, as something else; pass replace=True"):
        distil_envs.register("acme/X-v0", tasks=ROWS[:5], verifier=right)
    with pytest.raises(ConfigError, match="registered already"):
        distil_envs.register("acme/X-v0", entry_point=Doubled)
    with pytest.raises(ConfigError, match="registered already"):
        distil_envs.register("distil/Math-v0", tasks=ROWS, verifier=right)
    distil_envs.register("acme/X-v0", tasks=ROWS[:5], verifier=right, replace=True)
    assert len(gym.make("acme/X-v0", split="all").unwrapped.tasks) == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["distil/Math-v0", "distil/Toy-v0"])
def test_built_in_environments(name: str) -> None:
    check_env(gym.make(name).unwrapped)
    env = gym.make(f"distil_envs:{name}")
    _, info = env.reset(seed=0)
    reward, info = play(env, info["task"].reference["answer"])
    assert reward == 1.0
    assert info["outcome"].success
    envs = gym.make_vec(name, num_envs=2)
    assert isinstance(envs, TokenVectorEnv)
    assert envs.reset(seed=0)[1]["task"][0] == info["task"]
    envs.close()


def test_the_default_environment_needs_neither_torch_nor_transformers() -> None:
    program = """
import sys, gymnasium, distil_envs
light = [name for name in ("sympy", "jinja2", "jsonschema", "yaml", "math_verify") if name in sys.modules]
env = gymnasium.make("distil/Math-v0")
env.reset(seed=0)
for token in (55, 258):
    *_, info = env.step(token)
heavy = [name for name in ("torch", "transformers", "feedback", "agents") if name in sys.modules]
print(light, heavy, info["outcome"].status)
"""
    root = Path(distil_envs.__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, env=dict(os.environ), timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() in (["[]", "[]", "wrong"], ["[]", "[]", "correct"])
