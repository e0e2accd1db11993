"""Which part of a completion is code, and where its lines stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.code.reading import assemble, headed, read_code

quick = settings(max_examples=200, deadline=None, derandomize=True)

CASES = {
    "one block": ("Text\n```python\na = 1\n```\nmore", "a = 1\n"),
    "the last of two": ("```python\na = 1\n```\n```python\nb = 2\n```", "b = 2\n"),
    "another language is left aside": ("```python\na = 1\n```\nIt prints\n```text\n1\n```", "a = 1\n"),
    "unless all are": ("```js\nlet a\n```", "let a\n"),
    "nor is one without a label it": ("```py\na = 1\n```\nIt prints\n```\n1\n```", "a = 1\n"),
    "a fence in a docstring": (
        '```python\ndef f():\n    """Doc.\n\n    ```\n    f()\n    ```\n    """\n```\nend',
        'def f():\n    """Doc.\n\n    ```\n    f()\n    ```\n    """\n',
    ),
    "a closing fence a little further in": ("```python\na = 1\n   ```\nmore", "a = 1\n"),
    "a closing fence further out": ("  ```python\n  a = 1\n```\nmore", "a = 1\n"),
    "a tab before both": ("\t```python\n\ta = 1\n\t```\nmore", "a = 1\n"),
    "without a label": ("```\na = 1\n```", "a = 1\n"),
    "labels in capitals and braces": ("```{.Python}\na = 1\n```", "a = 1\n"),
    "tildes": ("~~~py\na = 1\n~~~", "a = 1\n"),
    "a fence inside of a longer one": ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
    "unclosed": ("```python\na = 1\nb = 2", "a = 1\nb = 2\n"),
    "an empty block is none": ("```python\na = 1\n```\n```python\n\n```", "a = 1\n"),
    "indented fence": ("- x\n  ```python\n  def f():\n      pass\n  ```", "def f():\n    pass\n"),
    "CRLF": ("```python\r\na = 1\r\nb = 2\r\n```\r\n", "a = 1\nb = 2\n"),
    "other line separators are characters": ("```python\na = '\u2028\x0c\x85'\n```", "a = '\u2028\x0c\x85'\n"),
    "no fence": ("def f(x):\n    return x\n", "def f(x):\n    return x\n\n"),
    "no fence, words before": ("Sure:\nimport os\nprint(1)", "Sure:\nimport os\nprint(1)\n"),
    "only the closing fence": ("def f():\n    pass\n```", "def f():\n    pass\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_code_of_a_completion(name: str) -> None:
    completion, text = CASES[name]
    code = read_code(completion)
    assert code is not None
    assert code.text == text


DEFINED = {
    "its use comes later": ("```py\ndef f(): 1\n```\n```py\nprint(f())\n```", "def f(): 1\n"),
    "the last definition": ("```py\ndef f(): 1\n```\n```py\ndef f(): 2\n```\n```py\nf()\n```", "def f(): 2\n"),
    "without a label": ("```\ndef f(): 1\n```\n```python\nprint(f())\n```\n```\n1\n```", "def f(): 1\n"),
    "with a label before without": ("```py\ndef f(): 1\n```\n```\ndef f(): ...\n```", "def f(): 1\n"),
    "assigned": ("```py\nf = abs\n```\n```py\nf(1) == 2\n```", "f = abs\n"),
    "another name that begins alike": ("```py\ndef f(): 1\n```\n```py\ndef f2(): 2\n```", "def f(): 1\n"),
    "in an indented block": (
        "  ```py\n  x\n  ```\n  ```py\n  def f(): 1\n  ```\n  ```py\n  f()\n  ```",
        "def f(): 1\n",
    ),
    "nowhere": ("```py\na = 1\n```\n```py\nb = 2\n```\n```\n3\n```", "b = 2\n"),
    "in another language": ("```js\nf = 1\n```\n```py\na = 1\n```", "a = 1\n"),
}


@pytest.mark.parametrize("name", DEFINED)
def test_the_block_that_defines_the_entry_point(name: str) -> None:
    completion, text = DEFINED[name]
    for entry_point in ("f", "f.method"):
        code = read_code(completion, entry_point)
        assert code is not None
        assert code.text == text


@pytest.mark.parametrize(
    "completion",
    ["", " \n\t", "I do not know.", "The answer is 5 (five).", "```python\n```", "```\n \n```", "    return x", "x"],
)
def test_no_code(completion: str) -> None:
    assert read_code(completion) is None


def test_the_body_of_a_function_goes_on_with_the_prompt() -> None:
    prefix = "import math\n\ndef g():\n    pass\n\ndef f(x):\n    '''Doc.'''\n"
    body = read_code("    y = x\n    return y", continues=True)
    assert body is not None
    source = assemble(body, "f", prefix)
    assert source.text == prefix + "    y = x\n    return y\n"
    assert (source.line(7), source.line(8), source.line(9), source.line(None)) == (None, 1, 2, None)
    assert source.words(9) == "return y"
    assert source.words(1) == ""


@pytest.mark.parametrize("head", ["def f(x):", "async def f(x):", "class f:", "f = "])
def test_code_that_defines_the_entry_point_gets_what_stands_before_it(head: str) -> None:
    prefix = "import math\ndef g():\n    pass\ndef f(x):\n    '''Doc.'''\n"
    code = read_code(f"```python\n{head} 1\n```")
    assert code is not None
    assert assemble(code, "f", prefix).text == f"import math\ndef g():\n    pass\n{head} 1\n"
    assert assemble(code, "f", "").text == code.text
    assert assemble(code, "f.method", prefix).given == 3


def test_a_future_import_stays_first() -> None:
    code = read_code("```python\nfrom __future__ import annotations\ndef f(): pass\n```")
    assert code is not None
    assert assemble(code, "f", "import math\ndef f():\n").text == code.text


def test_a_header_stands_before_everything() -> None:
    whole, rest = read_code("```py\ndef f(): 1\n```"), read_code("```py\n    return 1\n```")
    assert whole is not None
    assert rest is not None
    header, prefix = "import re", "import math\ndef f():\n"
    assert assemble(whole, "f", header=header).text == "import re\ndef f(): 1\n"
    assert assemble(whole, "f", prefix, header).text == "import re\nimport math\ndef f(): 1\n"
    assert assemble(rest, "f", prefix, header).text == "import re\nimport math\ndef f():\n    return 1\n"
    assert assemble(rest, "f", prefix, header).given == 3
    assert headed("from __future__ import annotations\n", header) == "from __future__ import annotations\n"


TEXTS = st.lists(
    st.sampled_from(
        ["```", "```python", "~~~", "````", "  ```py", "text", "def f():", "    return 1", "", "\t", "é🙂", "\x0c", "`"]
    ),
    max_size=12,
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines)))


@quick
@given(TEXTS)
def test_every_line_stands_where_it_says(completion: str) -> None:
    code = read_code(completion, continues=True)
    if code is None:
        return
    lines = code.text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(code.lines)
    for line, (start, end) in zip(lines, code.lines, strict=True):
        assert completion[start:end] == line
        assert code.span[0] <= start <= end <= code.span[1]
    source = assemble(code, "g", "def g():")
    assert source.text.split("\n")[0] == "def g():"
    for number in range(1, len(lines) + 1):
        assert source.span(source.given + number) == code.lines[number - 1]


def test_columns_within_a_line() -> None:
    code = read_code("x\n  ```python\n  été = (1\n  ```")
    assert code is not None
    source = assemble(code, None)
    start, end = code.lines[0]
    assert source.span(1, 7, 8) == (start + 6, start + 7)
    assert source.span(1, 7) == (start + 6, end)
    assert source.span(1, 99, 99) == (end, end)
    assert source.span(2) is None
