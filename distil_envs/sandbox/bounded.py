"""Representations of values that are bounded in length and in the work to make them.

`repr` of a value that a program returned can be gigabytes long, fail for an int of many digits, or take for ever. This
file is used on both sides; its source is sent into the sandbox, so it imports the standard library only.
"""

from __future__ import annotations

from itertools import islice

ELLIPSIS = "..."
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_MAX_DEPTH = 20


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text: head and tail, with a mark between them."""
    if len(text) <= limit:
        return text
    if limit <= len(ELLIPSIS):
        return text[:limit]
    tail = (limit - len(ELLIPSIS)) // 2
    return text[: limit - len(ELLIPSIS) - tail] + ELLIPSIS + (text[-tail:] if tail else "")


def bounded_repr(value: object, limit: int = 120) -> str:
    """``repr(value)`` where that is short, else its beginning with marks where something is left out.

    Built-in containers are never walked beyond ``limit``. Of other types ``__repr__`` is called: inside a sandbox that
    may hang or raise, of what `codec` decoded there are none.
    """
    parts: list[str] = []
    _write(value, limit, parts, 0)
    return cut("".join(parts), limit)


def _write(value: object, room: int, parts: list[str], depth: int) -> int:
    """Append the text of a value, and return the room that is left (below 0: stop)."""
    kind = type(value)
    if kind not in _BRACKETS or not value:
        text = _leaf(value, room)
        parts.append(text)
        return room - len(text)
    opening, closing = _BRACKETS[kind]
    if depth >= _MAX_DEPTH:
        parts.append(ELLIPSIS)
        return room - len(ELLIPSIS)
    parts.append(opening)
    room -= len(opening) + len(closing)
    is_dict = isinstance(value, dict)
    count = 0
    for member in islice(value, room // 2 + 2 if room > 0 else 1):  # type: ignore[call-overload]
        if count:
            parts.append(", ")
            room -= 2
        if room < 0:
            parts.append(ELLIPSIS)
            break
        room = _write(member, room, parts, depth + 1)
        if is_dict:
            parts.append(": ")
            room = _write(value[member], room - 2, parts, depth + 1)  # type: ignore[index]
        count += 1
    if count == 1 and kind is tuple and len(value) == 1:  # type: ignore[arg-type]
        parts.append(",")
    parts.append(closing)
    return room


def _leaf(value: object, room: int) -> str:
    room = max(room, 8)
    if type(value) in (str, bytes) and len(value) > room:  # type: ignore[arg-type]
        half = room // 2 + 1
        return cut(repr(value[:half] + value[-half:]), room)  # type: ignore[index]
    if type(value) is int and value.bit_length() > 4 * room:
        return f"<int of {value.bit_length()} bits>"
    try:
        text = repr(value)
        return cut(str.__str__(text), max(room, 40))
    except Exception as error:
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
