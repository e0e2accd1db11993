"""How values travel in and out of a sandbox: tagged JSON, version 1. No pickle, nothing is executed.

A document is ``{"codec": "distil-values/1", "items": [...]}``. The items are one value in postfix order: a container
follows its members, so JSON never nests, however deep the value, and a cycle cannot be written at all.

    null, true, false, strings, finite floats, ints of 64 bits     as in JSON
    {"int": "-0x..."}  {"float": "nan" | "inf" | "-inf"}  {"complex": ["1.0", "-0.0"]}  {"bytes": base64}
    {"str": base64}                                                with surrogates: JSON would join a pair of them
    {"list": n}  {"tuple": n}  {"set": n}  {"frozenset": n}        of the n values before it
    {"dict": n}                                                    of the n keys and values, in turn, before it

Only these types travel; of a subclass (a namedtuple, an IntEnum, a Counter) the base travels. An object that occurs
twice becomes two equal ones. Everything else is refused with the reason: cycles, other types, more than `MAX_DEPTH`
levels, more bytes than allowed. What is decoded is a tree, bounded by the bytes that it was read from.

This file is used on both sides; its source is sent into the sandbox, so it imports the standard library only.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

NAME = "distil-values/1"
MAX_BYTES = 1 << 20
"""Of a document, unless the caller says otherwise."""
MAX_DEPTH = 200
"""Levels of containers in containers: comparing or printing a value then never meets Python's recursion limit."""
MAX_SAME_HASH = 64
"""Keys of one set or dict with the same hash. More do not happen by chance, and building it takes quadratic time."""

_PLAIN_INT = 1 << 63
_Item = Any


class CodecError(ValueError):
    """A value that cannot travel, or a document that is not one. The message says why."""


class TooLargeError(CodecError):
    """A value whose document would have more bytes than are allowed."""


def encode(value: object, max_bytes: int = MAX_BYTES) -> str:
    """The document of a value, in ASCII. Raises CodecError with the reason when it cannot travel."""
    return '{"codec":"' + NAME + '","items":[' + ",".join(_fragments(value, max_bytes)) + "]}"


def decode(document: str, max_bytes: int = MAX_BYTES) -> Any:
    """Inverse of `encode`. Raises CodecError for anything that `encode` cannot have written."""
    if len(document) > max_bytes:
        raise CodecError(f"a document of {len(document)} characters; at most {max_bytes} were expected")
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not a document of {NAME}: {error}") from None
    return decode_parsed(parsed)


def decode_parsed(document: object) -> Any:
    """Like `decode`, of a document that is already parsed as JSON."""
    if not isinstance(document, dict) or document.keys() != {"codec", "items"} or document["codec"] != NAME:
        raise CodecError(f"not a document of {NAME}")
    items = document["items"]
    if not isinstance(items, list):
        raise CodecError("items must be a list")
    values: list[Any] = []
    depths: list[int] = []
    for item in items:
        if isinstance(item, dict):
            _reduce(item, values, depths)
        else:
            values.append(_plain(item))
            depths.append(0)
    if len(values) != 1:
        raise CodecError(f"the items make {len(values)} values; one was expected")
    return values[0]


# --- Encoding ---------------------------------------------------------------------------------------------------------


def _fragments(value: object, max_bytes: int) -> list[str]:
    """The items as JSON texts, without recursion."""
    done: list[str] = []
    size = len(NAME) + 22  # what stands around the items, less the comma that the first does not have
    path: set[int] = set()  # ids of the containers that we are in
    # A task is (is_end, value, text): a value to encode, or the end of a container with its item.
    tasks: list[tuple[bool, object, str]] = [(False, value, "")]
    while tasks:
        is_end, current, text = tasks.pop()
        if is_end:
            path.discard(id(current))
        else:
            members = _members(current)
            if members is None:
                text = _scalar(current, max_bytes)
            else:
                tag, inner = members
                if id(current) in path:
                    raise CodecError(f"the {tag} contains itself")
                if len(path) >= MAX_DEPTH:
                    raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
                if size + 2 * len(inner) > max_bytes:
                    raise _too_large(max_bytes)
                path.add(id(current))
                tasks.append((True, current, f'{{"{tag}":{len(inner)}}}'))
                tasks.extend((False, member, "") for member in reversed(inner))
                continue
        size += len(text) + 1
        if size > max_bytes:
            raise _too_large(max_bytes)
        done.append(text)
    return done


def _members(value: object) -> tuple[str, list[Any]] | None:
    """Tag and members of a container. Methods of the base, so that a subclass cannot answer for itself."""
    if isinstance(value, list):
        return "list", list.copy(value)
    if isinstance(value, tuple):
        return "tuple", list(tuple.__iter__(value))
    if isinstance(value, dict):
        return "dict", [part for pair in list(dict.items(value)) for part in pair]
    if isinstance(value, set):
        return "set", list(set.__iter__(value))
    if isinstance(value, frozenset):
        return "frozenset", list(frozenset.__iter__(value))
    return None


def _scalar(value: object, max_bytes: int) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        if str.__len__(value) > max_bytes:
            raise _too_large(max_bytes)
        text = str.__str__(value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return f'{{"str":"{base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")}"}}'
        return json.dumps(text)
    if isinstance(value, int):
        number = int.__index__(value)
        if -_PLAIN_INT <= number < _PLAIN_INT:
            return str(number)
        if number.bit_length() // 4 > max_bytes:
            raise _too_large(max_bytes)
        return f'{{"int":"{hex(number)}"}}'
    if isinstance(value, float):
        real = float.__float__(value)
        return repr(real) if math.isfinite(real) else f'{{"float":"{real!r}"}}'
    if isinstance(value, complex):
        parts = (complex.real.__get__(value), complex.imag.__get__(value))
        return f'{{"complex":["{parts[0]!r}","{parts[1]!r}"]}}'
    if isinstance(value, bytes):
        if bytes.__len__(value) > max_bytes:
            raise _too_large(max_bytes)
        return f'{{"bytes":"{base64.b64encode(bytes.__getitem__(value, slice(None))).decode("ascii")}"}}'
    raise CodecError(
        f"a value of type {type(value).__name__} cannot travel; None, bool, int, float, complex, str, bytes, list, "
        "tuple, set, frozenset and dict can"
    )


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"too large: more than {max_bytes} bytes when encoded")


# --- Decoding ---------------------------------------------------------------------------------------------------------


def _plain(item: _Item) -> _Item:
    if (
        isinstance(item, list)
        or (isinstance(item, float) and not math.isfinite(item))
        or (isinstance(item, int) and not -_PLAIN_INT <= item < _PLAIN_INT)
    ):
        raise CodecError(f"{item!r:.40} is no plain item")
    return item


def _reduce(item: dict[str, Any], values: list[Any], depths: list[int]) -> None:
    """Put the value of a tagged item in the place of its members."""
    if len(item) != 1:
        raise CodecError("an item must have one tag")
    ((tag, content),) = item.items()
    if tag not in _CONTAINERS:
        values.append(_tagged(tag, content))
        depths.append(0)
        return
    if type(content) is not int or not 0 <= content <= len(values):
        raise CodecError(f"{tag} of {content!r:.40}: there are {len(values)} values before it")
    start = len(values) - content
    members = values[start:]
    depth = 1 + max(depths[start:], default=0)
    if depth > MAX_DEPTH:
        raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
    del values[start:], depths[start:]
    values.append(_container(tag, members))
    depths.append(depth)


_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict}


def _container(tag: str, members: list[Any]) -> Any:
    if tag in ("list", "tuple"):
        return _CONTAINERS[tag](members)
    keys = members
    if tag == "dict":
        if len(members) % 2:
            raise CodecError("a dict needs a value for every key")
        keys = members[::2]
    _check_keys(keys)
    made: Any = dict(zip(keys, members[1::2], strict=True)) if tag == "dict" else _CONTAINERS[tag](keys)
    if len(made) != len(keys):
        raise CodecError(f"equal keys in one {tag}")
    return made


def _check_keys(keys: list[Any]) -> None:
    seen: dict[int, int] = {}
    for key in keys:
        try:
            code = hash(key)
        except TypeError as error:
            raise CodecError(str(error)) from None
        seen[code] = seen.get(code, 0) + 1
        if seen[code] > MAX_SAME_HASH:
            raise CodecError(f"more than {MAX_SAME_HASH} keys with the same hash")


def _tagged(tag: str, content: object) -> Any:
    try:
        if tag == "int" and isinstance(content, str):
            number = int(content, 16)
            if hex(number) == content and not -_PLAIN_INT <= number < _PLAIN_INT:
                return number
        elif tag == "float" and content in ("nan", "inf", "-inf"):
            return float(str(content))
        elif tag in ("bytes", "str") and isinstance(content, str):
            data = base64.b64decode(content.encode("ascii"), validate=True)
            return data if tag == "bytes" else data.decode("utf-8", "surrogatepass")
        elif tag == "complex" and isinstance(content, list) and len(content) == 2:
            real, imag = (float(part) if isinstance(part, str) and len(part) < 40 else None for part in content)
            if real is not None and imag is not None and [repr(real), repr(imag)] == content:
                return complex(real, imag)
    except (ValueError, binascii.Error):
        pass  # told below
    raise CodecError(f"malformed item with the tag {tag!r:.40}")
