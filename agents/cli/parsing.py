"""From words to options, by tyro; what is wrong with the words becomes one line."""

from __future__ import annotations

import contextlib
import difflib
import functools
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from distil_envs.errors import DistilError

Imports = Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="import", metavar="MODULE|FILE.py")]
"""Repeatable option ``--import``; give it to `agents.cli.user_code.import_user_code`."""


class UsageError(DistilError):
    """The words of the command line make no command. Exit status 2."""


def parse(target: Any, prog: str, arguments: Sequence[str], *, default: Any = tyro.MISSING) -> Any:
    """An instance of the dataclass `target`, or the result of the function `target`, from words.

    Prints the help and raises SystemExit where it is asked for. Raises UsageError for anything that does not fit.
    """
    made, unknown = parse_known(target, prog, arguments, default=default)
    if unknown:
        raise UsageError(f"{_complaint(unknown, _options(target, prog, default))}; see {prog} --help")
    return made


def parse_known(
    target: Any, prog: str, arguments: Sequence[str], *, default: Any = tyro.MISSING, add_help: bool = True
) -> tuple[Any, list[str]]:
    """As `parse`, with the words that `target` does not know."""
    said = io.StringIO()
    given = {} if default is tyro.MISSING else {"default": default}
    try:
        with contextlib.redirect_stderr(said):
            made, unknown = tyro.cli(
                target,
                prog=prog,
                args=list(arguments),
                return_unknown_args=True,
                add_help=add_help,
                config=(tyro.conf.SuppressFixed,),  # what no word can express, such as demonstrations
                registry=_json_options(),
                **given,
            )
    except SystemExit as left:
        if not left.code:
            raise
        raise UsageError(f"{_one_line(said.getvalue())}; see {prog} --help") from None
    return made, list(unknown)


def deferred(function: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """`function` with its options, but calling it only binds them: parsing ends before the work begins."""

    @functools.wraps(function)
    def bind(*arguments: Any, **options: Any) -> Callable[[], None]:
        return functools.partial(function, *arguments, **options)

    return bind


def closest(name: str, known: Sequence[str]) -> str:
    """``did you mean …`` or nothing. An option whose group was forgotten is found by its last part."""
    tail = name.lstrip("-")
    tails = [item for item in known if item.lstrip("-").rpartition(".")[2] == tail]
    near = tails or difflib.get_close_matches(name, known, 3, cutoff=0.7)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _complaint(unknown: list[str], known: list[str]) -> str:
    options = [word.partition("=")[0].replace("_", "-") for word in unknown if re.match(r"--?[A-Za-z]", word)]
    if not options:
        return f"unexpected argument {unknown[0]!r}"
    near = closest(options[0], known)
    return f"unknown option {options[0]}" + (f", {near}" if near else "")


def _options(target: Any, prog: str, default: Any) -> list[str]:
    """Names of all options, as the help gives them."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        parse_known(target, prog, ["--help"], default=default)
    return list(dict.fromkeys(re.findall(r"(?<=[ (])--[a-z][\w.-]*", said.getvalue())))


def _one_line(box: str) -> str:
    """The words of one of tyro's boxes between its title and its first rule. Boxes may be drawn in ASCII."""
    lines: list[str] = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()[1:]:
        inner = line.strip("│╭╮╰╯ ")
        if not set(inner) <= {"─", "-"}:
            lines.append(" ".join(inner.split()))
        elif lines:
            break
    if len(lines) > 1 and lines[0].startswith("Missing from "):
        return f"{lines[1]} is missing"
    text = " ".join(lines).removeprefix("Error parsing ").rstrip(".") or "these options cannot be understood"
    text = re.sub(r"invalid literal for int\(\) with base 10: (.*)", r"\1 is not an integer", text)
    return re.sub(r"could not convert string to float: (.*)", r"\1 is not a number", text)


def _json_options() -> ConstructorRegistry:
    """Makes ``dict[str, Any]`` an option that takes JSON."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def mapping(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[dict[str, Any]] | None:
        if info.type != dict[str, Any]:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="JSON",
            instance_from_str=lambda words: _json_object(words[0]),
            is_instance=lambda value: isinstance(value, dict),
            str_from_instance=lambda value: [json.dumps(value, default=repr)],
        )

    return registry


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"""expected a JSON object such as '{{"name": 1}}', got {text}""")
    return value
