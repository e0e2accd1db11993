"""The black-box expert against a real server here, which serves `tiny` as vLLM, llama.cpp and others would."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.policy import Policy, PolicyConfig
from distil_envs import Attempt, Episode, Task, encode_chat
from distil_envs.errors import ConfigError, DistilError
from feedback import Feedback
from feedback.distribution import Samples, TopK
from feedback.experts.black_box import BlackBoxExpert
from feedback.experts.completions_api import Endpoint
from feedback.experts.expert import Scorer, Source
from tests.feedback.completions_server import KEY, Server


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load("tiny", PolicyConfig(device="cpu", dtype="float32"))


@dataclass
class Models:
    """What the expert may use. It has no model here, and asks for none."""

    policy: Policy

    @property
    def tokenizer(self) -> Any:
        return self.policy.tokenizer

    @property
    def vocabulary(self) -> int:
        return len(self.policy.head_weight)

    @property
    def end_id(self) -> int:
        return self.policy.eos_ids[0]

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def scorer(self, source: Source) -> Scorer:
        raise AssertionError(f"{source} was asked for")


@pytest.fixture
def server(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DISTIL_CACHE", str(tmp_path))
    monkeypatch.setenv("TINY_KEY", f"{KEY}\n")
    each = Server(policy)
    yield each
    each.close()


@dataclass
class Asking:
    """An expert, and whom it is asked about."""

    expert: BlackBoxExpert
    models: Models
    episodes: list[Episode]
    completions: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, seed: int = 0, step: int = 0) -> Any:
        return self.expert.distribution(self.models, self.episodes, self.completions, seed=seed, step=step)

    def other(self, **options: Any) -> Asking:
        return replace(self, expert=replace(self.expert, **options))


@pytest.fixture
def asking(policy: Policy, server: Server) -> Asking:
    """Two rollouts of one prompt, of lengths 3 and 5."""
    task = Task("t", "math", "rule 3: 1 2 3")
    prompt = tuple(encode_chat(policy.tokenizer, task.messages))
    completions = [(20, 30, 40), (20, 31, 41, 51, policy.eos_ids[0])]
    episodes = [
        Episode(
            task,
            [Attempt(prompt, ids, "", feedback=Feedback(text="Too large."))],
            rollout_id=f"r{number}",
            messages=tuple(task.messages),
        )
        for number, ids in enumerate(completions)
    ]
    endpoint = Endpoint(server.url, "tiny", key_variable="TINY_KEY", concurrency=4, retries=2, backoff_s=0.0)
    return Asking(BlackBoxExpert(endpoint=endpoint), Models(policy), episodes, completions)


def exact(server: Server, asking: Asking) -> list[Tensor]:
    """[T, V] for each completion, by the model itself."""
    return [
        torch.stack([server.log_p((*each.attempt.prompt_ids, *ids[:t])) for t in range(len(ids))])
        for each, ids in zip(asking.episodes, asking.completions, strict=True)
    ]


def student(rows: int, vocabulary: int) -> Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(1)).log_softmax(-1)


@pytest.mark.parametrize("dialect", ["vllm", "llama.cpp", "texts"])
@pytest.mark.parametrize("k", [5, 1000])
def test_top_log_probabilities_are_the_models_own(server: Server, asking: Asking, dialect: str, k: int) -> None:
    server.dialect = dialect
    got = asking.other(mode="top-logprobs", top_k=k)()
    k = min(k, asking.models.vocabulary)
    assert isinstance(got, TopK) and got.mode == "tail" and got.ids.shape == (2, 5, k)
    assert got.log_p.dtype == torch.float32 and bool(torch.isfinite(got.log_p).all())
    for row, log_p in enumerate(exact(server, asking)):
        kept, ids = log_p.topk(k)
        at = (row, slice(len(log_p)))
        torch.testing.assert_close(got.log_p[at].double(), kept, atol=1e-4, rtol=0)
        torch.testing.assert_close(got.log_p[at].double(), log_p.gather(-1, got.ids[at]), atol=1e-4, rtol=0)
        tail = log_p.scatter(-1, ids, -torch.inf).exp().sum(-1)
        torch.testing.assert_close(got.log_tail[at].double().exp(), tail, atol=1e-6, rtol=0)
        log_q = student(5, asking.models.vocabulary)
        assert bool(torch.isfinite(got.rows(torch.arange(2)[:, None].eq(row).expand(2, 5)).cross_entropy(log_q)).all())
    assert len(server.requests) == 5 + 3 - 2  # both begin with the same token: the first two questions are asked once


@pytest.mark.parametrize("dialect", ["vllm", "llama.cpp", "texts"])
def test_samples_average_to_the_cross_entropy(server: Server, asking: Asking, dialect: str) -> None:
    server.dialect = dialect
    size = 150
    asking.episodes, asking.completions = asking.episodes[:1], asking.completions[:1]
    got = asking.other(samples=size)()
    assert isinstance(got, Samples) and got.ids.shape == (1, 3, size)
    assert torch.allclose(got.weights.sum(-1), torch.ones(1, 3))
    (log_p,) = exact(server, asking)
    log_q = student(3, asking.models.vocabulary).double()
    p = log_p.exp()
    mean = -(p * log_q).sum(-1)
    deviation = ((p * log_q**2).sum(-1) - mean**2).clamp(min=1e-12).sqrt() / math.sqrt(size)
    z = (Samples(got.ids[0], got.weights[0].double()).cross_entropy(log_q) - mean) / deviation
    assert bool((z.abs() < 4).all())
    assert bool((p > 0.05).sum(-1).ge(2).any()), "the model is not sure of everything, or this says little"


def test_draws_are_counted(server: Server, asking: Asking) -> None:
    """They depend on seed, step, rollout and attempt; not on the batch, nor on what was drawn before."""
    asking = asking.other(samples=8, endpoint=replace(asking.expert.endpoint, cache=False))
    both = asking()
    second = replace(asking, episodes=asking.episodes[1:], completions=asking.completions[1:])
    assert torch.equal(second().ids[0], both.ids[1])
    assert not torch.equal(second(seed=1).ids, second().ids)
    assert not torch.equal(second(step=1).ids, second().ids)
    renamed = replace(second, episodes=[replace(second.episodes[0], rollout_id="other")])
    assert not torch.equal(renamed().ids, second().ids)
    attempt = second.episodes[0].attempt
    later = replace(second, episodes=[replace(second.episodes[0], attempts=[attempt, attempt])])
    assert not torch.equal(later().ids, second().ids)
    more = second.other(samples=9)()
    assert torch.equal(more.ids[..., :8], second().ids)


def test_a_share_of_the_positions_is_right_on_average(server: Server, asking: Asking) -> None:
    """The cross-entropy, and the sum of later ones that future credit uses, over many seeds."""
    runs, share = 150, 0.4
    asking.episodes, asking.completions = asking.episodes[1:], asking.completions[1:]
    (log_p,) = exact(server, asking)
    log_q = student(5, asking.models.vocabulary).double()
    costs: list[Tensor] = []
    weights: list[Tensor] = []
    for seed in range(runs):
        got = asking.other(positions=share)(seed=seed)
        assert all(weight in (0, pytest.approx(1 / share)) for weight in got.weights.flatten().tolist())
        weights.append(got.weights[0, :, 0].double())
        costs.append(Samples(got.ids[0], got.weights[0].double()).cross_entropy(log_q))
    assert len(server.requests) == sum(int((each > 0).sum()) for each in weights)
    error = math.sqrt((1 / share - 1) / runs)
    assert bool(((torch.stack(weights).mean(0) - 1).abs() < 4 * error).all())
    found = torch.stack(costs)
    true = -(log_p.exp() * log_q).sum(-1)
    for got, wanted in ((found, true), (found.flip(-1).cumsum(-1), true.flip(-1).cumsum(-1))):
        z = (got.mean(0) - wanted) / (got.std(0) / math.sqrt(runs))
        assert bool((z.abs() < 4).all())


def test_what_is_known_is_not_asked_again(server: Server, asking: Asking, tmp_path: Path) -> None:
    first = asking()
    assert len(server.requests) == 8
    assert torch.equal(asking().ids, first.ids)
    assert len(server.requests) == 8
    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == 8 and [path for path in tmp_path.rglob("*") if path.is_file() and path not in files] == []
    assert not any(KEY in path.read_text() for path in files)

    files[0].write_text(files[0].read_text()[:20])  # cut off
    files[1].write_text("{}")
    assert torch.equal(asking().ids, first.ids)
    assert len(server.requests) == 10
    asking()
    assert len(server.requests) == 10

    asking(seed=1)
    assert len(server.requests) == 18
    asking.other(endpoint=replace(asking.expert.endpoint, cache=False))()
    assert len(server.requests) == 26


def test_a_busy_server_is_asked_again(server: Server, asking: Asking) -> None:
    asking.expert.endpoint.concurrency = 1
    server.troubles = [500, 429]
    got = asking()
    assert server.troubles == [] and len(server.requests) == 8 + 2
    assert torch.equal(asking.other(endpoint=replace(asking.expert.endpoint, cache=False))().ids, got.ids)


def test_a_silent_server_is_asked_again(server: Server, asking: Asking) -> None:
    exact(server, asking)  # so that the answers are at hand
    asking.expert.endpoint.timeout_s = 1.0
    server.troubles = [1.5]
    asking()
    assert len(server.requests) == 8 + 1


def test_no_more_requests_at_a_time_than_allowed(server: Server, asking: Asking) -> None:
    server.delay = 0.05
    asking.other(samples=3)()
    assert len(server.requests) == 24
    assert 2 <= server.most_at_once <= 4


@pytest.mark.parametrize(
    ("troubles", "options", "words", "requests"),
    [
        ([500] * 3, {}, "answered 500 3 times: 'out of order'; look at the server's log", 3),
        ([400], {}, "answered 400: 'out of order'; the server refuses such a request", 1),
        ([307], {}, "answered 307: 'out of order'", 1),
        ([], {"model": "huge"}, r"answered 404.*check endpoint.url and endpoint.model \('huge'\)", 1),
        ([], {"key_variable": ""}, "answered 401.*let endpoint.key_variable name the environment variable", 1),
        ([1.0] * 3, {"timeout_s": 0.2}, "gave no answer in 3 tries .*raise endpoint.timeout_s", 3),
        ([b"<html>"], {}, "answered what is no token with log-probabilities: b'<html>'", 1),
        ([b'{"choices": [{"logprobs": null}]}'], {}, "the server must support `logprobs`", 1),
        ([b'{"choices": [{"logprobs": {"tokens": ["a"], "top_logprobs": [{}]}}]}'], {}, "gave 0 log-prob.* 1 were", 1),
        ([b'{"choices": [{"logprobs": {"tokens": ["a"], "top_logprobs": [{"a": NaN}]}}]}'], {}, "gave 1 log-prob", 1),
        (
            [b'{"choices": [{"logprobs": {"tokens": ["dog"], "top_logprobs": [{"dog": -1}]}}]}'],
            {},
            "names the token 'dog', which is none of the student's tokens",
            1,
        ),
        (
            [b'{"choices": [{"logprobs": {"tokens": ["token_id:102"], "top_logprobs": [{"a": -1}]}}]}'],
            {},
            "names the token 'token_id:102'",
            1,
        ),
    ],
)
def test_one_clear_error(
    server: Server, asking: Asking, troubles: list[Any], options: dict[str, Any], words: str, requests: int
) -> None:
    asking.episodes, asking.completions = asking.episodes[:1], [asking.completions[0][:1]]
    server.troubles = troubles
    with pytest.raises(DistilError, match=words) as caught:
        asking.other(endpoint=replace(asking.expert.endpoint, **options))()
    assert KEY not in str(caught.value)
    assert len(server.requests) == requests


def test_a_key_that_is_refused_is_not_told(server: Server, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "sk-wrong")
    with pytest.raises(DistilError, match=r"answered 401: 'Incorrect .* …'; check the key in .* TINY_KEY") as caught:
        asking()
    assert "sk-wrong" not in str(caught.value) + repr(asking.expert)
    for value in ("", " ", "sk\nwrong"):
        monkeypatch.setenv("TINY_KEY", value)
        with pytest.raises(ConfigError, match="names TINY_KEY, which holds no API key: set it") as told:
            asking()
        assert "wrong" not in str(told.value)


def test_nobody_there(server: Server, asking: Asking) -> None:
    server.close()
    server.close = lambda: None  # type: ignore[method-assign]
    with pytest.raises(DistilError, match=r"gave no answer in 3 tries .*check that the server runs"):
        asking()


def test_a_server_that_gives_fewer_than_asked(server: Server, asking: Asking) -> None:
    """Texts that are not unique fall together, say. What is missing must not pass for impossible."""
    server.troubles = [b'{"choices": [{"logprobs": {"tokens": ["a"], "top_logprobs": [{"a": -1}]}}]}']
    with pytest.raises(DistilError, match="gave 1 log-probabilities where 5 were asked for"):
        asking.other(mode="top-logprobs", top_k=5)()


def test_it_reads_the_feedback_where_told_to(server: Server, asking: Asking) -> None:
    reading = asking.other(mode="top-logprobs", top_k=3, reads_feedback=True)
    context = reading.expert.context.ids(asking.models.tokenizer, asking.episodes[0], Feedback(text="Too large."))
    got = reading()
    assert {tuple(each["prompt"][: len(context)]) for each in server.requests} >= {tuple(context)}
    wanted = server.log_p((*context, *asking.completions[0][:2]))[got.ids[0, 2]]
    torch.testing.assert_close(got.log_p[0, 2].double(), wanted, atol=1e-4, rtol=0)
    silent = replace(asking.episodes[0], attempts=[replace(asking.episodes[0].attempt, feedback=None)])
    assert asking.expert.teaches(silent) and not reading.expert.teaches(silent)
    assert asking.expert.templates() == () and reading.expert.templates() == (reading.expert.context,)


@pytest.mark.parametrize("mode", ["samples", "top-logprobs"])
def test_nothing_is_asked_where_a_tool_spoke(server: Server, asking: Asking, mode: Any) -> None:
    asking.episodes[1].attempt.inserted = ((1, 4),)
    asking.other(mode=mode)()
    prompt = asking.episodes[0].context_ids
    lengths = sorted(len(each["prompt"]) - len(prompt) for each in server.requests)
    assert lengths == ([0, 0, 1, 2, 4] if mode == "samples" else [0, 1, 2, 4])


@pytest.mark.parametrize("mode", ["samples", "top-logprobs"])
def test_nothing_to_ask(server: Server, asking: Asking, mode: Any) -> None:
    asking.episodes, asking.completions = asking.episodes[:1], [()]
    assert asking.other(mode=mode)().ids.shape[:2] == (1, 0)
    asking.episodes, asking.completions = [], []
    assert asking.other(mode=mode)().ids.shape[:2] == (0, 0)
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mode": "words"}, "must be one of samples, top-logprobs, got 'words'"),
        ({"samples": 0}, "expert.samples must be at least 1, got 0"),
        ({"top_k": 0}, "expert.top_k must be at least 1, got 0"),
        ({"positions": 0.0}, r"in \(0, 1\], got 0.0"),
        ({"positions": 0.5, "mode": "top-logprobs"}, "positions=0.5 needs mode='samples'"),
        ({"endpoint": Endpoint()}, "endpoint.url must be such as http://localhost:8000/v1, got ''"),
        ({"endpoint": Endpoint("http://localhost/v1")}, "endpoint.model is empty"),
        ({"endpoint": Endpoint("http://localhost/v1", "m", concurrency=0)}, "concurrency must be at least 1, got 0"),
        ({"endpoint": Endpoint("http://localhost/v1", "m", timeout_s=0)}, "timeout_s must be positive, got 0"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        replace(BlackBoxExpert(endpoint=Endpoint("http://localhost/v1", "m")), **options).validate()
