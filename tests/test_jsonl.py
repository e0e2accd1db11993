"""JSONL of tasks: what is written is read back, and every bad line is told with its place and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.jsonl import BadLinesError, read_jsonl, schema, write_jsonl
from distil_envs.task import Task

GOOD: dict[str, Any] = {"id": "a", "domain": "acme", "prompt": "What costs 3?"}


def write_lines(path: Path, *lines: bytes | str | dict[str, Any]) -> Path:
    encoded = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in encoded) + b"\n")
    return path


characters = st.characters(exclude_categories=["Cs"])
names = st.text(characters, min_size=1, max_size=12)
prompts = st.text(characters, min_size=1, max_size=60).filter(lambda text: text.strip())
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text(characters)}
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(characters)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
objects = st.dictionaries(names.filter(lambda name: name != "solution"), values, max_size=4)
rows = st.builds(
    Task,
    id=names,
    domain=names.map(lambda name: f"x-{name}"),
    prompt=prompts | st.lists(messages, min_size=1, max_size=3),
    reference=objects,
    metadata=objects,
)


@settings(max_examples=40, deadline=None)
@given(tasks=st.lists(rows, min_size=1, max_size=6, unique_by=lambda task: task.id))
def test_what_is_written_is_read_back_with_the_same_splits(
    tasks: list[Task], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "tasks.jsonl"
    write_jsonl(path, tasks)
    read = read_jsonl(path)
    assert list(read) == tasks
    assert [task.split for task in read] == [task.split for task in tasks]
    assert read.skipped == ()
    assert [item.name for item in path.parent.iterdir()] == ["tasks.jsonl"]


def test_the_published_schema_is_a_valid_schema_of_draft_2020_12() -> None:
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema())


BAD_LINES: list[tuple[str | bytes, str]] = [
    ('{"id": "a", "domain": "acme"', "not JSON: Expecting ',' delimiter at column 29"),
    ("nonsense", "not JSON: Expecting value at column 1"),
    (b'{"id": "a", "domain": "acme", "prompt": "caf\xe9"}', "not UTF-8: byte 0xe9 at byte 45"),
    ("[1, 2]", "expected a JSON object, got [1, 2]"),
    ("null", "expected a JSON object, got null"),
    ('{"domain": "acme", "prompt": "x"}', "row: 'id' is a required property"),
    ('{"id": 7, "domain": "acme", "prompt": "x"}', "id: 7 is not of type 'string'"),
    ('{"id": "a", "domain": "", "prompt": "x"}', "domain: "),
    ('{"id": "a", "domain": "acme", "prompt": "  "}', "prompt: "),
    ('{"id": "a", "domain": "acme", "prompt": []}', "prompt: "),
    ('{"id": "a", "domain": "acme", "prompt": [{"role": "user"}]}', "prompt[0]: 'content' is a required property"),
    ('{"id": "a", "domain": "acme", "prompt": "x", "answer": "3"}', "row: Additional properties are not allowed"),
    ('{"id": "a", "domain": "acme", "prompt": "x", "reference": "3"}', "reference: '3' is not of type 'object'"),
    ('{"id": "a", "domain": "math", "prompt": "x", "reference": {"answer": 3}}', "reference.answer: 3 is not of type"),
    ('{"id": "a", "domain": "math", "prompt": "x", "reference": {"answer": " "}}', "reference.answer: "),
    (
        '{"id": "a", "domain": "math", "prompt": "x", "reference": {"answer": "3", "variables": ["x", 2]}}',
        "reference.variables[1]: 2 is not of type 'string'",
    ),
    ('{"id": "a", "domain": "acme", "prompt": "x", "metadata": {"n": NaN}}', "NaN is not a JSON number"),
    ('{"id": "a", "id": "b", "domain": "acme", "prompt": "x"}', "the name 'id' stands twice in one object"),
    ('{"id": "a", "domain": "acme", "prompt": "\\ud800"}', "half of a surrogate pair"),
    ('{"id": "a", "domain": "acme", "prompt": "x", "metadata": {"n": 1e999}}', "metadata.n: inf is not valid JSON"),
    ('{"id": "a", "domain": "acme", "prompt": "x", "metadata": {"n": ' + "9" * 5000 + "}}", "limit"),
    ("[" * 100_000, "nested too deeply"),
    (json.dumps(GOOD | {"id": "first"}), "duplicate id 'first', first used on line 1"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=[reason[:30] for _, reason in BAD_LINES])
def test_a_bad_line_is_told_with_file_line_and_reason(tmp_path: Path, line: str | bytes, reason: str) -> None:
    path = write_lines(tmp_path / "tasks.jsonl", GOOD | {"id": "first"}, "", line, GOOD | {"id": "last"})
    with pytest.raises(BadLinesError) as caught:
        read_jsonl(path)
    (bad,) = caught.value.bad_lines
    assert (bad.file, bad.line) == (str(path), 3)
    assert reason in bad.reason
    assert len(bad.reason) < 300
    assert f"{path}:3: " in str(caught.value)
    assert "on_error='skip'" in str(caught.value)
    with pytest.warns(UserWarning, match=r"skipped 1 line; the first: .*:3: "):
        read = read_jsonl(path, on_error="skip")
    assert [task.id for task in read] == ["first", "last"]
    assert read.skipped == (bad,)


def test_all_bad_lines_are_collected_and_twenty_are_shown(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "tasks.jsonl", GOOD, *["{"] * 30)
    with pytest.raises(BadLinesError) as caught:
        read_jsonl(path)
    assert [bad.line for bad in caught.value.bad_lines] == list(range(2, 32))
    message = str(caught.value)
    assert "30 lines cannot be read, 1 can" in message
    assert f"{path}:21: " in message
    assert f"{path}:22: " not in message
    assert "and 10 more" in message


def test_a_file_without_one_good_line_is_an_error_even_when_skipping(tmp_path: Path) -> None:
    with pytest.raises(BadLinesError, match="1 line cannot be read, 0 can"):
        read_jsonl(write_lines(tmp_path / "bad.jsonl", "{"), on_error="skip")
    with pytest.raises(TaskError, match="holds no tasks"):
        read_jsonl(write_lines(tmp_path / "empty.jsonl", "", "  "))


def test_only_line_feeds_end_a_line_and_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    prompt = "one\u2028two\x85three"
    line = json.dumps(GOOD | {"prompt": prompt}, ensure_ascii=False).encode()
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + json.dumps(GOOD | {"id": "b"}).encode())  # no last line feed
    assert [(task.id, task.prompt) for task in read_jsonl(path)] == [("a", prompt), ("b", GOOD["prompt"])]


def test_files_that_are_not_there_and_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        read_jsonl(tmp_path / "none.jsonl")
    with pytest.raises(NotFoundError, match="is a folder"):
        read_jsonl(tmp_path)
    with pytest.raises(ConfigError, match="'raise' or 'skip', got 'ignore'"):
        read_jsonl(write_lines(tmp_path / "tasks.jsonl", GOOD), on_error="ignore")  # type: ignore[arg-type]


def test_writing_twice_the_same_id_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "tasks.jsonl", GOOD)
    before = path.read_bytes()
    with pytest.raises(TaskError, match="id 'a' is used by two tasks"):
        write_jsonl(path, [Task("a", "acme", "x"), Task("a", "acme", "y")])
    assert path.read_bytes() == before
