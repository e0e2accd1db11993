"""`Policy`: a causal language model with its tokenizer, as something that acts and learns."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from agents import prefix
from agents.models import load_model, load_tokenizer, quiet_transformers
from distil_envs.counted import derive
from distil_envs.errors import ConfigError

Ids = Sequence[int]
Dtype = Literal["auto", "bfloat16", "float32"]


@dataclass
class PolicyConfig:
    """How a policy is loaded."""

    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`, …"""
    dtype: Dtype = "auto"
    """Precision of forward passes. `auto`: bfloat16, but float32 for `tiny`, which is too small to gain from it."""
    lora_rank: int = 0
    """Rank of the low-rank adapters on all linear layers; 0 trains every weight (kept in float32)."""
    lora_alpha: float = 2.0
    """Adapter scale in units of the rank: the update is multiplied by this."""
    lora_top: float = 1.0
    """Share of the layers, counted from the head, that get adapters. The others need no backward pass."""
    chat_template: str | None = None
    """A Jinja chat template instead of the tokenizer's own."""
    trust_remote_code: bool = False
    """Let the model's repository run its own Python code."""

    def validate(self) -> None:
        """Raise ConfigError on values that cannot work."""
        if self.lora_rank < 0:
            raise ConfigError(f"lora_rank must be 0 (full training) or positive, got {self.lora_rank}")
        if not self.lora_alpha > 0:
            raise ConfigError(f"lora_alpha must be positive, got {self.lora_alpha}: adapters would change nothing")
        if self.dtype not in get_args(Dtype):
            raise ConfigError(f"dtype must be one of {', '.join(get_args(Dtype))}, got {self.dtype!r}")
        if not 0 < self.lora_top <= 1:
            raise ConfigError(f"lora_top is a share of the layers in (0, 1], got {self.lora_top}")
        if self.device != "auto":
            try:
                torch.device(self.device)
            except RuntimeError as error:
                raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, got {self.device!r}") from error
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError(f"device {self.device!r} was asked for, but torch sees no CUDA device; use device=cpu")


class Policy:
    """A causal LM over any transformers architecture.

    `trunk` gives hidden states, `head_weight` turns them into logits; nothing here ever makes [B, T, V] (law 7).
    """

    def __init__(self, model: Any, tokenizer: Any, *, dtype: torch.dtype = torch.float32) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.dtype = dtype
        config = self.base.config
        for trap in ("final_logit_softcapping", "logit_scale", "logits_scaling"):
            if getattr(config, trap, None) not in (None, 1, 1.0):
                raise ConfigError(
                    f"{type(self.base).__name__} rescales its logits ({trap}={getattr(config, trap)}), which the "
                    "chunked head does not implement; use a model without it"
                )
        self.shares_prefixes = prefix.supports_sharing(config)

    @classmethod
    def load(cls, model: str, config: PolicyConfig, *, seed: int = 0) -> Policy:
        """Load a model and its tokenizer: `smollm2`, `tiny`, a local folder, or a hub name.

        Raises ConfigError when either is missing or unusable.
        """
        config.validate()
        device = config.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = (
            torch.float32 if config.dtype == "float32" or (config.dtype, model) == ("auto", "tiny") else torch.bfloat16
        )
        tokenizer = load_tokenizer(
            model, chat_template=config.chat_template, trust_remote_code=config.trust_remote_code
        )
        # Full training keeps float32 masters and computes under autocast; adapters keep a frozen base in `dtype`.
        stored = dtype if config.lora_rank else torch.float32
        network = load_model(model, dtype=stored, trust_remote_code=config.trust_remote_code)
        if config.lora_rank:
            # Adapters start from random factors, drawn apart from everything else.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(derive(seed, "adapters") % 2**63)
                network = _with_lora(network, config)
        return cls(network.to(device), tokenizer, dtype=dtype)

    @property
    def base(self) -> Any:
        """The transformers model itself, adapters in place."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def device(self) -> torch.device:
        return self.head_weight.device

    @property
    def head_weight(self) -> Tensor:
        """Output embedding, [V, H]."""
        head = self.base.get_output_embeddings()
        if getattr(head, "bias", None) is not None:
            raise ConfigError(
                f"{type(self.base).__name__} has a biased output layer, which the chunked head does not implement"
            )
        weight: Tensor = head.weight
        return weight

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Ids that end a completion: the tokenizer's, and those of the model's generation config."""
        configured = getattr(self.base, "generation_config", None)
        ids = getattr(configured, "eos_token_id", None)
        several = list(ids) if isinstance(ids, (list, tuple)) else [ids]
        return tuple(dict.fromkeys(i for i in [self.tokenizer.eos_token_id, *several] if i is not None))

    def trainable(self) -> dict[str, nn.Parameter]:
        """Parameters that an optimiser should update, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def trunk(self, **inputs: Any) -> Any:
        """The model without its head, under this policy's precision."""
        module = getattr(self.base, self.base.base_model_prefix)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return module(**inputs)

    def hidden(self, contexts: Sequence[Ids], completions: Sequence[Ids]) -> Tensor:
        """Hidden states [B, T, H] that predict each completion id; rows are right-padded to the longest.

        Gradients flow when enabled. Multiply by `head_weight` for logits.
        """
        if not all(contexts):
            raise ValueError("every context needs at least one id")
        levels = prefix.plan(contexts, completions, share=self.shares_prefixes, device=self.device)
        encoded = prefix.encode(self.trunk, levels)
        width = max(len(row) for row in completions)
        if len(levels) > 1:
            return encoded.hidden[:, :width]
        # One level held context and completion together: cut out the positions that predict the completion.
        starts = torch.tensor([len(row) - 1 for row in contexts], device=self.device)
        index = starts[:, None] + torch.arange(width, device=self.device)
        index = index.clamp(max=encoded.hidden.shape[1] - 1)
        return encoded.hidden.gather(1, index[..., None].expand(-1, -1, encoded.hidden.shape[-1]))

    @property
    def has_adapter(self) -> bool:
        """Whether low-rank adapters, and not all the weights, are trained."""
        return hasattr(self.model, "disable_adapter")

    def merged_model(self) -> Any:
        """A float32 copy of the model with adapters merged into its weights."""
        model = copy.deepcopy(self.model).float()  # before merging: bfloat16 weights would swallow small changes
        return model.merge_and_unload() if self.has_adapter else model

    def save(self, folder: str | Path) -> None:
        """Write a plain Hugging Face folder: adapters are merged, nothing of this project is needed to load it."""
        with quiet_transformers():
            self.merged_model().to(self.dtype).save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)

    @contextlib.contextmanager
    def without_adapter(self) -> Iterator[None]:
        """The initial policy, for as long as the block lasts. Needs adapters."""
        with self.model.disable_adapter():
            yield


def _with_lora(model: Any, config: PolicyConfig) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D  # the linear layer of GPT-2, its weight transposed

    layers = model.config.num_hidden_layers
    first = min(round(layers * (1 - config.lora_top)), layers - 1)
    head = model.get_output_embeddings()
    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and module is not head and _layer_of(name) >= first
    ]
    return get_peft_model(
        model,
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha * config.lora_rank,  # type: ignore[arg-type]  # any number will do
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
            target_modules=targets,
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )


def _layer_of(module_name: str) -> int:
    """Index of the layer that a module belongs to, -1 outside the layers."""
    numbers = [int(part) for part in module_name.split(".") if part.isdigit()]
    return numbers[0] if numbers else -1
