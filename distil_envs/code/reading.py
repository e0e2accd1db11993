"""From a completion to a program: which part of the text is code, and where each of its lines stands.

The last fenced block counts that is not labelled as another language (when all are, the last one); an unclosed one goes
to the end. Without a block, the whole text counts if a line of it begins like Python. Nothing here parses Python: the
text is untrusted, and Python's own parser can be crashed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distil_envs.outcome import Span

PYTHON = frozenset({"", "python", "py", "python3", "py3"})
"""Labels of blocks that hold Python."""

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


def read_code(completion: str, *, continues: bool = False) -> Code | None:
    """The code of a completion; None without any.

    Args:
        completion: Any text.
        continues: Whether an indented text without a fence is code too: the body of a function that the task began.
    """
    lines = _lines(completion)
    blocks = list(_blocks(completion, lines))
    filled = [block for block in blocks if any(completion[start:end].strip() for start, end in block.lines)]
    if filled:
        python = [block for block in filled if block.label in PYTHON]
        block = (python or filled)[-1]
        return _code(completion, block.lines, block.indent)
    bare = lines[: blocks[0].opens] if blocks else lines
    written = [completion[start:end] for start, end in bare if completion[start:end].strip()]
    if not written:
        return None
    if (continues and written[0][0] in " \t") or any(_BEGINS_CODE.match(line) for line in written):
        return _code(completion, bare, "")
    return None


def assemble(code: Code, entry_point: str | None, prefix: str = "") -> Source:
    """The program to run.

    ``prefix`` is what the task began: imports, helpers and the head of the entry point. Code that defines the entry
    point itself gets what stands before that head; any other code is taken for the rest of the function.
    """
    if not prefix:
        return Source(code.text, code)
    name = re.escape((entry_point or "").partition(".")[0])
    head = re.compile(rf"^(?:async[ \t]+def|def|class)[ \t]+{name}\b|^{name}[ \t]*=", re.MULTILINE)
    given = prefix if prefix.endswith("\n") else prefix + "\n"
    if head.search(code.text):
        begun = [match.start() for match in head.finditer(given)]
        # A __future__ import must come first in a program.
        given = "" if not begun or "from __future__" in code.text else given[: begun[-1]]
    return Source(given + code.text, code, given.count("\n"))


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
        elif match[2][0] == opened[1][2][0] and len(match[2]) >= len(opened[1][2]) and not match[3].strip():
            found.append(_block(opened, lines, number))
            opened = None
    if opened is not None:
        found.append(_block(opened, lines, len(lines)))
    return found


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
