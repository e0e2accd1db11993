"""Help of all commands, and errors as one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.cli.main import COMMANDS, Command
from agents.cli.parsing import closest

LEAVES = [
    words
    for name, entry in COMMANDS.items()
    for words in ([[name]] if isinstance(entry, Command) else [[name, inner] for inner in entry])
]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_has_help_with_examples_and_a_text_for_every_option(
    words: list[str], distil: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = distil(*words, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: distil {' '.join(words)} ")
    assert "For example:" in out
    assert f"$ distil {' '.join(words)}" in out
    options = [at for at, line in enumerate(out.splitlines()) if re.match(r"[│ ] --?[a-z]", line)]
    lines = [line.strip("│ ") for line in out.splitlines()]
    assert len(options) >= out.count("(default")
    for at in options:
        # The text stands beside the option, or below where that is too long.
        _, _, beside = lines[at].partition("  ")
        assert re.match(r"[`\wε]", (beside or lines[at + 1]).strip()), lines[at]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["envs"], ["tasks", "--help"]], ids=" ".join)
def test_overviews_name_every_command_with_examples(
    words: list[str], distil: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, _ = distil(*words)
    group = next((word for word in words if not word.startswith("-")), None)
    entries = COMMANDS if group is None else COMMANDS[group]
    assert status == 0
    assert not isinstance(entries, Command)
    for name in entries:
        assert re.search(rf"^  {name} ", out, re.MULTILINE)
    assert "$ distil " in out


def test_version(distil: Callable[..., tuple[int, str, str]]) -> None:
    assert re.fullmatch(r"distil-envs \d+\.\d+\S*\n", distil("--version")[1])


def test_help_and_looking_around_take_no_torch(repository: Path) -> None:
    program = (
        "import sys; from distil_envs.__main__ import main; sys.argv = ['distil', *sys.argv[1].split()]; main()\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    for words in ("--help", "doctor --help", "eval --help", "envs list", "envs show distil/Toy-v0", "tasks list toy"):
        done = subprocess.run(
            [sys.executable, "-c", program, words], cwd=repository, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", "distil has no command 'trian', did you mean train?; see distil --help"),
        ("zzz", f"distil has no command 'zzz', known: {', '.join(COMMANDS)}; see distil --help"),
        ("envs shwo", "distil envs has no command 'shwo', did you mean show?; see distil envs --help"),
        ("envs show", "ID is missing; see distil envs show --help"),
        (
            "envs show distil/Toy-v0 --shot 1",
            "unknown option --shot, did you mean --shots",
        ),
        ("envs show distil/Toy-v0 --shots x", "--shots"),
        ("envs show distil/Toy-v0 --extra [1]", "--extra: expected a JSON object such as '{\"name\": 1}', got [1]"),
        ("tasks show toy -n 3 four", "unexpected argument 'four'; see distil tasks show --help"),
        ("tasks show toy --split half", "invalid choice 'half' for argument '--split'. Expected one of ('train', "),
        ("train --steps few", "--steps: 'few' is not an integer; see distil train --help"),
        ("train --learning-rate small", "--learning-rate: 'small' is not a number; see distil train --help"),
        ("train --steps", "Missing value for argument '--steps'. Expected 1 values; see distil train --help"),
        ("train --lerning-rate 1", "unknown option --lerning-rate, did you mean --learning-rate"),
        (
            "train --lora-rank 1",
            "unknown option --lora-rank, did you mean --policy.lora-rank?; see distil train --help",
        ),
    ],
)
def test_words_that_make_no_command_are_told_in_one_line_with_status_2(
    words: str, said: str, fails: Callable[..., str]
) -> None:
    assert said in fails(*words.split(), status=2)


@pytest.mark.parametrize("how", ["option", "variable"])
def test_the_traceback_is_shown_only_where_asked_for(
    how: str, distil: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["tasks", "show", "math/algebre"]
    assert "Traceback" not in distil(*words)[2]
    if how == "variable":
        monkeypatch.setenv("DISTIL_DEBUG", "1")
    else:
        words.insert(0, "--debug")
    status, _, err = distil(*words)
    assert status == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("distil: no task set is named 'math/algebre'. Did you mean 'math/algebra'")


def test_an_error_that_nobody_foresaw_says_how_to_look_into_it(fails: Callable[..., str], tmp_path: Path) -> None:
    assert fails("tasks", "validate", tmp_path)  # a folder: foreseen or not, one line
    (tmp_path / "broken.py").write_text("import distil_envs\n\n1 / 0\n")
    said = fails("envs", "list", "--import", tmp_path / "broken.py")
    assert "ZeroDivisionError: division by zero (line 3 of broken.py); mend it, or leave it out" in said


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m distil_envs tasks show math -n 200 | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.stdout.startswith("math/")
    assert done.stderr == ""


def test_closest_finds_misspelt_names_and_forgotten_groups() -> None:
    known = ["--steps", "--policy.device", "--policy.dtype", "--learner.gamma"]
    assert closest("--step", known) == "did you mean --steps?"
    assert closest("--gamma", known) == "did you mean --learner.gamma?"
    assert closest("--colour", known) == ""
