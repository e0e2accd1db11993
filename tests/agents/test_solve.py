"""Learning at test time on one task: what counts, what starts anew, what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import distil_envs
import feedback
from agents import CE, GRPO, SFT, DAgger, EnvConfig, Policy, PolicyConfig
from agents.solve import Solver, find_task
from agents.solve_arm import Result
from agents.solve_config import SolveConfig
from agents.solve_curve import discovery, draw_discovery
from distil_envs import Attempt, Outcome, Status, TokenEnv
from distil_envs.errors import ConfigError, DistilError
from distil_envs.registry import unregister_object
from feedback.experts.correction import CorrectionExpert
from feedback.experts.self_teacher import SelfTeacher
from feedback.schedule import Schedule

HARD = "toy/function/3/c14bd74377d8"  # 5*x*x+3: about one sample in a thousand is right


@pytest.fixture
def config(tmp_path: Path) -> SolveConfig:
    """Two groups of four on a task that is hardly ever solved."""
    return SolveConfig(
        model="tiny",
        env="distil/Toy-v0",
        feedback="binary",
        learner=CE(),
        task=HARD,
        budget=8,
        group_size=4,
        seeds=(0,),
        demonstrations=0,
        environment=EnvConfig(tasks="toy/function@3", max_new_tokens=12, max_prompt_tokens=32),
        policy=PolicyConfig(device="cpu"),
        run_dir=str(tmp_path / "run"),
    )


def solve(config: SolveConfig, *, resume: bool = False) -> list[Result]:
    return Solver(config, resume=resume, console=Console(file=io.StringIO())).solve()


def rows(config: SolveConfig, cell: str, log: str = "episodes.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (config.path / "cells" / cell / log).read_text().splitlines()]


def sampled(config: SolveConfig, cell: str, step: int) -> list[list[list[int]]]:
    """Ids of the attempts of each episode of a group."""
    return [
        [attempt["completion_ids"] for attempt in row["attempts"]] for row in rows(config, cell) if row["step"] == step
    ]


def timeless(results: Sequence[Result]) -> list[Result]:
    return [replace(each, seconds=0.0) for each in results]


# What counts.

GRADES = st.sampled_from([Status.CORRECT, Status.WRONG, Status.MALFORMED, Status.INFRA_ERROR])


@given(st.lists(st.lists(GRADES, max_size=5), max_size=6), st.integers(1, 12))
def test_completions_are_counted_up_to_the_first_success_or_the_budget(groups: list[list[Status]], budget: int) -> None:
    result = Result("learn", 0)
    for group in groups:
        attempts = [
            Attempt((1,), (2,) * 3, status, Outcome(float(status is Status.CORRECT), status)) for status in group
        ]
        if result.add(attempts, budget):
            break
    graded = [status for group in groups for status in group if status is not Status.INFRA_ERROR]
    solved = graded.index(Status.CORRECT) + 1 if Status.CORRECT in graded else None
    within = solved is not None and solved <= budget
    assert (result.solved, result.completions) == (within, solved if within else min(len(graded), budget))
    assert result.tokens == 3 * result.completions
    assert result.text == ("correct" if within else "")


def test_what_could_not_be_graded_is_told_and_replaced(config: SolveConfig, flaky: type[Flaky]) -> None:
    said = io.StringIO()
    config = replace(config, env="acme/Flaky-v0", task=None, environment=EnvConfig(max_new_tokens=4), arms=("learn",))
    [result] = Solver(config, console=Console(file=said)).solve()
    statuses = [row["attempts"][0]["outcome"]["status"] for row in rows(config, "learn-0")]
    failed = statuses.count("infra_error")
    assert 0 < failed < len(statuses)
    assert (result.completions, result.solved) == (8, False)
    # What is sampled beyond the budget is neither a completion nor left out of it.
    assert 8 + result.not_graded <= len(statuses) <= 8 + failed + config.group_size
    assert (
        "of 4 verifications failed on our side and do not count: verifier 'Flaky' raised: out of order"
        in said.getvalue()
    )

    flaky.share = 1.0
    with pytest.raises(DistilError, match=r"group 0: all 4 verifications failed on our side.*out of order"):
        solve(replace(config, run_dir=f"{config.run_dir}-2"))
    assert not Path(f"{config.run_dir}-2").exists()  # nothing stands in the way of the next attempt


def test_each_attempt_of_a_retry_is_a_completion_and_the_budget_cuts_the_last_episode(config: SolveConfig) -> None:
    config = replace(config, budget=7, group_size=6, max_attempts=3, arms=("best-of-n", "retry"))
    once, retry = solve(config)
    assert (once.completions, retry.completions) == (7, 7)
    first = sampled(config, "retry-0", 0)
    assert [len(attempts) for attempts in first] == [3, 3]  # as many completions at a time as in the other arms
    assert [attempts[0] for attempts in first] == [ids for [ids] in sampled(config, "best-of-n-0", 0)[:2]]
    counted = [ids for step in (0, 1) for attempts in sampled(config, "retry-0", step) for ids in attempts][:7]
    assert retry.tokens == sum(map(len, counted))
    [told] = {row["attempts"][0]["reply"].splitlines()[1].split(" is ")[1] for row in rows(config, "retry-0")} - {""}
    assert told == "wrong."


def test_an_arm_stops_at_its_first_success(config: SolveConfig) -> None:
    config = replace(config, task=None, environment=replace(config.environment, tasks="toy/rule@1"), budget=64)
    for result in solve(config):
        last = rows(config, f"{result.arm}-0")[-1]["step"]
        grades = [
            attempt["outcome"]["status"] == "correct" for row in rows(config, f"{result.arm}-0")
            for attempt in row["attempts"]
        ]  # fmt: skip
        assert result.solved and grades.index(True) + 1 == result.completions
        assert result.updates == (last if result.arm == "learn" else 0)
        assert result.text.strip().isdigit()


# Counted randomness, and one start for all.


def test_what_is_learned_begins_with_the_first_group_that_best_of_n_draws(config: SolveConfig) -> None:
    results = solve(replace(config, arms=("learn", "best-of-n")))
    assert sampled(config, "learn-0", 0) == sampled(config, "best-of-n-0", 0)
    assert sampled(config, "learn-0", 1) != sampled(config, "best-of-n-0", 1)
    assert [result.updates for result in results] == [1, 0]  # none after the last group: nobody would use it
    [update] = rows(config, "learn-0", "metrics.jsonl")
    assert update["step"] == 0 and update["grad_norm"] > 0


def test_rewards_that_are_all_equal_teach_nothing_so_grpo_is_best_of_n(config: SolveConfig) -> None:
    learn, once = solve(replace(config, learner=GRPO(), budget=24, arms=("learn", "best-of-n")))
    assert (learn.ids, learn.completions, learn.updates) == (once.ids, once.completions, 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learner": DAgger(), "expert": SelfTeacher(weights="ema"), "policy": PolicyConfig(device="cpu", lora_rank=4)},
    ],
    ids=["plain", "with lessons, averages and adapters"],
)
def test_nothing_leaks_from_one_arm_or_seed_to_the_next(config: SolveConfig, options: dict[str, Any]) -> None:
    config = replace(config, **options, learning_rate=0.02)  # one update is to be seen in what is sampled
    together = timeless(solve(replace(config, seeds=(0, 1), arms=("learn", "best-of-n"))))
    assert len({each.ids for each in together}) == 4
    other = replace(config, seeds=(1,), arms=("best-of-n", "learn"), run_dir=f"{config.run_dir}-other")
    assert timeless(solve(other)) == together[:1:-1]
    assert [each.updates for each in together] == [1, 0, 1, 0]


@dataclass
class Stopping(CE):
    """CE that is killed."""

    losses: ClassVar[int] = 0
    stop_at: ClassVar[int] = -1

    def loss(self, batch: Any) -> Any:
        Stopping.losses += 1
        if Stopping.losses == Stopping.stop_at:
            raise KeyboardInterrupt
        return super().loss(batch)


def test_a_run_that_is_killed_and_resumed_ends_as_it_would_have(config: SolveConfig) -> None:
    config = replace(config, learner=Stopping(), seeds=(0, 1), arms=("learn", "best-of-n"))
    whole = solve(replace(config, run_dir=f"{config.run_dir}-whole"))
    Stopping.losses, Stopping.stop_at = 0, 2  # one update with seed 0, and in the middle of seed 1
    with pytest.raises(KeyboardInterrupt):
        solve(config)
    kept = (config.path / "results.jsonl").read_text().splitlines()
    assert [(row["arm"], row["seed"]) for row in map(json.loads, kept)] == [("learn", 0), ("best-of-n", 0)]
    with pytest.raises(ConfigError, match=r"already holds a run: add --resume"):
        solve(config)
    with pytest.raises(ConfigError, match=r"with other options: budget \(was 8, now 16\)"):
        solve(replace(config, budget=16), resume=True)
    resumed = solve(config, resume=True)
    assert timeless(resumed) == timeless(whole)
    assert (config.path / "results.jsonl").read_text().splitlines()[:2] == kept  # not run again
    for log in ("episodes.jsonl", "metrics.jsonl"):
        assert rows(config, "learn-1", log) == rows(replace(config, run_dir=f"{config.run_dir}-whole"), "learn-1", log)

    more = solve(replace(config, seeds=(2,), arms=("best-of-n",)), resume=True)
    assert timeless(more)[:-1] == timeless(whole)
    assert (more[-1].arm, more[-1].seed) == ("best-of-n", 2)
    assert json.loads((config.path / "results.jsonl").read_text().splitlines()[-1]) == asdict(more[-1])


def test_the_learned_policy_is_kept_only_where_asked_for(config: SolveConfig) -> None:
    solve(replace(config, arms=("learn", "best-of-n"), save=True))
    assert not (config.path / "cells" / "best-of-n-0" / "model").exists()
    saved = Policy.load(str(config.path / "cells" / "learn-0" / "model"), PolicyConfig(device="cpu", dtype="float32"))
    initial = Policy.load("tiny", PolicyConfig(device="cpu"))
    assert any(not torch.equal(saved.trainable()[name], value) for name, value in initial.trainable().items())
    again = replace(config, arms=("learn",), run_dir=f"{config.run_dir}-2")
    solve(again)
    assert not (again.path / "cells" / "learn-0" / "model").exists()


# What is refused.


@pytest.fixture
def hints() -> Iterator[None]:
    """Providers whose words hold a correction, or say that they reveal the reference at the third attempt only."""

    @feedback.provider("test-corrects")
    def corrects(episode: Any) -> Any:
        return feedback.Feedback("It is wrong.", correction="x")

    @feedback.provider("test-reveals-late")
    def reveals_late(episode: Any) -> Any:
        return feedback.Feedback("It is wrong.", reveals_reference=len(episode.attempts) == 3)

    yield
    for name in ("test-corrects", "test-reveals-late"):
        unregister_object("feedback", name)


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("answer", "'answer' reveals the reference"),
        ("solution", "'solution' reveals the reference"),
        ("test-corrects", "'test-corrects' holds a correction"),
    ],
)
def test_feedback_that_gives_the_answer_away_is_refused(
    provider: str, said: str, config: SolveConfig, hints: None
) -> None:
    with pytest.raises(ConfigError, match=f"{said}.*--feedback binary or execution-trace .or diagnosis"):
        solve(replace(config, feedback=provider, arms=("best-of-n", "retry")))
    assert not config.path.exists()  # before anything was sampled
    solve(replace(config, feedback=provider, arms=("best-of-n",)))  # which asks for none


def test_it_is_refused_whenever_it_comes_and_what_was_finished_stays(config: SolveConfig, hints: None) -> None:
    config = replace(config, feedback="test-reveals-late", budget=16, arms=("learn", "retry"))
    with pytest.raises(ConfigError, match="'test-reveals-late' reveals the reference"):
        solve(config)
    assert [json.loads(row)["arm"] for row in (config.path / "results.jsonl").read_text().splitlines()] == ["learn"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learner": SFT()}, "SFT learns from corrections"),
        ({"learner": DAgger(beta=Schedule(0.0, 1.0, 2))}, "DAgger learns from corrections"),  # from its second update
        ({"expert": CorrectionExpert()}, "CorrectionExpert teaches from corrections"),
        ({"budget": 0}, "budget must be at least 1"),
        ({"seeds": ()}, "seeds must be one or several"),
        ({"seeds": (1, 1)}, r"seeds must be one or several, each once, got \(1, 1\)"),
        ({"arms": ("learn", "guess")}, "there is no arm 'guess'; choose from learn, best-of-n, retry"),
        ({"max_attempts": 1}, "max_attempts=1 leaves nothing to retry"),
        ({"environment": EnvConfig(max_attempts=2)}, "environment.max_attempts is for training"),
        ({"feedback": None}, "CE learns from feedback, but distil/Toy-v0 gives none"),
        ({"task": "toy/function/3/nowhere"}, "no task 'toy/function/3/nowhere' in toy/function@3, split all"),
        ({"split": "train"}, "no task 'toy/function/3/c14bd74377d8' in toy/function@3, split train"),
    ],
)
def test_what_cannot_work_is_told_and_leaves_no_run(options: dict[str, Any], said: str, config: SolveConfig) -> None:
    with pytest.raises(ConfigError, match=said):
        solve(replace(config, **options))
    assert not config.path.exists()


def test_an_expert_is_of_no_concern_where_nobody_learns_from_it(config: SolveConfig) -> None:
    replace(config, expert=CorrectionExpert(), learner=GRPO()).validate()
    replace(config, expert=CorrectionExpert(), arms=("best-of-n",)).validate()


# Which task.


def test_the_task_is_the_first_or_the_one_that_is_named() -> None:
    env = TokenEnv(tasks="toy/rule@2", verifier="exact", split="all")
    assert find_task(env, None) == env.tasks.take(1)[0]
    wanted = env.tasks.take(500)[-1]
    assert find_task(env, wanted.id) == wanted
    listed = [{"id": f"t{n}", "domain": "toy", "prompt": f"{n}!", "reference": {"answer": "1"}} for n in range(30)]
    env = TokenEnv(tasks=listed, verifier="exact", split="all")
    assert [find_task(env, None).id, find_task(env, "t29").id] == ["t0", "t29"]


def test_an_environment_that_draws_its_own_tasks_is_told_of() -> None:
    class Stubborn(TokenEnv):
        def draw(self, seed: int, episode: int, options: Any) -> Any:
            return self.tasks.draw(seed, episode)

    with pytest.raises(ConfigError, match=r"Stubborn\.draw draws other tasks than it is asked for"):
        find_task(Stubborn(tasks="toy/rule@2", verifier="exact"), None)


# The curve.

RESULTS = st.lists(st.builds(Result, st.just("learn"), st.integers(), st.booleans(), st.integers(1, 20)), min_size=1)


@given(RESULTS)
def test_discovery_never_falls_and_ends_at_the_share_that_was_solved(results: list[Result]) -> None:
    curve = [discovery(results, k) for k in range(1, 21)]
    assert all(before.mean <= after.mean for before, after in pairwise(curve))
    assert curve[-1].mean == sum(each.solved for each in results) / len(results)
    assert curve[0].mean == sum(each.solved and each.completions == 1 for each in results) / len(results)
    assert all(0 <= at.low <= at.mean <= at.high <= 1 for at in curve)


def test_the_curve_is_drawn_for_one_completion_and_for_many(tmp_path: Path) -> None:
    results = [Result(arm, seed, seed == 0, 1) for arm in ("learn", "retry") for seed in (0, 1)]
    for budget in (1, 300):
        draw_discovery(tmp_path / "curve.png", "two arms", results, budget)
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


class Flaky:
    """A verifier that fails on our side for a share of the completions, the same ones each time."""

    share: ClassVar[float] = 0.5

    def __call__(self, task: Any, completion: str) -> Outcome:
        if sum(completion.encode()) % 10 < 10 * self.share:
            raise OSError("out of order")
        return Outcome(0.0, Status.WRONG, completion)


@pytest.fixture
def flaky() -> Iterator[type[Flaky]]:
    tasks = [{"id": "t", "domain": "toy", "prompt": "147!"}]
    distil_envs.register("acme/Flaky-v0", tasks=tasks, verifier=Flaky())
    yield Flaky
    Flaky.share = 0.5
    gym.registry.pop("acme/Flaky-v0")
