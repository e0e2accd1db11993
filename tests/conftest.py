"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# A slow machine is no failure, and the same commit gives the same result.
hypothesis.settings.register_profile("distil", deadline=None, derandomize=True)
hypothesis.settings.load_profile("distil")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of public data sets. Skips, with the reason, where DISTIL_DATA is not set."""
    folder = os.environ.get("DISTIL_DATA")
    if not folder:
        pytest.skip("DISTIL_DATA is not set: it names the folder with gsm8k/, aime24/, college_math/, ...")
    path = Path(folder)
    assert path.is_dir(), f"DISTIL_DATA={folder} is not a folder"
    return path


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Llama (two layers of 32) whose tokenizer is byte-level with a ChatML template.

    It loads in milliseconds and knows nothing: for tests of what happens around a model. Nothing may write to it.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from agents.models import quiet_transformers

    folder = tmp_path_factory.mktemp("models") / "small"
    marks = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    symbols = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bytewise = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(symbols)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
    )
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=4096,
                tie_word_embeddings=True,
                bos_token_id=None,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    with quiet_transformers():
        model.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _cuda_tests_skip_aloud(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture(scope="session")
def docker_problem() -> str | None:
    """Why no container can be started here; None where one can."""
    from distil_envs.sandbox.docker import DockerSandbox

    return DockerSandbox.problem()


@pytest.fixture(autouse=True)
def _docker_tests_skip_aloud(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker") and (problem := request.getfixturevalue("docker_problem")):
        pytest.skip(problem)
