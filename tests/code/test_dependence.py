"""Where a question could hold an answer, `asks_independently` says no."""

from __future__ import annotations

import pytest

from distil_envs.code.dependence import asks_independently

SOLUTION = "import math\nLIMIT = 3\n\ndef helper(x):\n    return x\n\ndef f(x):\n    return helper(x)\n"


def independent(body: str, head: str = "") -> bool:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return asks_independently(f"{head}\ndef check(candidate):\n{lines}", SOLUTION)


@pytest.mark.parametrize(
    "body",
    [
        "assert candidate(1) == 2",
        "for n in range(9):\n    assert candidate(n) == f(n) == helper(n)",
        "for n in range(9):\n    got = candidate([n])\n    wanted = helper(n)\n    assert abs(got - wanted) < 1e-6",
        "import math\nassert math.isclose(candidate(2), 1.5)",
        "assert sorted(candidate('b a')) == ['a']",
        "assert all(candidate(x) == y for x, y in [(1, 2), (3, 4)])",
        "try:\n    candidate(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False",
        "cases = [(1, 2)]\nfor x, y in cases:\n    assert candidate(x) == y, x",
    ],
)
def test_what_only_looks_at_answers_is_independent(body: str) -> None:
    assert independent(body)


@pytest.mark.parametrize(
    "body",
    [
        "assert candidate(candidate(1)) == 1",
        "once = candidate(1)\nassert candidate(once) == 1",
        "once = candidate(1)\ntwice = once + 1\nassert candidate([twice]) == 1",
        "x = 1\nfor _ in range(3):\n    x = candidate(x)",
        "assert candidate(f(1)) == 1",
        "assert candidate(helper(1)) == 1",
        "assert candidate(LIMIT) == 1",
        "word = helper(1)\nassert candidate(word) == 1",
        "seen = []\nseen.append(candidate(1))\nassert candidate(seen[0]) == 1",
        "seen = []\nassert seen.append(candidate(1)) is None\nassert candidate(seen[0]) == 1",
        "x = {}\nx['a'] = candidate(1)\nassert candidate(x['a']) == 1",
        "x, y = candidate(1), 2\nassert candidate(x) == 1",
        "x = 0\nx += candidate(1)\nassert candidate(x) == 1",
        "assert (y := candidate(1)) and candidate(y)",
        "assert all(candidate(y) for y in [candidate(1)])",
        "for y in map(candidate, [1]):\n    assert candidate(y)",
        "other = candidate\nassert other(other(1))",
        "assert (lambda y: candidate(y))(candidate(1))",
        "def ask(y):\n    return candidate(y)\nassert ask(ask(1))",
        "if candidate(1):\n    assert candidate(2)",
        "while candidate(1):\n    pass",
        "with candidate(1) as y:\n    assert candidate(y)",
        "try:\n    candidate(1)\nexcept ValueError:\n    assert candidate(2)",
        "assert eval('candidate(candidate(1))')",
        "return candidate(1)",
        "assert candidate(1) ==",
    ],
)
def test_what_could_put_an_answer_into_a_question_is_not(body: str) -> None:
    assert not independent(body)


def test_what_stands_beside_check_counts_too() -> None:
    assert independent("assert candidate(1) == 2", head="import math\nMETADATA = {'author': 'x'}")
    assert not independent("assert candidate(WORD) == 2", head="WORD = helper(1)")
    assert not asks_independently("def other(candidate): pass", SOLUTION)
    assert not asks_independently("def check(one, two): pass", SOLUTION)
