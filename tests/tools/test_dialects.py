"""Calls are read exactly as they were written, in every dialect, and nothing that a policy writes raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.tools import ToolFormat
from distil_envs.tools.dialects import MAX_DEPTH, READERS
from distil_envs.tools.format import MAX_CALLS

SCHEMAS = {
    "look-up": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "count": {"type": "integer"}, "more": {"type": "array"}},
    }
}
PIECES = [
    *("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<think>", "</think>", "<|eom_id|>", "</s>"),
    *("<function=", "<function=f>", "</function>", "<parameter=x>", "</parameter>", ">", "\n", " ", ";", ",", "x"),
    *(
        '{"name"',
        ":",
        '"f"',
        '"arguments"',
        '"parameters"',
        "{",
        "}",
        "[",
        "]",
        '"',
        "\\ud800",
        "1e999",
        "NaN",
        "9" * 5000,
    ),
    *('{"name": "f", "arguments": {}}', '{"name": "f", "parameters": {"x": 1}}'),
]
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join)
# A string of JSON may hold anything; of what stands between tags, only what is not a tag.
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
arguments = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), values, max_size=4)


def reader(dialect: str) -> ToolFormat:
    return ToolFormat({}, None, dialect, schemas=SCHEMAS)


def written(dialect: str, name: str, arguments: dict[str, Any]) -> str:
    if dialect == "llama":
        return json.dumps({"name": name, "parameters": arguments})
    call = json.dumps({"name": name, "arguments": arguments})
    return {"hermes": f"<tool_call>\n{call}\n</tool_call>", "mistral": f"[TOOL_CALLS] [{call}]"}[dialect]


@pytest.mark.parametrize("dialect", READERS)
@given(text=hostile)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_text_raises_and_what_is_read_is_plain_json(dialect: str, text: str) -> None:
    for call in reader(dialect).calls(text):
        assert (call.arguments is None) == bool(call.error)
        call.text.encode()
        if call.arguments is not None:
            assert call.tool
            assert json.loads(call.text) == call.arguments
            json.dumps(call.arguments, allow_nan=False)


@pytest.mark.parametrize("dialect", ["hermes", "mistral", "llama"])
@given(arguments=arguments)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_arguments_are_read_back(dialect: str, arguments: dict[str, Any]) -> None:
    text = written(dialect, "look-up", arguments)
    if "</think>" not in text:
        (call,) = reader(dialect).calls(text)
        assert (call.tool, call.arguments, call.error) == ("look-up", arguments, "")


def test_tags_inside_of_a_text_end_no_call() -> None:
    code = "print('</tool_call>')\nprint('<tool_call>')\nprint('[TOOL_CALLS]', '</s>')"
    for dialect in ("hermes", "mistral", "llama"):
        (call,) = reader(dialect).calls(written(dialect, "python", {"code": code}))
        assert call.arguments == {"code": code}
    (call,) = reader("hermes").calls('<tool_call>{"name": "f", "arguments": {"code": "a\nb"}}')  # no closing tag
    assert call.arguments == {"code": "a\nb"}


def test_several_calls_and_words_between_them() -> None:
    one, two = '{"name": "a", "arguments": {"x": 1}}', '{"name": "b", "arguments": "{\\"y\\": 2}"}'
    wanted = [("a", {"x": 1}), ("b", {"y": 2})]
    texts = {
        "hermes": f"I ask.\n<tool_call>{one}</tool_call> and <tool_call>\n{two}\n</tool_call>",
        "mistral": f"I ask. [TOOL_CALLS] [{one}, {two}]</s>",
        "llama": f"<|python_tag|>{one}; {two}<|eom_id|>",
        "qwen-xml": "So:\n<tool_call>\n<function=a>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>"
        "<tool_call><function=b><parameter=y>2</parameter></function></tool_call>",
    }
    for dialect, text in texts.items():
        assert [(call.tool, call.arguments) for call in reader(dialect).calls(text)] == wanted


def test_a_value_between_tags_that_is_no_number_of_json_is_a_text() -> None:
    for value in ("1e999", "NaN", "-Infinity", "9" * 5000):
        (call,) = reader("qwen-xml").calls(
            f"<tool_call><function=look-up><parameter=count>{value}</parameter></function></tool_call>"
        )
        assert call.arguments == {"count": value}


def test_values_between_tags_have_the_types_of_the_schema() -> None:
    body = "".join(
        f"<parameter={key}>\n{value}\n</parameter>\n"
        for key, value in {"text": "12\n", "count": "12", "more": '["1", 2]', "other": "True", "words": "a b"}.items()
    )
    (call,) = reader("qwen-xml").calls(f"<tool_call>\n<function=look-up>\n{body}</function>\n</tool_call>")
    assert call.arguments == {"text": "12\n", "count": 12, "more": ["1", 2], "other": True, "words": "a b"}


@pytest.mark.parametrize(
    ("dialect", "text", "error"),
    [
        ("hermes", '<tool_call>{"name": "f", "arguments": {</tool_call>', "not JSON"),
        ("hermes", "<tool_call></tool_call>", "not JSON"),
        ("hermes", '<tool_call>{"arguments": {}}</tool_call>', '"name"'),
        ("hermes", "<tool_call>3</tool_call>", "JSON object"),
        ("hermes", '<tool_call>{"name": "f", "arguments": [1]}</tool_call>', "must be a JSON object"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"x": NaN}}</tool_call>', "NaN"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"x": 1e999}}</tool_call>', "1e999 is too large"),
        ("hermes", '<tool_call>{"name": "f", "arguments": "{\\"x\\": [-1e999]}"}</tool_call>', "-1e999 is too large"),
        ("mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1' + "0" * 400 + ".0}}]", "is too large"),
        ("llama", '{"name": "f", "parameters": {"x": -Infinity}}', "Infinity"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"x": ' + "9" * 5000 + "}}</tool_call>", "4300"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"x": "\\ud800"}}</tool_call>', "half a character"),
        ("hermes", '<tool_call>{"name": "f"}} </tool_call>', "expected </tool_call>"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"x": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}}", "deeply"),
        ("hermes", "<tool_call>" + "[" * 100_000, "deeply"),
        ("mistral", '[TOOL_CALLS] [{"name": "f"', "not JSON"),
        ("llama", '{"name": "f", "parameters": {"x": ', "not JSON"),
        ("llama", "<|python_tag|>print(1)", "not JSON"),
        ("llama", '{"name": "f", "parameters": {}} and so on', "not JSON"),
        ("qwen-xml", '<tool_call>{"name": "f"}</tool_call>', "<function=NAME>"),
        ("qwen-xml", "<tool_call><function=f>", "<function=NAME>"),
        ("qwen-xml", "<tool_call><function=f><parameter=x>1</function></tool_call>", "expected </parameter>"),
    ],
)
def test_what_cannot_be_read_says_why(dialect: str, text: str, error: str) -> None:
    call = reader(dialect).calls(text)[-1]
    assert call.arguments is None
    assert error in call.error


@pytest.mark.parametrize("dialect", READERS)
def test_long_texts_of_tags_that_never_close_are_read_in_one_go(dialect: str) -> None:
    for piece in ("<tool_call>", "<tool_call><function=f>", '<tool_call>{"', '{"name": ', "[TOOL_CALLS] [", " ", "\n;"):
        assert len(reader(dialect).calls(piece * 20_000)) <= MAX_CALLS + 1
    unclosed = "<parameter=x>\n" * 20_000
    assert len(reader(dialect).calls(f"<tool_call><function=f>{unclosed}</function></tool_call>")) <= 1


@pytest.mark.parametrize("dialect", READERS)
def test_answers_are_no_calls(dialect: str) -> None:
    for text in ("", "42", '{"x": 1}', '{"name": "Ada"}', "a {b} [c]", "f(x)", "call the tool", '["a"]', "{not json}"):
        assert reader(dialect).calls(text) == []


def test_thoughts_hold_no_calls() -> None:
    call = written("hermes", "f", {})
    form = reader("hermes")
    assert form.calls(f"<think>{call}</think>4") == []
    assert form.calls(f"{call}</think>4") == []  # the template had opened the thought
    assert form.calls(f"\n<think>{call}") == []  # one that never ended
    assert form.calls(f"<think>hm</think>\n<think>{call}") == []
    assert [found.tool for found in form.calls(f"I <think> so. {call}")] == ["f"]
    assert [found.tool for found in form.calls(f"<think>hm</think>{call}")] == ["f"]


def test_a_turn_is_read_up_to_a_bound() -> None:
    found = reader("hermes").calls(written("hermes", "f", {}) * 10_000)
    assert len(found) == MAX_CALLS + 1
    assert [bool(call.error) for call in found] == [False] * MAX_CALLS + [True]
