"""`Catalogue`: the generated task sets of one domain, by name."""

from __future__ import annotations

from collections.abc import Mapping

from distil_envs.family import Family
from distil_envs.task_set import GeneratedTaskSet


class Catalogue:
    """Names for the families of a domain: ``math`` (all), ``math/<topic>`` and ``math/<family>``.

    A name that is both means the family.
    """

    def __init__(self, domain: str, families: Mapping[str, Family]) -> None:
        self.domain = domain
        self._families = families

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._named())

    def task_set(self, name: str) -> GeneratedTaskSet:
        """The set of one of `names`, every level, both splits."""
        return GeneratedTaskSet(name, self._named()[name], "all")

    def _named(self) -> dict[str, list[Family]]:
        families = list(self._families.values())
        found = {self.domain: families}
        for family in families:
            if family.topic != self.domain:
                found.setdefault(f"{self.domain}/{family.topic}", []).append(family)
        return found | {f"{self.domain}/{family.name}": [family] for family in families}
