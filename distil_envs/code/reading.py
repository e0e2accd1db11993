"""From a completion to a program: which part of the text is code, and where each of its lines stands.

The last fenced block counts that is labelled as Python and defines the entry point; else the last without a label that
defines it; else the last labelled as Python, the last without a label, or the last of all. An unclosed one goes to the
end. Without a block, the whole text counts if a line of it begins like Python. Nothing here parses Python: the
text is untrusted, and Python's own parser can be crashed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distil_envs.outcome import Span

PYTHON = frozenset({"python", "py", "python3", "py3"})
"""Labels of blocks that hold Python."""
_CLOSING = 3  # columns that a closing fence may be indented beyond its opening one, as CommonMark has it

_FUTURE = "from __future__"
_LINE_END = re.compile(r"\r\n|\r|\n")  # what Python's own tokenizer takes for one; str.splitlines knows more
_FENCE = re.compile(r"([ \t]*)(`{3,}(?=[^`]*$)|~{3,})(.*)")
_BEGINS_CODE = re.compile(
    r"(?:async\s+def|def|class|import)\s+\w|from\s+[\w.]+\s+import\s|@\w|print\("
    r"|(?:for|while|if|try|with)\b.*:\s*(?:#.*)?$|[A-Za-z_]\w*(?:,\s*[A-Za-z_]\w*)*\s=\s"
)


@dataclass(frozen=True)
class Code:
    """Code in a completion."""

    text: str
    """The code, without the indentation of its fence; its lines end with a newline."""
    span: Span
    """Where it stands in the completion."""
    lines: tuple[Span, ...]
    """Where each line of `text` stands, its newline left out."""


@dataclass(frozen=True)
class Source:
    """A program to run: the completion's code, and what the task puts before it."""

    text: str
    code: Code
    given: int = 0
    """Lines before the completion's first."""

    def line(self, number: int | None) -> int | None:
        """The line of the completion's code (from 1) at this line of the program; None for one that the task gave."""
        if number is None or not self.given < number <= self.given + len(self.code.lines):
            return None
        return number - self.given

    def span(self, number: int | None, column: int | None = None, end_column: int | None = None) -> Span | None:
        """Characters of the completion at this line of the program, from ``column`` (from 1) on if it is told."""
        line = self.line(number)
        if line is None:
            return None
        start, end = self.code.lines[line - 1]
        if column is None:
            return start, end
        first = min(start + max(column - 1, 0), end)
        last = end if end_column is None else min(start + max(end_column - 1, 0), end)
        return first, max(last, min(first + 1, end))

    def words(self, number: int | None) -> str:
        """The text of this line of the program, if the completion wrote it."""
        line = self.line(number)
        return "" if line is None else self.code.text.split("\n")[line - 1].strip()


def read_code(completion: str, entry_point: str | None = None, *, continues: bool = False) -> Code | None:
    """The code of a completion; None without any.

    Args:
        completion: Any text.
        entry_point: What the code should define, ``name`` or ``Class.method``; it tells the code from examples of its
            use.
        continues: Whether an indented text without a fence is code too: the body of a function that the task began.
    """
    lines = _lines(completion)
    blocks = list(_blocks(completion, lines))
    filled = [block for block in blocks if any(completion[start:end].strip() for start, end in block.lines)]
    if filled:
        return _chosen([(block.label, _code(completion, block.lines, block.indent)) for block in filled], entry_point)
    bare = lines[: blocks[0].opens] if blocks else lines
    written = [completion[start:end] for start, end in bare if completion[start:end].strip()]
    if not written:
        return None
    if (continues and written[0][0] in " \t") or any(_BEGINS_CODE.match(line) for line in written):
        return _code(completion, bare, "")
    return None


def _chosen(found: Sequence[tuple[str, Code]], entry_point: str | None) -> Code:
    """The block that counts, of labels and code."""
    python = [code for label, code in found if label in PYTHON]
    unlabelled = [code for label, code in found if not label]
    if entry_point is not None:
        head = _head(entry_point)
        defining = [code for code in (*unlabelled, *python) if head.search(code.text)]
        if defining:
            return defining[-1]
    return (python or unlabelled or [code for _, code in found])[-1]


def _head(entry_point: str) -> re.Pattern[str]:
    """Finds where code defines it, or the class that it is a method of."""
    name = re.escape(entry_point.partition(".")[0])
    return re.compile(rf"^(?:async[ \t]+def|def|class)[ \t]+{name}\b|^{name}[ \t]*=", re.MULTILINE)


def assemble(code: Code, entry_point: str | None, prefix: str = "", header: str = "") -> Source:
    """The program to run.

    ``prefix`` is what the task began: imports, helpers and the head of the entry point. Code that defines the entry
    point itself gets what stands before that head; any other code is taken for the rest of the function. ``header``
    stands before all of it, see `headed`.
    """
    head = _head(entry_point or "")
    given = _whole_lines(prefix)
    if head.search(code.text):
        begun = [match.start() for match in head.finditer(given)]
        given = "" if not begun or _FUTURE in code.text else given[: begun[-1]]
    text = headed(given + code.text, header)
    return Source(text, code, text.count("\n") - code.text.count("\n"))


def headed(program: str, header: str) -> str:
    """A program behind its task's header; without it if it has a ``__future__`` import, which must come first."""
    return program if _FUTURE in program else _whole_lines(header) + program


def _whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


@dataclass(frozen=True)
class _Block:
    opens: int
    label: str
    indent: str
    lines: tuple[Span, ...]


def _lines(text: str) -> list[Span]:
    found, start = [], 0
    for match in _LINE_END.finditer(text):
        found.append((start, match.start()))
        start = match.end()
    return [*found, (start, len(text))]


def _blocks(text: str, lines: Sequence[Span]) -> list[_Block]:
    found = []
    opened: tuple[int, re.Match[str]] | None = None
    for number, (start, end) in enumerate(lines):
        match = _FENCE.fullmatch(text[start:end])
        if match is None:
            continue
        if opened is None:
            opened = number, match
        elif _closes(match, opened[1]):
            found.append(_block(opened, lines, number))
            opened = None
    if opened is not None:
        found.append(_block(opened, lines, len(lines)))
    return found


def _closes(match: re.Match[str], opened: re.Match[str]) -> bool:
    """Whether it is the end of that block: not a fence in a docstring of its code, which stands further in."""
    alike = match[2][0] == opened[2][0] and len(match[2]) >= len(opened[2]) and not match[3].strip()
    return alike and len(match[1].expandtabs(4)) <= len(opened[1].expandtabs(4)) + _CLOSING


def _block(opened: tuple[int, re.Match[str]], lines: Sequence[Span], until: int) -> _Block:
    number, match = opened
    words = match[3].replace("{", " ").replace("}", " ").split()
    return _Block(number, words[0].lower().lstrip(".") if words else "", match[1], tuple(lines[number + 1 : until]))


def _code(completion: str, lines: Sequence[Span], indent: str) -> Code:
    """Lines without the indentation that their fence has too."""
    kept = []
    for start, end in lines:
        width = 0
        while width < len(indent) and completion[start + width : end][:1] in (" ", "\t"):
            width += 1
        kept.append((start + width, end))
    text = "".join(completion[start:end] + "\n" for start, end in kept)
    return Code(text, (lines[0][0], lines[-1][1]), tuple(kept))
