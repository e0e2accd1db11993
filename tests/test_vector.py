"""`TokenVectorEnv`: rows side by side, graded in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import ByteTokenizer, Grader, Outcome, Status, Task, TokenEnv, TokenVectorEnv
from distil_envs.errors import ConfigError, NotFoundError

TASKS = [Task(f"double-{n}", "toy", f"What is {n}+{n}?", {"answer": str(2 * n)}) for n in range(40)]
EOS = ByteTokenizer.eos_token_id
DEADLINE_S = 60.0
"""Only a test that fails waits so long."""


class Exact:
    def __call__(self, task: Task, completion: str) -> Outcome:
        right = completion == task.reference["answer"]
        return Outcome(float(right), Status.CORRECT if right else Status.WRONG, completion)


class Gate:
    """A verifier that does not return for completions beginning with ``slow`` until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, task: Task, completion: str) -> Outcome:
        if completion.startswith("slow"):
            self.begun.release()
            assert self.opened.wait(DEADLINE_S)
        return Outcome(0.25, Status.WRONG, completion)


class Name:
    """Feedback, and how often it was asked for."""

    name = "name"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, episodes: Any) -> list[Any]:
        self.asked += [episode.attempt.text for episode in episodes]
        return [type("Words", (), {"text": f"about {episode.attempt.text}"})() for episode in episodes]


def make(num_envs: int = 3, **options: Any) -> TokenVectorEnv:
    return TokenVectorEnv(num_envs, **{"tasks": TASKS, "verifier": Exact(), "max_new_tokens": 16, **options})


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def ids_of(text: str, end: bool = True) -> list[int]:
    return ByteTokenizer().encode(text) + [EOS] * end


def texts(observations: dict[str, Any]) -> list[str]:
    rows = zip(observations["input_ids"], observations["attention_mask"], strict=True)
    return [ByteTokenizer().decode(ids[mask == 1].tolist()) for ids, mask in rows]


def prompt(task: Task) -> str:
    return f"<|im_start|>user\n{task.prompt}<|im_end|>\n<|im_start|>assistant\n"


def test_rows_answer_their_own_tasks() -> None:
    envs = make(4, feedback=Name())
    observations, infos = envs.reset(seed=0)
    assert observations in envs.observation_space
    assert texts(observations) == [prompt(task) for task in infos["task"]]
    answers = [task.reference["answer"] for task in infos["task"]]
    answers[2] = "no"
    seen = {}
    result = envs.submit([ids_of(answer) for answer in answers])
    while len(seen) < 4:
        observations, rewards, terminated, truncated, infos = result
        for row in np.flatnonzero(infos.get("_outcome", [])):
            assert row not in seen
            assert terminated[row]
            assert not truncated[row]
            assert rewards[row] == infos["outcome"][row].reward
            assert infos["feedback"][row].text == f"about {answers[row]}"
            assert infos["episode"][row].attempt.text == answers[row]
            seen[row] = rewards[row]
        if len(seen) < 4:
            result = envs.submit([[]] * 4)
    assert [seen[row] for row in range(4)] == [1.0, 1.0, 0.0, 1.0]
    envs.close()


def test_seeds_of_rows() -> None:
    envs, single = make(3), make(1)
    prompts = texts(envs.reset(seed=5)[0])
    for row in range(3):
        assert texts(single.reset(seed=5 + row)[0])[0] == prompts[row]
    same = envs.reset(seed=[7, 7, np.int64(8)])[1]["task"]
    assert same[0] == same[1] != same[2]
    again = envs.reset()[1]["task"]
    assert again[0] == again[1]
    assert len({task.id for task in [*same, *again]}) > 2
    envs.reset(seed=[1, None, None])
    assert envs.reset(seed=[7, None, 8])[1]["task"][0] == same[0]
    with pytest.raises(ValueError, match="expected 3 seeds, one for each row, got 2"):
        envs.reset(seed=[1, 2])


def test_reset_options_by_row() -> None:
    envs = make(3, split="all")
    assert [task.id for task in envs.reset(options={"index": [4, 2, 4]})[1]["task"]] == [
        "double-4",
        "double-2",
        "double-4",
    ]
    assert {task.id for task in envs.reset(options={"index": 9})[1]["task"]} == {"double-9"}
    assert list(envs.reset(options={"task": TASKS[:3]})[1]["task"]) == TASKS[:3]
    assert set(envs.reset(options={"task": TASKS[0]})[1]["task"]) == {TASKS[0]}
    with pytest.raises(ValueError, match="values of the reset option 'index'"):
        envs.reset(options={"index": [1]})


def test_a_mask_resets_some_rows() -> None:
    envs = make(3, split="all")
    envs.reset(options={"index": [0, 1, 2]})
    envs.submit([ids_of("a", end=False), ids_of("b", end=False), []])
    options = {"index": [7, 8, 9], "reset_mask": np.array([True, False, False])}
    observations, infos = envs.reset(options=options)
    assert texts(observations) == [prompt(TASKS[7]), prompt(TASKS[1]) + "b", prompt(TASKS[2])]
    assert infos["_task"].tolist() == [True, False, False]
    assert set(options) == {"index", "reset_mask"}  # the caller's options are left alone
    for mask in ([True, False, False], np.array([1, 0, 0]), np.array([True])):
        with pytest.raises(ValueError, match="reset_mask must be a bool array of shape"):
            envs.reset(options={"reset_mask": mask})


def test_next_step_autoreset() -> None:
    envs = make(1)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    first = envs.reset(seed=3)[1]["task"][0]
    observations, _, terminated, _, _ = envs.step([EOS])
    assert terminated.tolist() == [True]
    assert texts(observations)[0] == prompt(first) + "<|im_end|>"
    observations, rewards, terminated, truncated, infos = envs.step([EOS])  # ignored: the row begins anew
    assert (rewards[0], terminated[0], truncated[0]) == (0.0, False, False)
    assert "outcome" not in infos
    second = make(1)
    second.reset(seed=3)
    assert texts(observations) == texts(second.reset()[0])


def test_disabled_autoreset() -> None:
    envs = make(2, autoreset_mode="Disabled")
    assert envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    envs.reset(seed=0)
    *_, infos = envs.submit([[EOS], []])
    while "outcome" not in infos:
        *_, infos = envs.submit([[], []])
    assert infos["_outcome"].tolist() == [True, False]
    _, rewards, terminated, _, infos = envs.submit([[], ids_of("x", end=False)])
    assert terminated.tolist() == [True, False]  # it still is at its end
    assert rewards.tolist() == [0.0, 0.0]  # which has been told
    assert "outcome" not in infos
    with pytest.raises(ValueError, match="row 0 has ended and takes no ids"):
        envs.submit([[1], []])
    with pytest.raises(gym.error.ResetNeeded, match=r"rows \[0\] have ended"):
        envs.step([1, 1])
    envs.reset(options={"reset_mask": np.array([True, False])})
    assert envs.step([65, 65])[2].tolist() == [False, False]


def test_same_step_autoreset_is_refused() -> None:
    for mode in ("SameStep", AutoresetMode.SAME_STEP):
        with pytest.raises(ConfigError, match="known only when it has been graded"):
            make(autoreset_mode=mode)
    with pytest.raises(ConfigError, match="unknown autoreset_mode 'never'"):
        make(autoreset_mode="never")


def test_a_slow_verification_delays_no_other_row(gate: Gate) -> None:
    provider = Name()
    envs = make(3, verifier=gate, feedback=provider)
    envs.reset(seed=0)
    slow_prompt = texts(envs.reset(seed=0)[0])[0]
    envs.submit([ids_of("slow"), ids_of("1", end=False), []])
    assert gate.begun.acquire(timeout=DEADLINE_S)
    ended = 0
    while ended < 4:  # whole episodes of the other rows pass while row 0 is being graded
        observations, rewards, terminated, truncated, infos = envs.step([65, 65, 66])
        assert infos["pending"].tolist()[0] is True
        assert not infos.get("_outcome", np.zeros(3, bool))[0]
        assert (rewards[0], terminated[0], truncated[0]) == (0.0, False, False)
        assert texts(observations)[0] == slow_prompt + "slow<|im_end|>"  # its actions were ignored
        ended += int(truncated[1]) + int(truncated[2])
    assert not any(text.startswith("slow") for text in provider.asked)
    with pytest.raises(ValueError, match="row 0 is at work and takes no ids"):
        envs.submit([[65], [], []])

    gate.opened.set()
    envs.rows[0].work.result(DEADLINE_S)  # type: ignore[union-attr]
    _, rewards, terminated, _, infos = envs.submit([[], [], []])
    assert infos["outcome"][0].answer == "slow"
    assert infos["feedback"][0].text == "about slow"
    assert (rewards[0], terminated[0], infos["pending"][0]) == (0.25, True, False)
    envs.close()


def test_waiting_ends_with_the_first_outcome(gate: Gate) -> None:
    envs = make(2, verifier=gate, autoreset_mode="Disabled")
    envs.reset(seed=0)
    # Nothing can act but row 1, when its outcome comes; row 0's never does before the gate opens.
    *_, infos = envs.submit([ids_of("slow"), ids_of("fast")])
    assert infos["_outcome"].tolist() == [False, True]
    assert infos["pending"].tolist() == [True, False]
    threading.Timer(0.05, gate.opened.set).start()
    _, _, terminated, _, infos = envs.submit([[], []])  # blocks: row 1 rests, so only row 0 can act next
    assert infos["_outcome"].tolist() == [True, False]
    assert terminated.tolist() == [True, True]


def test_a_pending_row_can_be_abandoned(gate: Gate) -> None:
    envs = make(2, verifier=gate, split="all")
    envs.reset(options={"index": [0, 1]})
    envs.submit([ids_of("slow"), []])
    assert gate.begun.acquire(timeout=DEADLINE_S)
    _, infos = envs.reset(options={"index": [5, 5], "reset_mask": np.array([False, True])})
    assert infos["pending"].tolist() == [True, False]
    envs.reset(options={"index": [5, 5], "reset_mask": np.array([True, False])})
    gate.opened.set()
    _, _, _, _, infos = envs.submit([ids_of("fast"), []])
    while "outcome" not in infos:
        _, _, _, _, infos = envs.submit([[], []])
    assert infos["outcome"][0].answer == "fast"


@given(data=st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_rows_are_as_single_environments(data: st.DataObject) -> None:
    """Ragged submissions and any order of grading give what each row would give by itself: ids, texts, outcomes."""
    count = data.draw(st.integers(1, 4))
    completions = [data.draw(st.text(max_size=3).map(lambda text: ids_of(text)[:16])) for _ in range(count)]
    pieces = data.draw(st.integers(1, 4))
    envs = make(count, autoreset_mode="Disabled")
    envs.reset(seed=11)
    collected: dict[int, Any] = {}
    left = [list(ids) for ids in completions]
    while len(collected) < count:
        *_, infos = envs.submit([ids[:pieces] for ids in left])
        left = [ids[pieces:] for ids in left]
        for row in np.flatnonzero(infos.get("_episode", [])).tolist():
            collected[row] = infos["episode"][row].to_dict()
    single = TokenEnv(tasks=TASKS, verifier=Exact(), max_new_tokens=16)
    for row in range(count):
        single.reset(seed=11 + row)
        assert collected[row] == single.submit(completions[row])[4]["episode"].to_dict()
    envs.close()
    single.close()


def test_bad_input_names_the_row() -> None:
    envs = make(2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="row 1: token 999 at position 0"):
        envs.submit([[], [999]])
    with pytest.raises(ValueError, match="expected 2 actions, one for each row, got 3"):
        envs.step([1, 2, 3])
    with pytest.raises(ValueError, match="expected 2 lists of ids"):
        envs.submit([[]])
    with pytest.raises(ConfigError, match="num_envs must be at least 1, got 0"):
        make(0)
    with pytest.raises(gym.error.ResetNeeded, match=r"call reset\(\) first"):
        make(2).step([1, 1])


def test_heavy_parts_are_shared() -> None:
    envs = make(3, verifier="exact", num_tasks=4, shots=1)
    first = envs.rows[0]
    for row in envs.rows[1:]:
        assert row.tasks is first.tasks
        assert row.tokenizer is first.tokenizer
        assert row.verifier is first.verifier
        assert row.prompts.shot_tasks is first.prompts.shot_tasks
    assert len(first.tasks) == 4  # type: ignore[arg-type]


class Scaled(TokenEnv):
    """A subclass with options of its own, one of which takes a name of ours."""

    def __init__(self, tasks: str = "small", **options: Any) -> None:
        super().__init__(tasks=TASKS[:20] if tasks == "small" else TASKS, verifier=Exact(), **options)

    def verify(self, task: Task, text: str) -> Outcome:
        return Outcome(0.5, Status.WRONG, text)


def test_a_subclass_with_options_of_its_own() -> None:
    envs = TokenVectorEnv(2, row=Scaled, tasks="large")
    envs.reset(seed=0)
    assert len(envs.rows[1].tasks) > 20  # type: ignore[arg-type]
    _, rewards, terminated, _, _ = envs.step([EOS, EOS])
    while not terminated.any():
        _, rewards, terminated, _, _ = envs.submit([[], []])
    assert set(rewards[terminated]) == {0.5}


def test_rows_must_be_token_envs() -> None:
    with pytest.raises(ConfigError, match="rows must be TokenEnv environments, got CartPoleEnv"):
        TokenVectorEnv(2, row=lambda: gym.make("CartPole-v1").unwrapped)


def test_of_any_registered_environment() -> None:
    class Closed(TokenEnv):
        def __init__(self) -> None:
            super().__init__(tasks=TASKS, verifier=Exact())

    gym.register("test-vector/Scaled-v0", entry_point=Scaled)
    gym.register("test-vector/Closed-v0", entry_point=Closed)
    try:
        envs = TokenVectorEnv.of("test-vector/Scaled-v0", 2, tasks="large", max_new_tokens=3, autoreset_mode="Disabled")
        assert [type(row) for row in envs.rows] == [Scaled, Scaled]
        assert envs.rows[1].max_new_tokens == 3
        assert envs.autoreset_mode is AutoresetMode.DISABLED
        assert TokenVectorEnv.of("test-vector/Closed-v0", 2).num_envs == 2
        with pytest.raises(
            ConfigError, match=r"does not take an option: .*'max_new_tokens'.*let that take \*\*options"
        ):
            TokenVectorEnv.of("test-vector/Closed-v0", 2, max_new_tokens=3)
    finally:
        del gym.registry["test-vector/Scaled-v0"], gym.registry["test-vector/Closed-v0"]
    assert TokenVectorEnv.of("distil_envs:distil/Toy-v0", 2).num_envs == 2
    with pytest.raises(ConfigError, match="not a TokenVectorEnv"):
        TokenVectorEnv.of("CartPole-v1", 2)
    with pytest.raises(ConfigError, match="rows must be TokenEnv environments"):
        TokenVectorEnv.of("MountainCar-v0", 2)
    with pytest.raises(NotFoundError, match="Did you mean: `Toy`"):
        TokenVectorEnv.of("distil/Tot-v0")
    with pytest.raises(NotFoundError, match="no_such_module"):
        TokenVectorEnv.of("no_such_module:acme/X-v0")


def test_rendering() -> None:
    assert make(2).render() is None
    envs = make(2, render_mode="ansi")
    envs.reset(seed=0)
    rendered = envs.render()
    assert rendered is not None
    assert all(text.startswith("task double-") for text in rendered)


def test_closing() -> None:
    envs = make(2)
    envs.reset(seed=0)
    envs.close()
    envs.close()
    with pytest.raises(RuntimeError, match="closed"):
        envs.step([EOS, EOS])
    grader = Grader()
    make(2, grader=grader).close()
    assert grader.submit(lambda: 7).result(DEADLINE_S) == 7  # a grader that was given stays open
    grader.close()


def test_gymnasiums_own_vector_environments_carry_the_same_objects() -> None:
    envs = gym.vector.SyncVectorEnv([lambda: TokenEnv(tasks=TASKS, verifier=Exact()) for _ in range(2)])
    envs.reset(seed=0)
    *_, infos = envs.step(np.array([EOS, 65]))
    assert isinstance(infos["outcome"][0], Outcome)
    assert infos["_outcome"].tolist() == [True, False]
