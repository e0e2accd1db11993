"""Next tokens from an OpenAI-compatible ``/completions`` endpoint, asked for by exact ids.

A request holds the prompt as a list of ids, which vLLM, llama.cpp, SGLang and others take as it stands, and asks for
one token at temperature 1 with every filter of the sampler named and off: servers have defaults of their own. Answers
name tokens in three ways: by ``"token_id:123"`` where the server knows ``return_tokens_as_token_ids`` (vLLM), by an
``id`` beside the text (llama.cpp), or by their text alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3

from distil_envs.cache import cache_folder
from distil_envs.errors import ConfigError, DistilError
from distil_envs.inert import decode

_BUSY = (429, *range(500, 600))
_NAMED_ID = re.compile(r"token_id:(\d+)")
_LONGEST_PAUSE = 60
"""Seconds between two tries, whatever the server asks for."""


@dataclass
class Endpoint:
    """Where completions come from, and how patiently they are asked for.

    Any server will do that takes a prompt as ids, gives log-probabilities, and whose model has the student's tokenizer.
    """

    url: str = ""
    """The address before ``/completions``, such as http://localhost:8000/v1."""
    model: str = ""
    """The model's name on the server."""
    key_variable: str = ""
    """Environment variable that holds the API key; the key itself is in no configuration, file or message. Empty: no
    key is sent."""
    concurrency: int = 16
    """Requests that are under way at a time."""
    timeout_s: float = 60.0
    """Seconds that a try may wait for the server."""
    retries: int = 5
    """Tries after the first, where the server is busy (429), fails (5xx), is silent or cannot be reached."""
    backoff_s: float = 0.5
    """The n-th retry waits backoff_s · 2^(n-1) seconds, the first none; longer where the server says so; at most 60."""
    cache: bool = True
    """Keep answers on disk, under the cache folder. Delete ``completions/`` there when the name of the model comes to
    mean another one."""

    def validate(self) -> None:
        """Raise ConfigError for values that cannot work."""
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"endpoint.url must be such as http://localhost:8000/v1, got {self.url!r}")
        if not self.model:
            raise ConfigError("endpoint.model is empty: give the model's name on the server (GET …/v1/models lists it)")
        for name, least in {"concurrency": 1, "retries": 0, "backoff_s": 0}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"endpoint.{name} must be at least {least}, got {getattr(self, name)}")
        if not self.timeout_s > 0:
            raise ConfigError(f"endpoint.timeout_s must be positive, got {self.timeout_s}")

    def key(self) -> str:
        """The API key, empty for none. Raises ConfigError where its variable holds none."""
        if not self.key_variable:
            return ""
        key = os.environ.get(self.key_variable, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise ConfigError(f"endpoint.key_variable names {self.key_variable}, which holds no API key: set it")
        return key


@dataclass(frozen=True)
class Query:
    """One question: which token comes next?"""

    prompt: tuple[int, ...]
    """Exact ids."""
    top: int
    """How many of the most likely tokens to give log-probabilities of, at least 1."""
    seed: int = 0
    """Of the sampled token, below 2^31."""


@dataclass(frozen=True)
class Reply:
    """What a server says."""

    sampled: int
    """A token drawn from the model's own distribution."""
    log_p: tuple[tuple[int, float], ...]
    """Tokens and their log-probabilities (nats), the most likely first, at least as many as were asked for."""


class CompletionsApi:
    """A client of one endpoint. Use it in a ``with`` statement: it holds connections."""

    def __init__(self, endpoint: Endpoint, tokenizer: Any, vocabulary: int) -> None:
        endpoint.validate()
        self._endpoint = endpoint
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._key = endpoint.key()
        self._url = f"{endpoint.url.rstrip('/')}/completions"
        self._pool = urllib3.PoolManager(
            maxsize=endpoint.concurrency,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=urllib3.Timeout(total=endpoint.timeout_s),
            retries=urllib3.Retry(
                total=endpoint.retries,
                redirect=False,
                allowed_methods=None,
                status_forcelist=_BUSY,
                raise_on_status=False,
                backoff_factor=endpoint.backoff_s,
                backoff_max=_LONGEST_PAUSE,
                retry_after_max=_LONGEST_PAUSE,
            ),
        )

    def __enter__(self) -> CompletionsApi:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.clear()

    def ask(self, queries: Sequence[Query]) -> list[Reply]:
        """The reply to each query. The same question is asked once.

        Raises DistilError where the server cannot be reached, refuses, or gives what cannot be read.
        """
        asked = list(dict.fromkeys(queries))
        with ThreadPoolExecutor(self._endpoint.concurrency) as threads:
            replies = dict(zip(asked, threads.map(self._reply, asked), strict=True))
        return [replies[query] for query in queries]

    def _reply(self, query: Query) -> Reply:
        request = {
            "model": self._endpoint.model,
            "prompt": list(query.prompt),
            "max_tokens": 1,
            "temperature": 1.0,
            "top_p": 1.0,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": query.seed,
            "logprobs": query.top,
            "return_tokens_as_token_ids": True,
        }
        body = json.dumps(request).encode()
        if not self._endpoint.cache:
            return self._read(self._post(body), query.top)
        name = hashlib.sha256(self._url.encode() + b"\n" + body).hexdigest()
        path = cache_folder() / "completions" / name[:2] / f"{name}.json"
        try:
            return self._read(path.read_bytes(), query.top)
        except (OSError, DistilError):  # not there, or not whole
            answer = self._post(body)
            reply = self._read(answer, query.top)
            _write(path, answer)
            return reply

    def _post(self, body: bytes) -> bytes:
        tries = self._endpoint.retries + 1
        try:
            response = self._pool.request(
                "POST", self._url, body=body, headers={**self._pool.headers, "Content-Type": "application/json"}
            )
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise DistilError(
                f"{self._url} gave no answer in {tries} tries ({reason}): check that the server runs, or raise "
                "endpoint.timeout_s or lower endpoint.concurrency"
            ) from error
        if response.status == 200:
            return response.data
        words = response.data.decode(errors="replace")[:300]
        if self._key:
            words = words.replace(self._key, "…")
        times = f" {tries} times" if response.status in _BUSY else ""
        raise DistilError(f"{self._url} answered {response.status}{times}: {words!r}; {self._advice(response.status)}")

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            if self._key:
                return f"check the key in the environment variable {self._endpoint.key_variable}"
            return "let endpoint.key_variable name the environment variable that holds the API key"
        if status == 404:
            return f"check endpoint.url and endpoint.model ({self._endpoint.model!r})"
        if status in _BUSY:
            return "look at the server's log, or raise endpoint.retries or endpoint.backoff_s"
        return "the server refuses such a request: see its reason"

    def _read(self, body: bytes, top: int) -> Reply:
        """What an answer says. Raises DistilError where it says something else."""
        try:
            said = json.loads(body)["choices"][0]["logprobs"]
            if "content" in said:
                first = said["content"][0]
                sampled = first.get("id", first["token"])
                listed = [(each.get("id", each["token"]), each["logprob"]) for each in first["top_logprobs"]]
            else:
                sampled, listed = said["tokens"][0], list(said["top_logprobs"][0].items())
            pairs = [(name, float(value)) for name, value in listed]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DistilError(
                f"{self._url} answered what is no token with log-probabilities: {body[:300]!r}; the server must "
                "support `logprobs` at /completions"
            ) from error
        if len(pairs) < top or not all(value < 1e-3 for _, value in pairs):
            raise DistilError(
                f"{self._url} gave {len(pairs)} log-probabilities where {top} were asked for: {pairs[:5]}; ask for no "
                "more than the server gives (vLLM: --max-logprobs)"
            )
        known = sorted(((self._id(name), value) for name, value in pairs), key=lambda pair: (-pair[1], pair[0]))
        return Reply(self._id(sampled), tuple(known))

    def _id(self, name: Any) -> int:
        """The id of a token that a server names. Raises ConfigError where there is none."""
        match = _NAMED_ID.fullmatch(name) if isinstance(name, str) else None
        token = int(match[1]) if match else self._ids.get(name) if isinstance(name, str) else name
        if not isinstance(token, int) or not 0 <= token < self._vocabulary:
            raise ConfigError(
                f"{self._url} names the token {name!r}, which is none of the student's tokens, or several: its model "
                "must have the student's tokenizer; where texts are ambiguous use a server that gives ids, as vLLM and "
                "llama.cpp do"
            )
        return token

    @cached_property
    def _ids(self) -> dict[str, int]:
        """Ids by their text, where only one has it."""
        texts = [decode(self._tokenizer, [token]) for token in range(len(self._tokenizer))]
        times = Counter(texts)
        return {text: token for token, text in enumerate(texts) if times[text] == 1}


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, also with several writers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
