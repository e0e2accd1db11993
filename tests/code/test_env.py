"""`CodeEnv`: options, one sandbox for all rows, and everything closed that was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from distil_envs import Outcome, Status, TestResult, TokenEnv, TokenVectorEnv
from distil_envs.code import CodeEnv, CodeVerifier
from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.loaders.shipped import shipped, shipped_folder
from distil_envs.sandbox import Execution, Limits, Program, Sandbox
from distil_envs.sandbox.lazy import LazySandbox
from distil_envs.task_set import load_tasks
from distil_envs.text import fenced

Attempt = Callable[[TokenVectorEnv, Sequence[str]], list[Outcome]]
TASKS = [
    {
        "id": f"t{n}",
        "domain": "code",
        "prompt": f"Write f(x) that adds {n}.",
        "reference": {
            "solution": f"def f(x): return x + {n}",
            "entry_point": "f",
            "public": [{"call": "f(1)", "expected": str(n + 1)}, {"call": "f(2)", "expected": str(n + 2)}],
        },
    }
    for n in range(20)
]


class Counting:
    """A sandbox that knows whether it was closed."""

    name = "counting"
    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.closed = 0

    def run(self, program: Program) -> Execution:
        raise AssertionError("nothing was graded")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[Counting]:
    made: list[Counting] = []

    def make(name: str) -> Sandbox:
        assert name == "counting"
        made.append(Counting())
        return made[-1]

    monkeypatch.setattr("distil_envs.sandbox.lazy.make_sandbox", make)
    return made


def ids_of(env: TokenEnv, text: str) -> list[int]:
    return [*env.tokenizer.encode(text, add_special_tokens=False), env.tokenizer.eos_token_id]


def test_the_environment_by_its_name() -> None:
    env = gym.make("distil/Code-v0", tasks=TASKS, sandbox="subprocess", feedback="execution-trace").unwrapped
    assert isinstance(env, CodeEnv)
    _, info = env.reset(seed=0)
    *_, reward, terminated, _, info = env.submit(ids_of(env, info["task"].answer))
    assert (reward, terminated) == (1.0, True)
    assert info["feedback"].text == "All tests pass."
    env.reset(seed=0)
    *_, reward, _, _, info = env.submit(ids_of(env, "```python\ndef f(x): return 0\n```"))
    assert reward == 0.0
    assert "f(1) returned 0, expected" in info["feedback"].text
    assert env.resources() == {"sandbox": "subprocess"}
    env.close()
    env.close()


def test_rows_share_one_sandbox_which_is_made_late_and_closed_once(counting: list[Counting]) -> None:
    envs = gym.make_vec("distil/Code-v0", num_envs=3, tasks=TASKS, sandbox="counting")
    assert isinstance(envs, TokenVectorEnv)
    assert len({id(row.verifier) for row in envs.rows}) == 1
    envs.reset(seed=0)
    assert counting == []
    assert envs.rows[2].resources() == {"sandbox": "counting"}
    envs.close()
    assert [sandbox.closed for sandbox in counting] == [1]


def test_what_is_given_stays_open(counting: list[Counting]) -> None:
    given = Counting()
    env = CodeEnv(tasks=TASKS, sandbox=given)
    env.close()
    assert given.closed == 0
    verifier = CodeVerifier("counting")
    verifier.make_sandbox()
    CodeEnv(tasks=TASKS, verifier=verifier).close()
    TokenEnv(tasks=TASKS, verifier=verifier).close()
    assert [sandbox.closed for sandbox in counting] == [0]
    verifier.close()


def test_a_verifier_by_its_name_is_closed_by_any_environment(counting: list[Counting]) -> None:
    env = TokenEnv(tasks=TASKS, verifier="code", max_prompt_tokens=600)
    assert isinstance(env.verifier, CodeVerifier)
    env.verifier._lazy = LazySandbox("counting")
    env.verifier.make_sandbox()
    env.close()
    assert counting[0].closed == 1


def test_options_reach_the_verifier() -> None:
    env = CodeEnv(tasks=TASKS, limits={"wall_s": 0.5, "processes": 4}, partial_credit=True, record_lines=False)
    assert isinstance(env.verifier, CodeVerifier)
    assert env.verifier.limits == Limits(wall_s=0.5, processes=4)
    assert (env.verifier.partial_credit, env.verifier.record_lines, env.verifier.sandbox) == (True, False, "auto")
    assert CodeEnv(tasks=TASKS, limits=Limits(cpu_s=1)).verifier.limits == Limits(cpu_s=1)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"wall": 1}, "there is no 'wall'; the limits of a program are wall_s, cpu_s"),
        ({"wall_s": 0}, "wall_s must be a positive number, got 0"),
        ({"memory_bytes": "1G"}, "memory_bytes must be a positive number, got '1G'"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CodeEnv(tasks=TASKS, limits=limits)


def test_partial_credit_from_a_configuration(attempt: Attempt) -> None:
    envs = TokenVectorEnv.of(
        "distil/Code-v0", 2, tasks=TASKS, sandbox="subprocess", partial_credit=True, autoreset_mode="Disabled"
    )
    envs.reset(seed=0, options={"index": [0, 1]})
    outcomes = attempt(envs, [fenced("def f(x): return 1"), fenced("def f(x): return 2")])
    envs.close()
    assert [outcome.reward for outcome in outcomes] == [0.5, 0.5]
    assert {outcome.status for outcome in outcomes} == {Status.WRONG}
    assert [test.passed for test in outcomes[0].trace.of(TestResult)] == [True, False]


def test_a_subclass_with_an_init_of_its_own_shares_only_when_it_says_so() -> None:
    class Own(TokenEnv):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{"tasks": "toy/rule", "verifier": "exact", **options})

    class Sharing(Own):
        def shared(self) -> dict[str, Any]:
            return {"tokenizer": self.tokenizer}

    def tokenizers(row: Callable[..., Any]) -> Sequence[Any]:
        return [env.tokenizer for env in TokenVectorEnv(2, row=row).rows]

    own, sharing = tokenizers(Own), tokenizers(Sharing)
    assert own[0] is not own[1]
    assert sharing[0] is sharing[1]


def test_the_shipped_tasks_are_the_default(repository: Path) -> None:
    tasks = load_tasks("code", "all")
    assert tasks.size == sum(
        len(file.read_text(encoding="utf-8").splitlines()) for file in (repository / "tasks" / "code").glob("*.jsonl")
    )
    assert {count.level for count in tasks.counts()} == {1, 2, 3, 4}
    assert load_tasks("code@1", "test").size
    with pytest.raises(NotFoundError, match="'nothing' are missing"):
        shipped_folder("nothing")
    with pytest.raises(NotFoundError, match=r"'nothing.jsonl' are missing"):
        shipped("nothing")
