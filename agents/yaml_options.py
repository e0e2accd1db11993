"""Options from YAML: one reading for configurations and plans. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from distil_envs.errors import ConfigError


def read_options(file: Path, what: str) -> dict[str, Any]:
    """The options in a YAML file. Raises ConfigError where it cannot be read, or as `parse_options` does.

    Args:
        what: The file is, for messages, such as ``the plan``.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"cannot read {what} {file}: {told}") from error
    return parse_options(text, str(file))


def parse_options(text: str, name: str) -> dict[str, Any]:
    """The options in YAML text.

    Args:
        name: Where the text is from, for messages.

    Raises ConfigError for what is not YAML, names an option twice, or is no mapping; with the line where there is one.
    """
    try:
        values = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise ConfigError(f"{name}{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # a ValueError: of a date that is none
        raise ConfigError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        got = "nothing" if values is None else type(values).__name__
        raise ConfigError(f"{name} must hold options as `name: value` lines, got {got}")
    return values


class _Loader(yaml.SafeLoader):
    """Takes no option twice: PyYAML would take the last one, without a word."""

    def compose_mapping_node(self, anchor: dict[str, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"{key.value} stands there twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return node
