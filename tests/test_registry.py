"""Names find their objects in the order promised, and a name that finds nothing gets a helpful error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from distil_envs import registry
from distil_envs.errors import ConfigError, NotFoundError


@pytest.fixture
def registered() -> Iterator[None]:
    """Forget what a test registers."""
    before = {kind: set(registry.names(kind)) for kind in registry.KINDS}
    yield
    for kind in registry.KINDS:
        for name in set(registry.names(kind)) - before[kind]:
            registry.unregister_object(kind, name)


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points as another package would declare them."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints(p for p in points if p.group == group))
    return points


@pytest.mark.usefixtures("registered")
def test_an_object_and_a_string_registered_at_run_time_are_found() -> None:
    verifier = object()
    registry.register_object("verifiers", "acme", verifier)
    registry.register_object("verifiers", "acme-lazy", "json:JSONDecoder")
    assert registry.resolve("verifiers", "acme") is verifier
    import json

    assert registry.resolve("verifiers", "acme-lazy") is json.JSONDecoder
    assert {"acme", "acme-lazy", "math"} <= set(registry.names("verifiers"))


@pytest.mark.usefixtures("registered")
def test_registering_again_replaces_and_hiding_a_built_in_name_warns() -> None:
    registry.register_object("tasks", "acme", [1])
    registry.register_object("tasks", "acme", [2])
    assert registry.resolve("tasks", "acme") == [2]
    for kind, name in (("verifiers", "exact"), ("tasks", "math"), ("tasks", "toy/fact")):
        with pytest.warns(UserWarning, match="hides the built-in"):
            registry.register_object(kind, name, "json:loads")
        registry.unregister_object(kind, name)


def test_a_built_in_object_that_registers_itself_hides_nothing() -> None:
    from distil_envs.toy import exact_match

    for target in (exact_match, "distil_envs.toy:exact_match"):
        registry.register_object("verifiers", "exact", target)
        assert registry.resolve("verifiers", "exact") is exact_match
        registry.unregister_object("verifiers", "exact")


def test_order_registered_then_built_in_then_entry_points_then_literal(entry_points: list[EntryPoint]) -> None:
    import json

    from distil_envs.toy import exact_match

    entry_points.append(EntryPoint("exact", "json:loads", "distil_envs.verifiers"))
    entry_points.append(EntryPoint("theirs", "json:dumps", "distil_envs.verifiers"))
    entry_points.append(EntryPoint("elsewhere", "json:dumps", "distil_envs.experts"))
    assert registry.resolve("verifiers", "exact") is exact_match
    assert registry.resolve("verifiers", "theirs") is json.dumps
    assert registry.resolve("verifiers", "json:load") is json.load
    assert "theirs" in registry.names("verifiers")
    assert "elsewhere" not in registry.names("verifiers")
    with pytest.warns(UserWarning, match="hides the built-in"):
        registry.register_object("verifiers", "exact", json.load)
    try:
        assert registry.resolve("verifiers", "exact") is json.load
    finally:
        registry.unregister_object("verifiers", "exact")


def test_a_literal_may_name_a_nested_attribute() -> None:
    import json

    assert registry.resolve("verifiers", "json:JSONDecoder.decode") is json.JSONDecoder.decode


@pytest.mark.parametrize(
    ("kind", "name", "suggestion"),
    [
        ("tasks", "math/algbra", "'math/algebra'"),
        ("tasks", "algebra", "'math/algebra'"),
        ("tasks", "MATH", "'math'"),
        ("tasks", "toy/rules", "'toy/rule'"),
        ("verifiers", "maths", "'math'"),
        ("learners", "distil", "'DistIL'"),
        ("feedback", "diagnostic", "'diagnosis'"),
        ("experts", "selfteacher", "'self-teacher'"),
    ],
)
def test_an_unknown_name_is_told_the_closest_ones(kind: str, name: str, suggestion: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        registry.resolve(kind, name)
    message = str(caught.value)
    assert f"{name!r}" in message
    assert f"Did you mean {suggestion}" in message


def test_an_unknown_name_is_told_what_was_tried_and_what_exists(entry_points: list[EntryPoint]) -> None:
    entry_points.append(EntryPoint("docker", "json:loads", "distil_envs.sandboxes"))
    with pytest.raises(NotFoundError) as caught:
        registry.resolve("sandboxes", "zzz")
    message = str(caught.value)
    assert "no sandbox is named 'zzz'" in message
    assert "Did you mean" not in message
    for part in (
        "registered at run time (0)",
        "built-in",
        "'distil_envs.sandboxes' (1)",
        "module:name",
        "Known: bubblewrap, docker",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_module_here:thing", "No module named 'no_such_module_here'"),
        ("json:no_such_attribute", "no_such_attribute"),
        ("json:", "expected 'module:name'"),
    ],
)
def test_a_literal_that_cannot_be_imported_is_not_found_and_says_why(name: str, reason: str) -> None:
    with pytest.raises(NotFoundError, match="could not be imported") as caught:
        registry.resolve("verifiers", name)
    assert reason in str(caught.value)


@pytest.mark.usefixtures("registered")
def test_a_known_name_that_cannot_be_imported_says_where_it_comes_from(entry_points: list[EntryPoint]) -> None:
    registry.register_object("experts", "broken", "no_such_module_here:thing")
    with pytest.raises(ConfigError, match="'no_such_module_here:thing', registered at run time"):
        registry.resolve("experts", "broken")
    entry_points.append(EntryPoint("worse", "no_such_module_here:other", "distil_envs.experts"))
    with pytest.raises(ConfigError, match="'no_such_module_here:other', an entry point of"):
        registry.resolve("experts", "worse")


def test_unknown_kinds_and_unusable_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown registry kind 'verifier'; Did you mean 'verifiers'"):
        registry.names("verifier")
    for name in ("", " ", " padded", "a:b", "a,b", "a@2"):
        with pytest.raises(ConfigError, match="name"):
            registry.register_object("tasks", name, [])
    with pytest.raises(ConfigError, match="must be a string, got int"):
        registry.resolve("tasks", 3)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="registered at run time as 'never'"):
        registry.unregister_object("tasks", "never")


def test_every_generated_task_set_is_listed_by_topic_and_by_family() -> None:
    from distil_envs import toy
    from distil_envs.math import families

    known = set(registry.names("tasks"))
    assert {"math", "math/word-problems", "toy", "toy/rule", "toy/fact", "toy/function"} <= known
    assert {f"math/{family.topic}" for family in families.FAMILIES.values()} <= known
    assert {f"math/{family.name}" for family in families.FAMILIES.values()} <= known
    assert set(toy.FAMILIES) == {"rule", "fact", "function"}


def test_a_name_of_a_topic_and_of_a_family_means_the_family() -> None:
    from distil_envs.catalogue import Catalogue
    from distil_envs.family import Family
    from distil_envs.toy import FAMILIES

    both = Family("numbers", "numbers", [FAMILIES["rule"].questions(1)])
    other = Family("fractions", "numbers", [FAMILIES["rule"].questions(1)])
    catalogue = Catalogue("toy", {"numbers": both, "fractions": other})
    assert catalogue.names() == ["toy", "toy/fractions", "toy/numbers"]
    assert [source.name for source in catalogue.task_set("toy/numbers").sources] == ["math/numbers@1"]
    families = {count.family for count in registry.resolve("tasks", "math/arithmetic")().counts()}
    assert families == {"arithmetic"}
    families = {count.family for count in registry.resolve("tasks", "math/numbers")().counts()}
    assert families == {"arithmetic", "fractions"}


def test_every_built_in_name_resolves() -> None:
    for kind in registry.KINDS:
        for name in registry.names(kind):
            assert registry.resolve(kind, name) is not None


def test_names_are_resolved_in_an_uninstalled_checkout_without_torch(repository: Path) -> None:
    program = (
        "import sys; from distil_envs import registry; registry.names('tasks');"
        "registry.resolve('tasks', 'math/algebra');"
        "print(sorted({'torch', 'feedback', 'agents', 'sympy', 'jsonschema'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
