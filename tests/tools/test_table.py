"""Rows are found by exact values, and what cannot be found says what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.errors import ConfigError
from distil_envs.tools import TableTool, ToolError

ROWS = [
    {"item": "Tea", "price": 3.5, "stock": 7, "code": "007"},
    {"item": "coffee", "price": 4, "stock": None, "code": "7"},
    {"item": "TEA", "price": 5.0, "stock": True, "code": "x"},
]


def found(table: TableTool, **arguments: Any) -> list[Any]:
    text = table(arguments)
    return [] if text == "No row matches." else [json.loads(line) for line in text.split("\n")]


@pytest.mark.parametrize(
    ("where", "at"),
    [
        ({"item": " tea "}, [0, 2]),
        ({"item": "tea", "price": 5}, [2]),
        ({"price": "3.50"}, [0]),
        ({"price": "4"}, [1]),
        ({"code": "7"}, [1]),
        ({"code": 7}, [1]),
        ({"code": "007"}, [0]),
        ({"stock": None}, [1]),
        ({"stock": True}, [2]),
        ({"item": "te"}, []),
        ({}, [0, 1, 2]),
    ],
)
def test_rows_are_found_by_value(where: dict[str, Any], at: list[int]) -> None:
    assert found(TableTool(ROWS), where=where) == [ROWS[index] for index in at]


def test_columns_shown_and_rows_left_out() -> None:
    table = TableTool(ROWS, name="prices", description="What things cost.", max_rows=1)
    assert table({"columns": ["price", "item"]}) == '{"price": 3.5, "item": "Tea"}\n(2 more rows match)'
    assert table.description == "What things cost. Columns: item, price, stock, code."
    for arguments in ({"where": {"colour": "red"}}, {"columns": ["colour"]}):
        with pytest.raises(ToolError, match=r"no column 'colour'\. Columns: item, price, stock, code"):
            table(arguments)


@given(rows=st.lists(st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.sampled_from("xyz")}), min_size=1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rows_are_those_of_a_plain_search(rows: list[dict[str, Any]]) -> None:
    table = TableTool(rows, max_rows=1000)
    assert found(table, where={"a": 1, "b": "X"}) == [row for row in rows if row == {"a": 1, "b": "x"}]


def test_files(tmp_path: Path) -> None:
    for name, text in {
        "t.csv": 'item,price,code\nTea,3.50,007\n"two\nlines",4,\n',
        "t.json": '[{"item": "Tea", "price": 3.5, "code": "007"}]',
        "t.jsonl": '{"item": "Tea", "price": 3.5, "code": "007"}\n\n',
    }.items():
        (tmp_path / name).write_text(text)
        table = TableTool(tmp_path / name)
        assert [row["item"] for row in found(table, where={"price": 3.5, "code": "007"})] == ["Tea"]
    assert found(TableTool(str(tmp_path / "t.csv")), where={"item": "Two\nlines"})[0]["price"] == "4"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "a,b\n1,2,3\n", "a row must map"),
        ("t.csv", "a,b\n", "at least one row"),
        ("t.json", '{"a": 1}', "with a list"),
        ("t.json", "[", "cannot be read"),
        ("t.jsonl", "3\n", "a row must map"),
        ("t.txt", "a", "must be a .csv"),
        ("none.csv", None, "cannot be read"),
    ],
)
def test_files_that_are_no_tables_say_so(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=words):
        TableTool(tmp_path / name)


def test_rows_that_are_none_say_so() -> None:
    for rows in ([], [3], [{1: 2}], 3):
        with pytest.raises(ConfigError):
            TableTool(rows)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="max_rows"):
        TableTool(ROWS, max_rows=0)
