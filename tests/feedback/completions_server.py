"""A small ``/v1/completions`` that serves a model as vLLM, llama.cpp and others would, and fails when told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.policy import Policy

KEY = "sk-secret"
"""The API key that is let in."""


class Server:
    """``/v1/completions`` of a model, in the dialect of one of the servers there are."""

    def __init__(self, policy: Policy) -> None:
        self.dialect = "vllm"
        """``vllm``: "token_id:5"; ``llama.cpp``: objects with ids; ``texts``: texts alone."""
        self.requests: list[dict[str, Any]] = []
        self.troubles: list[int | float | bytes] = []
        """What the next requests get in place of an answer: a status, a delay in seconds, or these bytes."""
        self.delay = 0.0
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self._policy = policy
        self._log_p = lru_cache(maxsize=None)(self._compute)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one piece

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = server.answer(self.path, self.headers["Authorization"], request)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Location", f"{server.url}/completions")  # followed where the status says so
                    self.end_headers()
                    self.wfile.write(body)
                    self.wfile.flush()
                except OSError:
                    pass  # a client that waits no longer

            def log_message(self, *args: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, path: str, authorization: str | None, request: dict[str, Any]) -> tuple[int, bytes]:
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            trouble = self.troubles.pop(0) if self.troubles else None
        try:
            time.sleep(trouble if isinstance(trouble, float) else self.delay)
            if isinstance(trouble, bytes):
                return 200, trouble
            if isinstance(trouble, int):
                return trouble, b"out of order"
            if authorization != f"Bearer {KEY}":
                return 401, f"Incorrect API key provided: {authorization}".encode()
            if path != "/v1/completions" or request["model"] != "tiny":
                return 404, b"The model does not exist"
            return 200, json.dumps(self._completion(request)).encode()
        finally:
            with self._lock:
                self._now -= 1

    def log_p(self, prompt: Sequence[int]) -> Tensor:
        """The model's own log-probabilities [V] after the ids, float64."""
        with self._lock:
            return self._log_p(tuple(prompt))

    @torch.no_grad()
    def _compute(self, prompt: tuple[int, ...]) -> Tensor:
        logits: Tensor = self._policy.model(input_ids=torch.tensor([prompt])).logits[0, -1]
        return logits.double().log_softmax(-1)

    def _completion(self, request: dict[str, Any]) -> dict[str, Any]:
        # Filters that servers have on by default must be off, and the choices must be one.
        assert (request["temperature"], request["top_p"], request["top_k"], request["min_p"]) == (1.0, 1.0, -1, 0.0)
        assert request["max_tokens"] == 1 and request.get("n", 1) == 1 and request["logprobs"] >= 1
        log_p = self.log_p(request["prompt"])
        drawn = np.random.default_rng(request["seed"]).choice(len(log_p), p=log_p.exp() / log_p.exp().sum())
        top = log_p.topk(request["logprobs"]).indices.tolist()
        if self.dialect == "llama.cpp":
            named = [{"id": token, "token": "?", "logprob": log_p[token].item()} for token in top]
            first = {"id": int(drawn), "token": "?", "logprob": log_p[drawn].item(), "top_logprobs": named}
            return {"choices": [{"text": "?", "logprobs": {"content": [first]}}]}
        name = (lambda token: f"token_id:{token}") if self.dialect == "vllm" else self._text
        # The drawn token comes first, as in vLLM: one more than were asked for, where it is none of them.
        values = {name(token): log_p[token].item() for token in (int(drawn), *top)}
        return {"choices": [{"text": "?", "logprobs": {"tokens": [name(int(drawn))], "top_logprobs": [values]}}]}

    def _text(self, token: int) -> str:
        text: str = self._policy.tokenizer.decode([token])
        return text
