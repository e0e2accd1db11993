"""`distil tasks list | show | validate` as a user meets them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro

from agents.cli import tasks as cli
from distil_envs import registry
from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.jsonl import read_jsonl, write_jsonl
from distil_envs.outcome import Outcome, Status
from distil_envs.task import Task
from distil_envs.task_set import load_tasks
from distil_envs.validation import validate_tasks


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


class Exact:
    """Right is the very reference."""

    def __call__(self, task: Task, completion: str) -> Outcome:
        right = completion == task.reference["answer"]
        return Outcome(float(right), Status.CORRECT if right else Status.WRONG)


class Generous:
    """Everything is right."""

    def __call__(self, task: Task, completion: str) -> Outcome:
        return Outcome(1.0, Status.CORRECT)


@pytest.fixture
def acme() -> Iterator[None]:
    registry.register_object("verifiers", "acme", Exact())
    registry.register_object("verifiers", "generous", Generous())
    yield
    registry.unregister_object("verifiers", "acme")
    registry.unregister_object("verifiers", "generous")


def rows(count: int) -> list[Task]:
    return [Task(f"t{index}", "acme", f"question {index}", {"answer": str(index)}) for index in range(count)]


def run(*arguments: str) -> None:
    """As the command line calls it."""
    commands: dict[str, Callable[..., Any]] = {"list": cli.list_tasks, "show": cli.show, "validate": cli.validate}
    tyro.extras.subcommand_cli_from_dict(commands, args=list(arguments))


@pytest.mark.parametrize("command", ["list", "show", "validate"])
def test_help_has_examples_and_a_line_for_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(command, "--help")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.count(f"$ distil tasks {command}") == 3
    for option in re.findall(r"│ +(-[-a-z]+) .*│", said):
        assert re.search(rf"{option} .*[a-z]{{3,}}.*│", said)


def test_list_tells_levels_and_distinct_tasks_of_each_split(capsys: pytest.CaptureFixture[str]) -> None:
    run("list")
    lines = capsys.readouterr().out.splitlines()
    fact = next(line for line in lines if "toy/fact" in line)
    splits = [task.split for task in load_tasks("toy/fact", "all").sources[0].tasks("all")]
    assert [cell.strip() for cell in fact.split("│")[1:-1]] == [
        "toy/fact",
        "1",
        "1",
        "676",
        str(splits.count("train")),
        str(splits.count("test")),
    ]
    for name in registry.names("tasks"):
        assert any(f" {name} " in line for line in lines)


def test_list_of_one_set_tells_every_family_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "math/algebra@1-2", "--json")
    counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = load_tasks("math/algebra@1-2", "all").counts()
    assert [(row["family"], row["level"], row["size"]) for row in counts] == [
        (count.family, count.level, count.size) for count in expected
    ]
    run("list", "math/algebra@1-2")
    assert capsys.readouterr().out.count("quadratics") == 2


def test_a_broken_set_of_a_plug_in_does_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    registry.register_object("tasks", "acme/broken", "no_such_module:tasks")
    try:
        run("list")
    finally:
        registry.unregister_object("tasks", "acme/broken")
    said = capsys.readouterr().out
    assert "acme/broken" in said
    assert "No module named" in said
    assert "toy/fact" in said


def test_show_prints_task_reference_and_solution_and_reads_no_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tasks.jsonl"
    reference = {"answer": "[red]7[/red]", "solution": "[bold]because[/nothing]", "tests": [[1, 2]]}
    write_jsonl(path, [Task("t[1]", "acme", "what is [link]this[/link]?", reference, {"level": 2})])
    run("show", str(path), "-n", "1", "--split", "all")
    said = capsys.readouterr().out
    for text in (
        "t[1]",
        "what is [link]this[/link]?",
        "[red]7[/red]",
        "[bold]because[/nothing]",
        "[[1, 2]]",
        "level 2",
    ):
        assert text in said


def test_show_as_json_is_a_file_of_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("show", "math/algebra", "-n", "5", "--split", "test", "--seed", "4", "--json")
    path = tmp_path / "shown.jsonl"
    path.write_text(capsys.readouterr().out)
    shown = read_jsonl(path)
    assert list(shown) == list(load_tasks("math/algebra", "test").take(5, seed=4))
    assert {task.split for task in shown} == {"test"}


def test_show_of_an_unknown_set_raises_what_the_caller_prints() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'math/algebra'"):
        run("show", "math/algebre")


@pytest.mark.usefixtures("acme")
def test_validate_passes_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, rows(12))
    run("validate", str(path))
    said = capsys.readouterr().out
    assert "every task" in said
    assert "12 tasks, 12 references graded" in said
    assert "no problem found" in said


@pytest.mark.usefixtures("acme")
def test_validate_tells_every_problem_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tasks.jsonl"
    train, test = (next(i for i in range(99) if _with_content(i).split == split) for split in ("train", "test"))
    write_jsonl(
        path,
        [*rows(5), Task("again", "acme", "Question 3", {"answer": "4"}), _with_content(train), _with_content(test)],
    )
    path.write_text(path.read_text() + '{"id": "t0", "domain": "acme", "prompt": "x"}\n{"id": 3}\n')
    with pytest.raises(SystemExit) as caught:
        run("validate", str(path))
    assert caught.value.code == 1
    said = capsys.readouterr().out
    assert f"bad line  {path}:9  duplicate id 't0', first used on line 1" in said
    assert f"bad line  {path}:10  " in said
    assert "duplicate content  again  asks the same as 't3', with different answers: '3' and '4'" in said
    assert f"leakage  c{test}  in test, has the same prompt as 'c{train}' in train" in said
    assert "bad line: 2, duplicate content: 1, leakage: 1" in said


def _with_content(index: int) -> Task:
    return Task(f"c{index}", "acme", "the same words", {"answer": "1"}, {"content": index})


def test_validate_of_a_file_without_one_good_line_tells_them_all(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text("{\n" * 60)
    report = validate_tasks(str(path))
    assert [problem.kind for problem in report.problems] == ["bad line"] * 60


@pytest.mark.usefixtures("acme")
def test_validate_grades_references_and_empty_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(
        path, [Task("fact", "toy", "ab?", {"answer": " 12 "}), Task("none", "acme", "x"), Task("other", "else", "y")]
    )
    with pytest.raises(SystemExit):
        run("validate", str(path))
    said = capsys.readouterr().out
    assert "reference  fact  the verifier finds its own reference ' 12 ' wrong" in said
    assert "not graded: 1 task, no reference.answer" in said
    assert "not graded: 1 task, no verifier is registered for domain 'else'" in said
    report = validate_tasks(str(path), verifier="generous")
    assert [(problem.kind, problem.where) for problem in report.problems] == [("empty answer", "fact")]
    with pytest.raises(NotFoundError, match="no verifier is named 'nobody'"):
        run("validate", str(path), "--verifier", "nobody")


def test_validate_of_a_generated_set_takes_a_sample_of_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    run("validate", "toy", "--samples", "15")
    said = capsys.readouterr().out
    assert "a sample of every family and level" in said
    assert "90 tasks, 90 references graded" in said
    with pytest.raises(ConfigError, match="--samples must be at least 1"):
        run("validate", "toy", "--samples", "0")


def test_every_shipped_and_generated_maths_reference_is_graded_correct() -> None:
    for spec in ("math/word-problems", "math/competition", "math"):
        report = validate_tasks(spec, samples=2)
        assert report.problems == []
        assert report.graded == len(report.tasks) > 0
