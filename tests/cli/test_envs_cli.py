"""`distil envs list | show | check | play` as a user meets them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Said = tuple[int, str, str]
Distil = Callable[..., Said]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a text what is piped in."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_list_shows_ours_and_the_users_with_their_options_but_no_other_environments(
    distil: Distil, user_env: Path
) -> None:
    status, out, _ = distil("envs", "list", "--import", user_env)
    assert status == 0
    assert "distil/Math-v0" in out
    assert "tasks='toy/rule', verifier='exact'" in out
    assert "tasks=40 items, verifier=right, feedback='acme-hint'" in out
    assert "CartPole" not in out
    rows = [json.loads(line) for line in distil("envs", "list", "--json")[1].splitlines()]
    assert {"distil/Math-v0", "distil/Toy-v0", "acme/AddOne-v0"} <= {row["id"] for row in rows}
    assert next(row for row in rows if row["id"] == "distil/Toy-v0")["options"] == {
        "tasks": "toy/rule",
        "verifier": "exact",
    }


def test_list_finds_subclasses_however_they_were_registered(distil: Distil) -> None:
    import gymnasium as gym

    from distil_envs import TokenEnv

    class Own(TokenEnv):
        pass

    gym.register("acme/Own-v0", entry_point=Own)
    gym.register("acme/Named-v0", entry_point="distil_envs.env:TokenEnv")
    try:
        out = distil("envs", "list")[1]
    finally:
        gym.registry.pop("acme/Own-v0")
        gym.registry.pop("acme/Named-v0")
    assert "acme/Own-v0" in out
    assert "acme/Named-v0" in out


def test_show_prints_prompt_task_reference_and_budget(distil: Distil, user_env: Path) -> None:
    words = ("envs", "show", "acme/AddOne-v0", "--import", user_env, "--num-tasks", 5, "--index", 2)
    status, out, _ = distil(*words, "--system", "Be brief.", "--instruction", "Digits only.", "--max-new-tokens", 9)
    assert status == 0
    prompt = out.split("\n\n")[0]
    number = prompt.split("Add 1 to ")[1].split(".")[0]
    assert f"<|im_start|>user\nAdd 1 to {number}.\nDigits only.<|im_end|>\n<|im_start|>assistant" in prompt
    assert prompt.index("Be brief.") < prompt.index("Add 1")
    assert "9 tokens for the answer" in out
    assert f'{{"answer": "{int(number) + 1}"}}' in out
    assert f"task      t{number} of" in out
    assert distil(*words)[1] == distil(*words)[1]


def test_show_counts_the_tokens_of_a_models_tokenizer(distil: Distil, small_model: Path) -> None:
    from transformers import AutoTokenizer

    from distil_envs import load_tasks

    out = distil("envs", "show", "distil/Toy-v0", "--tokenizer", small_model, "--num-tasks", 3, "--index", 1)[1]
    tokenizer = AutoTokenizer.from_pretrained(small_model)
    task = load_tasks("toy/rule", "train").take(3)[1]
    count = len(tokenizer.apply_chat_template(task.messages, add_generation_prompt=True)["input_ids"])
    assert f"prompt    {count} tokens of at most 512" in out


def test_check_passes_ours_and_the_users(distil: Distil, user_env: Path) -> None:
    for words in (["distil/Toy-v0"], ["acme/AddOne-v0", "--import", user_env, "--num-tasks", 4]):
        status, out, err = distil("envs", "check", *words)
        assert (status, err) == (0, "")
        assert out == f"{words[0]} passes gymnasium's check_env\n"


def test_check_tells_what_a_broken_environment_breaks(distil: Distil) -> None:
    import gymnasium as gym

    from distil_envs import TokenEnv

    class Broken(TokenEnv):
        def reset(self, **options: object) -> object:  # type: ignore[override]
            return super().reset(**options)[0]  # type: ignore[arg-type]

    gym.register("acme/Broken-v0", entry_point=Broken)
    try:
        status, out, _ = distil("envs", "check", "acme/Broken-v0")
    finally:
        gym.registry.pop("acme/Broken-v0")
    assert status == 1
    assert out.startswith("failed: ")


def test_play_grades_what_is_piped_in(distil: Distil, user_env: Path, typed: Callable[[str], None]) -> None:
    words = ("envs", "play", "acme/AddOne-v0", "--import", user_env, "--num-tasks", 3, "--index", 0)
    typed("no idea\n")
    status, out, _ = distil(*words)
    assert status == 0
    answer = int(out.split("Add 1 to ")[1].split(".")[0]) + 1
    assert "wrong, reward 0" in out
    assert f"feedback: The answer has {len(str(answer))} digits." in out
    typed(f"{answer}\n")
    assert "correct, reward 1" in distil(*words)[1]


def test_play_shows_the_trace_and_says_when_there_is_no_feedback(distil: Distil, typed: Callable[[str], None]) -> None:
    typed("-1")
    out = distil("envs", "play", "distil/Math-v0", "--tasks", "math/arithmetic@1", "--seed", 3)[1]
    assert "wrong, reward 0, answer '-1'" in out
    assert "check name='exact', passed=False" in out
    assert "no feedback was asked for: add --feedback diagnosis" in out
    typed("-1")
    assert "feedback: " in distil("envs", "play", "distil/Math-v0", "--feedback", "diagnosis", "--seed", 3)[1]


def test_play_reads_control_tokens_and_markup_as_text_and_heeds_the_budget(
    distil: Distil, typed: Callable[[str], None]
) -> None:
    typed("[bold]<|im_end|>\x1b[2J")
    out = distil("envs", "play", "distil/Toy-v0", "--feedback", "binary")[1]
    assert "[bold]<|im_end|>\\x1b[2J" in out
    assert "\x1b" not in out
    typed("a long answer")
    assert "the budget of 5 tokens ended the answer" in distil(
        "envs", "play", "distil/Toy-v0", "--max-new-tokens", 5
    )[1]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("envs show distil/Math-v9", "no environment 'distil/Math-v9'"),
        ("envs show nowhere:distil/Math-v0", "No module named 'nowhere'"),
        ("envs show distil/Math-v0 --max-new-tokens 0", "max_new_tokens must be at least 1, got 0"),
        ("envs show distil/Math-v0 --index 3", "has no index; pass num_tasks"),
        ("envs show distil/Math-v0 --feedback nobody", "no feedback provider is named 'nobody'"),
        ("envs show distil/Math-v0 --tasks math/algebre", "Did you mean 'math/algebra'"),
        ("envs show distil/Toy-v0 --tokenizer ./nowhere", "no model folder at nowhere"),
        ("envs play distil/Math-v0 --extra {\"taks\":1}", "unexpected keyword argument 'taks'"),
        ("envs list --import nowhere", "--import nowhere: there is no such module"),
        ("envs list --import nowhere.py", "--import nowhere.py: there is no such file"),
    ],
)  # fmt: skip
def test_errors_are_one_line(words: str, said: str, fails: Callable[..., str]) -> None:
    assert said in fails(*words.split())
