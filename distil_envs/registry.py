"""One registry from names to task sets, verifiers, feedback providers, experts, learners, sandboxes and tools.

A name is looked up in this order: what was registered at run time, what is built in (as ``module:name`` strings, so
that an uninstalled checkout works and this package imports no other), the entry points of installed packages (group
``distil_envs.<kind>``), and at last as a literal ``module:name``. The first that has it wins.

A task set's name stands for a `TaskSet`, a sequence of tasks or of their dicts, a `Path` to a JSONL file, a `Family`,
or a function without arguments that returns one of these, so that nothing is made before it is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final

from distil_envs.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from distil_envs.catalogue import Catalogue

KINDS: Final = ("tasks", "verifiers", "feedback", "experts", "learners", "sandboxes", "tools")
"""What can be registered. The entry-point group of a kind is ``distil_envs.<kind>``."""

LISTED: Final = 16
"""Names that an error spells out."""

_WORDS: Final = {
    "tasks": "task set",
    "verifiers": "verifier",
    "feedback": "feedback provider",
    "experts": "expert",
    "learners": "learner",
    "sandboxes": "sandbox",
    "tools": "tool",
}

_LEARNERS: Final = (
    "CE", "DAgger", "DAPO", "DistIL", "GKD", "GRPO", "MaxRL", "MiniLLM", "OPD", "OPSD", "RFT", "RLOO", "SDPO", "SFT",
)  # fmt: skip

_BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "tasks": {
        "math/competition": "distil_envs.math.task_sets:competition",
        "math/word-problems": "distil_envs.math.task_sets:word_problems",
        "code": "distil_envs.code.task_sets:code",
    },
    "verifiers": {
        "math": "distil_envs.math.verifier:MathVerifier",
        "math-verify": "distil_envs.math.plain:VERIFIER",
        "science": "distil_envs.science.verifier:ScienceVerifier",
        "code": "distil_envs.code.verifier:CodeVerifier",
        "exact": "distil_envs.toy:exact_match",
        "reasoning-gym": "distil_envs.reasoning_gym.verifier:ReasoningGymVerifier",
    },
    "feedback": {
        **{name: f"feedback.providers.{name}:{name}" for name in ("binary", "answer", "diagnosis", "solution", "peer")},
        "execution-trace": "feedback.providers.execution_trace:ExecutionTrace",
    },
    "experts": {
        "self-teacher": "feedback.experts.self_teacher:SelfTeacher",
        "correction": "feedback.experts.correction:CorrectionExpert",
        "model": "feedback.experts.model:ModelExpert",
        "black-box": "feedback.experts.black_box:BlackBoxExpert",
        "mixture": "feedback.experts.mixture:Mixture",
    },
    "learners": {
        **{name: f"agents.learners.{name.lower()}:{name}" for name in _LEARNERS},
        "DrGRPO": "agents.learners.dr_grpo:DrGRPO",
    },
    "sandboxes": {
        "docker": "distil_envs.sandbox.docker:DockerSandbox",
        "bubblewrap": "distil_envs.sandbox.bubblewrap:BubblewrapSandbox",
        "subprocess": "distil_envs.sandbox.subprocess:SubprocessSandbox",
    },
    "tools": {
        "python": "distil_envs.tools.python:PythonTool",
        "calculator": "distil_envs.tools.calculator:CalculatorTool",
        "table": "distil_envs.tools.table:TableTool",
    },
}

_FAMILIES: Final = {
    "math": "distil_envs.math.families:FAMILIES",
    "science": "distil_envs.science.families:FAMILIES",
    "toy": "distil_envs.toy:FAMILIES",
}
"""Domains with generated tasks. Sets are named by domain, topic and family, so a new family needs no entry here."""

_registered: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}


def register_object(kind: str, name: str, target: Any) -> None:
    """Make ``target`` findable as ``name``.

    ``target`` is the object itself, or a ``"module:name"`` string that is imported on first use. A name registered
    earlier at run time is replaced (notebooks run cells twice); hiding a built-in one by another warns.

    Raises ConfigError for an unknown kind or an unusable name.
    """
    _check_kind(kind)
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        raise ConfigError(f"{_WORDS[kind]} name must be a non-empty string without surrounding blanks, got {name!r}")
    if any(sign in name for sign in ":,@"):
        raise ConfigError(
            f"{_WORDS[kind]} name {name!r} may not contain ':', ',' or '@': these have a meaning in specs"
        )
    built_in = _BUILT_IN[kind].get(name)
    own = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"  # a built-in one, decorated
    if (built_in and built_in not in (target, own)) or (kind == "tasks" and _generated(name) is not None):
        warnings.warn(f"{_WORDS[kind]} {name!r} now hides the built-in one of that name", stacklevel=2)
    _registered[kind][name] = target


def unregister_object(kind: str, name: str) -> None:
    """Undo `register_object`. Raises NotFoundError when nothing was registered at run time under that name."""
    _check_kind(kind)
    if name not in _registered[kind]:
        raise NotFoundError(f"no {_WORDS[kind]} was registered at run time as {name!r}")
    del _registered[kind][name]


def names(kind: str) -> list[str]:
    """Every name of a kind, sorted: registered, built in, and from entry points."""
    _check_kind(kind)
    found = {*_registered[kind], *_BUILT_IN[kind], *_entry_points(kind)}
    if kind == "tasks":
        found.update(name for domain in _FAMILIES for name in _catalogue(domain).names())
    return sorted(found)


def name_of(kind: str, found: type) -> str | None:
    """The name of a class, registered at run time, built in, or from entry points; imports nothing. None for none."""
    _check_kind(kind)
    target = f"{found.__module__}:{found.__qualname__}"
    own: dict[str, Any] = {**_BUILT_IN[kind], **_registered[kind]}
    for name, known in own.items():
        if known is found or known == target:
            return name
    points = _entry_points(kind)  # last: they are looked for on the disk
    return next((name for name, point in points.items() if name not in own and point.value == target), None)


def resolve(kind: str, name: str) -> Any:
    """The object of that name.

    Raises NotFoundError when no source knows the name (with the closest names, what was tried and what exists), and
    ConfigError when a source knows it but importing it failed.
    """
    _check_kind(kind)
    if not isinstance(name, str):
        raise ConfigError(f"{_WORDS[kind]} name must be a string, got {type(name).__name__}")
    if name in _registered[kind]:
        target = _registered[kind][name]
        return _load(kind, name, target, "registered at run time") if isinstance(target, str) else target
    if name in _BUILT_IN[kind]:
        return _load(kind, name, _BUILT_IN[kind][name], "built in")
    if kind == "tasks" and (catalogue := _generated(name)) is not None:
        return partial(catalogue.task_set, name)
    if ":" in name:  # no name has one, and entry points take milliseconds to look for
        return _load(kind, name, name, "a literal module:name", missing=NotFoundError)
    points = _entry_points(kind)
    if name in points:
        return _load_entry_point(kind, points[name])
    raise _not_found(kind, name)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigError(f"unknown registry kind {kind!r}; {_closest(kind, KINDS)}known kinds: {', '.join(KINDS)}")


def _catalogue(domain: str) -> Catalogue:
    from distil_envs.catalogue import Catalogue

    return Catalogue(domain, _load("tasks", domain, _FAMILIES[domain], "built in"))


def _generated(name: str) -> Catalogue | None:
    """The catalogue that knows this name of a built-in generated task set."""
    domain = name.partition("/")[0]
    if domain not in _FAMILIES:
        return None
    catalogue = _catalogue(domain)
    return catalogue if name in catalogue.names() else None


def _entry_points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"distil_envs.{kind}")}


def _load_entry_point(kind: str, point: EntryPoint) -> Any:
    owner = f"package {point.dist.name!r}" if point.dist else "an installed package"
    return _guarded(kind, point.name, point.load, f"{point.value!r}, an entry point of {owner}", ConfigError)


def _load(kind: str, name: str, target: str, source: str, missing: type[Exception] = ConfigError) -> Any:
    """Import ``module:name``. ``missing`` is the error for a module or attribute that is not there."""
    return _guarded(kind, name, partial(_import_target, target), f"{target!r}, {source}", missing)


def _guarded(kind: str, name: str, load: Callable[[], Any], where: str, missing: type[Exception]) -> Any:
    try:
        return load()
    except (ImportError, AttributeError, ValueError) as error:
        raise missing(
            f"{_WORDS[kind]} {name!r} ({where}) could not be imported: {type(error).__name__}: {error}. "
            f"Check the spelling and that its package is installed; `registry.names({kind!r})` lists what is known"
        ) from error


def _import_target(target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"expected 'module:name', got {target!r}")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def _not_found(kind: str, name: str) -> NotFoundError:
    group = f"distil_envs.{kind}"
    return NotFoundError(
        f"no {_WORDS[kind]} is named {name!r}. {_closest(name, names(kind))}"
        f"Tried names registered at run time ({len(_registered[kind])}), built-in names, entry points of group "
        f"{group!r} ({len(_entry_points(kind))}); not of the form 'module:name'. Known: {_listing(kind)}"
    )


def _closest(name: str, known: Iterable[str]) -> str:
    by_folded = {item.casefold(): item for item in known}
    # A forgotten domain ("algebra") should find "math/algebra", which plain similarity ranks too low.
    tails = [item for folded, item in by_folded.items() if folded.rpartition("/")[2] == name.casefold()]
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=3, cutoff=0.6)
    found = list(dict.fromkeys([*tails, *(by_folded[item] for item in close)]))
    return f"Did you mean {' or '.join(repr(item) for item in found)}? " if found else ""


def _listing(kind: str) -> str:
    known = names(kind)
    shown = ", ".join(known[:LISTED]) or "none"
    return shown + (f", and {len(known) - LISTED} more" if len(known) > LISTED else "")
