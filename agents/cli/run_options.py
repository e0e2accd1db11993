"""Options of a command that runs something in a folder: from defaults, a file or the saved run, and words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import tyro

from agents.cli.parsing import Imports, parse, parse_known
from agents.cli.user_code import import_user_code
from agents.config import TrainerConfig, make_expert, make_learner
from agents.run_directory import RunDirectory


@dataclass
class Choice:
    """What is read first, because the other options depend on it."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE.yaml")] = None
    """Options from a YAML file, such as the config.yaml of a run. Options given here override it."""
    learner: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """The learner: DistIL, SDPO, GRPO, … (the README lists them), or `module:Class`. Its options: --learner.OPTION."""
    expert: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Who teaches learners that need an expert: self-teacher, correction, model, black-box, mixture, or `module:Class`.
    Its options: --expert.OPTION."""
    imports: Imports = ()
    """Import this module or file first, so that its environments, feedback and learners are registered. Repeatable."""


@dataclass
class Start(Choice):
    """`Choice`, of a command whose runs can be gone on with."""

    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in --run-dir, with the options saved there: what is finished is kept."""


@dataclass
class _Probe(Start):
    """`Start`, and where the run lies."""

    run_dir: str | None = None


class Command(Protocol):
    """A dataclass whose docstring is the help of the command."""

    start: Any
    options: Any


C = TypeVar("C", bound=Command)


def configure(command: type[C], prog: str, words: Sequence[str]) -> C:
    """The command with its options. Raises UsageError or ConfigError for what cannot be."""
    probe, _ = parse_known(_Probe, prog, words, add_help=False)
    import_user_code(probe.imports)
    made = command()
    kind: type[TrainerConfig] = type(made.options)
    if probe.config is not None:
        made.options = kind.load(probe.config)
    if not probe.resume:
        return _parsed(made, prog, words, probe)
    where = probe.run_dir or str(_parsed(made, prog, words, probe).options.path)
    saved = kind.from_dict(RunDirectory(Path(where).expanduser()).config())
    if probe.config is None:
        made.options = saved
    asked = _parsed(made, prog, words, probe)
    asked.options = replace(asked.options, run_dir=where)  # whether it fits the saved options, the run says
    return asked


def _parsed(made: C, prog: str, words: Sequence[str], start: Choice) -> C:
    """The words on top of the options, whose learner and expert decide which options of theirs there are."""
    config = made.options
    for name, chosen in (("learner", start.learner), ("expert", start.expert)):
        make: Any = make_learner if name == "learner" else make_expert
        thing = getattr(config, name) if chosen is None else make(chosen, {})
        if type(thing) is not type(getattr(config, name)):
            config = replace(config, **{name: thing})
    default: C = replace(made, options=config)  # type: ignore[type-var]
    parsed: C = parse(type(made), prog, words, default=default)
    return parsed


@contextmanager
def told_how_to_resume(prog: str, start: Start, path: Path) -> Iterator[None]:
    """A run that is stopped after its beginning raises KeyboardInterrupt with the command that resumes it."""
    try:
        yield
    except KeyboardInterrupt:
        if not (path / "config.yaml").is_file():
            raise  # nothing has begun
        imports = "".join(f" --import {shlex.quote(name)}" for name in start.imports)
        again = f"{prog} --resume --run-dir {shlex.quote(str(path))}{imports}"
        raise KeyboardInterrupt(f"stopped; resume with: {again}") from None
