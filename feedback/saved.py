"""Token distributions on disk: `TopK` and `Samples` as safetensors files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distil_envs.errors import ConfigError

if TYPE_CHECKING:
    from feedback.distribution import Samples, TopK

FORMAT_VERSION = "1"


def load_distribution(path: str | Path) -> TopK | Samples:
    """Inverse of `save`. Raises ConfigError for a file that this version does not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{path} is not a saved token distribution: {error}") from error
    if meta.get("version") != FORMAT_VERSION:
        raise ConfigError(f"{path}: format version {meta.get('version')!r}, this program reads {FORMAT_VERSION}")
    from feedback.distribution import Samples, TopK  # which import this module

    kinds: dict[str, type[TopK | Samples]] = {kind.__name__: kind for kind in (TopK, Samples)}
    kind = kinds.get(meta.get("kind", ""))
    if kind is None or set(tensors) != set(kind.PER_POSITION):
        raise ConfigError(
            f"{path} holds {meta.get('kind')!r} with the tensors {sorted(tensors)}; expected one of "
            f"{', '.join(f'{name} with {sorted(each.PER_POSITION)}' for name, each in kinds.items())}: save it anew"
        )
    options = {"mode": meta.get("mode", "")} if kind is TopK else {}
    return kind(**tensors, **options)


def save_distribution(path: str | Path, distribution: Any, **meta: str) -> None:
    """Write the tensors of a `TopK` or `Samples`, whole, to a safetensors file."""
    from safetensors.torch import save_file

    tensors = {
        item.name: getattr(distribution, item.name).detach().cpu().contiguous()
        for item in fields(distribution)
        if item.name in distribution.PER_POSITION
    }
    save_file(tensors, str(path), metadata={"kind": type(distribution).__name__, "version": FORMAT_VERSION, **meta})
