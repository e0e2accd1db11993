"""Values travel unchanged, and only documents that `encode` can have written are read."""

from __future__ import annotations

import enum
import json
import math
from collections import Counter, OrderedDict, namedtuple
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.sandbox.codec import MAX_DEPTH, MAX_SAME_HASH, NAME, CodecError, TooLargeError, decode, encode

quick = settings(max_examples=150, deadline=None, derandomize=True)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(1 << 300), max_value=1 << 300),
    st.floats(),
    st.complex_numbers(),
    st.binary(max_size=40),
    st.text(max_size=40),
    st.text(st.characters(categories=["Cs"]), max_size=5),
)
KEYS = st.recursive(
    SCALARS, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=3)), max_leaves=4
)
VALUES = st.recursive(
    st.one_of(SCALARS, st.sets(KEYS, max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=20,
)


def shape(value: Any) -> Any:
    """A value with its types written out: equal shapes are the same value, of the same types, with NaN equal to NaN."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shape(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(map(repr, map(shape, value)))
    if isinstance(value, dict):
        return "dict", [(shape(key), shape(each)) for key, each in value.items()]
    return type(value).__name__, repr(value)


@quick
@given(VALUES)
def test_a_value_comes_back_as_it_was_with_types_order_and_signs(value: Any) -> None:
    assert shape(decode(encode(value))) == shape(value)


@quick
@given(VALUES)
def test_documents_are_ascii_json_that_nests_no_deeper_than_an_item(value: Any) -> None:
    document = encode(value)
    assert document.isascii()
    for item in json.loads(document, parse_constant=pytest.fail)["items"]:
        assert not isinstance(item, list)
        assert not isinstance(item, dict) or len(item) == 1


@quick
@given(VALUES, st.integers(min_value=-3, max_value=3))
def test_the_size_limit_is_exact(value: Any, room: int) -> None:
    size = len(encode(value))
    limit = size + room
    if room >= 0:
        assert len(encode(value, limit)) == size
    else:
        with pytest.raises(TooLargeError, match=f"more than {limit} bytes"):
            encode(value, limit)


class Colour(enum.IntEnum):
    RED = 3


class Word(str):
    def __str__(self) -> str:
        return "a lie"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Pretender(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter(["a lie"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (namedtuple("Point", "x y")(1, 2), (1, 2)),
        (Colour.RED, 3),
        (Word("true"), "true"),
        (Pretender([1, 2, 3]), [1, 2, 3]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (True, True),
    ],
    ids=repr,
)
def test_of_a_subclass_the_base_travels_whatever_it_says_of_itself(value: Any, base: Any) -> None:
    assert shape(decode(encode(value))) == shape(base)


@pytest.mark.parametrize(
    "value",
    [object(), range(3), bytearray(b"x"), len, iter([]), [{1: {2: open}}]],
    ids=lambda value: type(value).__name__,
)
def test_other_types_are_refused_by_name(value: Any) -> None:
    with pytest.raises(CodecError, match="cannot travel; None, bool, int"):
        encode(value)


def test_cycles_are_refused_and_sharing_is_not() -> None:
    cycle: list[Any] = []
    cycle.append({"inner": (cycle,)})
    with pytest.raises(CodecError, match="the list contains itself"):
        encode(cycle)
    shared = [1]
    found = decode(encode([shared, shared]))
    assert found == [[1], [1]]
    assert found[0] is not found[1]


def test_what_doubles_at_every_level_meets_the_size_limit_and_not_the_end_of_memory() -> None:
    value: Any = "laugh"
    for _ in range(100):
        value = [value, value]
    with pytest.raises(TooLargeError):
        encode(value)


def test_depth_is_limited_on_both_sides_without_recursion() -> None:
    value: Any = 0
    for _ in range(MAX_DEPTH):
        value = (value,)
    assert shape(decode(encode(value))) == shape(value)
    with pytest.raises(CodecError, match="nested deeper than"):
        encode((value,))
    deep: Any = 0
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(CodecError, match="nested deeper than"):
        encode(deep)
    items = json.dumps([0] + [{"list": 1}] * (MAX_DEPTH + 1))
    with pytest.raises(CodecError, match="nested deeper than"):
        decode(f'{{"codec": "{NAME}", "items": {items}}}')


def test_large_scalars_are_refused_before_they_are_written() -> None:
    for value in ("x" * 10**7, b"x" * 10**7, 1 << 10**8, [0] * 10**7):
        with pytest.raises(TooLargeError):
            encode(value)


def test_ints_of_any_size_travel_beyond_the_limit_of_digits() -> None:
    assert decode(encode(-(10**5000))) == -(10**5000)


@pytest.mark.parametrize(
    "items",
    [
        "[]",
        "[1, 2]",
        "1",
        "[[1]]",
        "[NaN]",
        "[1e999]",
        "[9223372036854775808]",
        '[{"list": 1}]',
        '[1, {"list": 2}]',
        '[1, {"list": -1}]',
        '[1, {"list": true}]',
        '[1, {"list": 1.0}]',
        '[1, {"dict": 1}]',
        '[1, 2, 1, 3, {"dict": 4}]',
        '[1, true, {"set": 2}]',
        '[{"list": 0}, {"set": 1}]',
        '[{"list": 0}, {"tuple": 1}, 1, {"dict": 2}]',
        '[{"int": "0x10"}]',
        '[{"int": "0x1_0000000000000000"}]',
        '[{"int": 5}]',
        '[{"float": "1.0"}]',
        '[{"float": "Infinity"}]',
        '[{"complex": ["1", "2.0"]}]',
        '[{"complex": ["1.0"]}]',
        '[{"complex": "1.0"}]',
        '[{"bytes": "?"}]',
        '[{"bytes": "YQ"}]',
        '[{"str": "/w=="}]',
        '[{"bytes": "\u00e9"}]',
        '[{"pickle": "gASVCgAAAAAAAAB9lC4="}]',
        '[{"list": 0, "tuple": 0}]',
        "[{}]",
        "[" * 100_000,
    ],
)
def test_malformed_documents_are_refused_with_one_error(items: str) -> None:
    with pytest.raises(CodecError):
        decode(f'{{"codec": "{NAME}", "items": {items}}}')


@pytest.mark.parametrize(
    "document",
    ["", "null", "[]", '{"items": [1]}', '{"codec": "distil-values/2", "items": [1]}', f'{{"codec": "{NAME}"}}'],
)
def test_documents_of_another_name_or_version_are_refused(document: str) -> None:
    with pytest.raises(CodecError, match=NAME):
        decode(document)


def test_a_document_longer_than_allowed_is_not_parsed() -> None:
    with pytest.raises(CodecError, match="at most 10 were expected"):
        decode(encode(["long enough"]), max_bytes=10)


@quick
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["codec", "items", "list", "dict", "set", "int", "float", "bytes"]),
                        inner, max_size=3)))  # fmt: skip
def test_nothing_else_is_raised_whatever_the_items(items: Any) -> None:
    with suppress(CodecError):
        decode(json.dumps({"codec": NAME, "items": items if isinstance(items, list) else [items]}))


def test_keys_that_all_have_the_same_hash_are_refused_instead_of_compared() -> None:
    same = 2**61 - 1  # the modulus of Python's hash of numbers
    keys = [number * same for number in range(1, 5000)]
    assert len({hash(key) for key in keys}) == 1
    document = json.dumps({"codec": NAME, "items": [*({"int": hex(key)} if key >= 1 << 63 else key for key in keys),
                                                    {"set": len(keys)}]})  # fmt: skip
    with pytest.raises(CodecError, match=f"more than {MAX_SAME_HASH} keys with the same hash"):
        decode(document)


def test_nan_is_a_key_like_any_other() -> None:
    found = decode(encode({math.nan: 1, 2: math.nan}))
    assert [math.isnan(key) for key in found] == [True, False]
