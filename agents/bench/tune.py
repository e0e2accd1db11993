"""What every learner chooses for itself in each setting, by trials on seeds that are not reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from agents.bench.layers import Options, nested
from agents.options import flat
from distil_envs.errors import ConfigError

WHO = frozenset({"learner", "learner.name"})
"""Options that say who learns, not how."""


@dataclass
class Tune:
    """Options, and the values that are tried."""

    options: Options = field(default_factory=dict)
    """Option to its values, such as `learning_rate: [3.0e-4, 1.0e-3]`, that of a section by its dotted name. Every
    combination is a trial."""
    seeds: tuple[int, ...] = ()
    """Of which every one runs all trials; the best mean over them is taken, the first of equals."""

    def trials(self) -> dict[str, Options]:
        """Every combination: its options, by section, under what it is called, such as ``learning_rate=0.001``."""
        values = product(*self.options.values()) if self.options else ()
        found = (dict(zip(self.options, each, strict=True)) for each in values)
        return {", ".join(f"{name}={value}" for name, value in each.items()): nested(each) for each in found}

    def validate(self, reported: Sequence[int], fixed: frozenset[str]) -> None:
        """Raise ConfigError for what cannot be chosen from, or only on seeds that are reported, and for who learns.

        Args:
            reported: seeds of the grid.
            fixed: options that are not a learner's to choose.
        """
        for name, values in self.options.items():
            if not isinstance(name, str) or not isinstance(values, list) or not values:
                raise ConfigError(f"tune.options.{name} must be a list of the values to try, got {values!r}")
            if any(_same(one, other) for one, other in combinations(values, 2)):
                raise ConfigError(f"tune.options.{name} holds a value twice: {values}")
        for one, other in combinations(self.options, 2):
            if f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}."):
                raise ConfigError(f"tune.options holds {one} and {other}, of which one is a part of the other")
        for name in dict.fromkeys(name for trial in self.trials().values() for name in flat(trial)):
            if name in fixed | WHO or name.partition(".")[0] in fixed:
                raise ConfigError(f"tune: {name} is the same for all that are compared")
        if bool(self.options) != bool(self.seeds):
            raise ConfigError("tune needs options, each with a list of values, and seeds, such as seeds: [100, 101]")
        if len(set(self.seeds)) < len(self.seeds) or set(self.seeds) & set(reported):
            raise ConfigError(
                f"tune.seeds must differ from each other and from the reported {list(reported)}, got {list(self.seeds)}"
            )


def _same(one: object, other: object) -> bool:
    try:
        return float(str(one)) == float(str(other))  # YAML reads 1e-3 as text, and options take it for a number
    except ValueError:
        return str(one) == str(other)
