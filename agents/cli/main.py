"""Dispatch, help, and errors as one line. Commands are imported when called, so that `distil --help` needs no torch."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from agents.cli.parsing import UsageError, closest, deferred, parse
from distil_envs.errors import DistilError


@dataclass(frozen=True)
class Command:
    """A function with options, as ``module:name``."""

    target: str
    summary: str
    takes_words: bool = False
    """Whether the function parses the words itself."""


Group = Mapping[str, Command]

COMMANDS: Mapping[str, Command | Group] = {
    "train": Command("agents.cli.train:train", "train a model in an environment, from feedback", takes_words=True),
    "eval": Command("agents.cli.eval:evaluate_model", "measure a model: accuracy, every check, pass@k"),
    "solve": Command(
        "agents.cli.solve:solve", "learn at test time on one hard task, beside best-of-n", takes_words=True
    ),
    "bench": Command("agents.cli.bench:bench", "compare learners across environments, feedback, models and seeds"),
    "export": Command("agents.cli.export:export", "what a run sampled as Parquet, or as chats to train on"),
    "rescore": Command("agents.cli.rescore:rescore_runs", "grade what a run sampled with today's verifier"),
    "envs": {
        "list": Command("agents.cli.envs:list_envs", "registered environments and their options"),
        "show": Command("agents.cli.envs:show", "a prompt as the model sees it"),
        "check": Command("agents.cli.envs:check", "run Gymnasium's checker on an environment"),
        "play": Command("agents.cli.envs:play", "answer a task yourself; see outcome, trace and feedback"),
    },
    "tasks": {
        "list": Command("agents.cli.tasks:list_tasks", "task sets and how many distinct tasks they hold"),
        "show": Command("agents.cli.tasks:show", "tasks with reference and worked solution"),
        "validate": Command("agents.cli.tasks:validate", "check a file of tasks, or a set by name"),
        "audit": Command("agents.cli.audit:audit_verifiers", "how often the verifiers are wrong on labelled answers"),
    },
    "sandbox": {
        "build": Command("agents.cli.sandbox:build", "make the image that programs run in"),
        "clean": Command("agents.cli.sandbox:clean", "remove containers that nobody owns any more"),
        "bench": Command("agents.cli.sandbox:bench", "time a warm sandbox against docker run and docker exec"),
        "selftest": Command("agents.cli.sandbox:selftest", "try from inside what untrusted code would like to do"),
    },
    "report": Command("agents.cli.report:report", "runs as one HTML file: curves, and every episode to look into"),
    "credit": Command(
        "agents.cli.credit:credit", "a learner's credit beside true advantages, by branching", takes_words=True
    ),
    "theory": Command("agents.cli.theory:theory", "what the theory states beside what is computed"),
    "doctor": Command("agents.cli.doctor:doctor", "what this machine offers, and how to mend what is missing"),
}
SUMMARIES = {
    "envs": "look at environments, check them, play in them",
    "tasks": "look at tasks and check them",
    "sandbox": "where the programs of answers run",
}
EXAMPLES = {
    "": (
        "distil doctor",
        "distil train --config configs/quickstart.yaml",
        "distil eval runs/quickstart --num-tasks 200",
        "distil envs play distil/Math-v0 --feedback diagnosis",
        "distil tasks show math/algebra@2",
    ),
    "envs": ("distil envs list", "distil envs show distil/Math-v0 --tasks math/algebra --shots 2"),
    "tasks": ("distil tasks list", "distil tasks validate my-tasks.jsonl", "distil tasks audit"),
    "sandbox": ("distil sandbox build", "distil sandbox selftest", "distil sandbox bench"),
}
HELP = ("-h", "--help")
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, 1 after an error, 2 for words that make no command."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words or os.environ.get("DISTIL_DEBUG", "0") not in ("", "0")
    try:
        _run([word for word in words if word != "--debug"])
        sys.stdout.flush()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BrokenPipeError:  # the reader of our output has left: no error, but nothing more can be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt as error:
        return _failed(error, "stopped" if not error.args else _line(error), INTERRUPTED, debug)
    except UsageError as error:
        return _failed(error, _line(error), 2, debug)
    except Exception as error:
        return _failed(error, _message(error), 1, debug)
    return 0


def _run(words: list[str]) -> None:
    if words[:1] == ["--version"]:
        print(f"distil-envs {metadata.version('distil-envs')}")
        return
    prog, table = "distil", COMMANDS
    while words and words[0] not in HELP:
        name = words.pop(0)
        if name not in table:
            known = closest(name, list(table)) or f"known: {', '.join(table)}"
            raise UsageError(f"{prog} has no command {name!r}, {known}; see {prog} --help")
        prog, entry = f"{prog} {name}", table[name]
        if isinstance(entry, Command):
            _call(entry, prog, words)
            return
        table = entry
    _print_overview(prog, table)


def _call(command: Command, prog: str, words: list[str]) -> None:
    module, _, attribute = command.target.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    if command.takes_words:
        function(prog, words)
    else:
        parse(deferred(function), prog, words)()


def _print_overview(prog: str, entries: Mapping[str, Command | Group]) -> None:
    name = prog.rpartition(" ")[2] if " " in prog else ""
    about = SUMMARIES.get(name, "environments and training for language models that learn from feedback")
    lines = [f"usage: {prog} COMMAND …", "", f"{prog}: {about}", ""]
    for key, entry in entries.items():
        if isinstance(entry, Command):
            lines.append(f"  {key:10s} {entry.summary}")
        else:
            lines.append(f"  {key:10s} {SUMMARIES[key]}: {', '.join(entry)}")
    lines += ["", "For example:", *(f"  $ {example}" for example in EXAMPLES[name]), ""]
    lines.append(f"{prog} COMMAND --help explains a command. --debug, or DISTIL_DEBUG=1, shows where an error arose.")
    print("\n".join(lines))


def _failed(error: BaseException, message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    print(f"distil: {message}", file=sys.stderr)
    return status


def _message(error: Exception) -> str:
    if isinstance(error, DistilError):
        return _line(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # or torch's
        return (
            "out of memory: lower --micro-batch-tokens, --group-size or --environment.max-new-tokens, or train "
            "adapters with --policy.lora-rank 16"
        )
    if isinstance(error, OSError) and error.strerror:
        return _line(error.strerror + (f": {error.filename}" if error.filename else ""))
    return f"{type(error).__name__}: {_line(error)} (unexpected: the same command with --debug shows where)"


def _line(error: object) -> str:
    return " ".join(str(error).split())
