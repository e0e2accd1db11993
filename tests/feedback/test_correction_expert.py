"""The correction expert against its definition, by brute force: every response that goes on from a prefix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from distil_envs import Attempt, ByteTokenizer, Episode, Task
from distil_envs.errors import ConfigError
from feedback import Feedback
from feedback.distribution import TopK
from feedback.experts.correction import CorrectionExpert
from feedback.experts.expert import Scorer, Source
from feedback.mixed import UniformRest

ALPHABET = "abc"
OTHER = "\0"
"""Stands for every token that is in no correction here. Its id, 0, is what batches are padded with."""


@dataclass
class Models:
    """What the expert may use. It has no model, and asks for none."""

    tokenizer: Any
    vocabulary: int
    end_id: int
    device: torch.device

    def scorer(self, source: Source) -> Scorer:
        raise AssertionError(f"{source} was asked for")


@pytest.fixture(scope="module")
def models() -> Models:
    tokenizer = ByteTokenizer()
    return Models(tokenizer, len(tokenizer) + 7, tokenizer.eos_token_id, torch.device("cpu"))


def ids_of(models: Models, text: str) -> tuple[int, ...]:
    return tuple(models.tokenizer.encode(text, add_special_tokens=False))


def episode(completion: Sequence[int], correction: str | None, inserted: tuple[tuple[int, int], ...] = ()) -> Episode:
    feedback = Feedback(text="No.", correction=correction)
    return Episode(Task("t", "math", "?"), [Attempt((1,), tuple(completion), "", feedback=feedback, inserted=inserted)])


def whole(expert: CorrectionExpert, models: Models, episodes: Sequence[Episode]) -> UniformRest:
    return expert.distribution(models, episodes, [each.attempt.completion_ids for each in episodes], seed=0, step=0)


def taught(expert: CorrectionExpert, models: Models, episodes: Sequence[Episode]) -> TopK:
    """What is listed."""
    return whole(expert, models, episodes).top


def dense(distribution: TopK, vocabulary: int) -> Tensor:
    """p [B, T, V]: the tail is shared equally, as the class says it may be."""
    K = distribution.ids.shape[-1]
    each = distribution.log_tail.double().exp() / max(vocabulary - K, 1)
    p = each[..., None].repeat(1, 1, vocabulary)
    return p.scatter(-1, distribution.ids, distribution.log_p.double().exp())


@cache
def distance(a: str, b: str) -> int:
    """The definition of Levenshtein's distance, word for word."""
    if not a or not b:
        return len(a) + len(b)
    return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))


@cache
def cost(prefix: str, token: str, correction: str) -> int:
    """d(a): over all responses that go on from the prefix with the token. None is better for being longer."""
    endings = ("".join(each) for n in range(len(correction) + 1) for each in product(ALPHABET, repeat=n))
    return min(distance(prefix + token + ending, correction) for ending in endings)


def by_definition(models: Models, prefix: str, correction: str, temperature: float, floor: float) -> Tensor:
    """p [V]."""
    d = torch.full((models.vocabulary,), cost(prefix, OTHER, correction), dtype=torch.float64)
    for letter in ALPHABET:
        d[ids_of(models, letter)[0]] = cost(prefix, letter, correction)
    d[models.end_id] = distance(prefix, correction)
    excess = d - d.min()
    weight = torch.exp(-excess / temperature) if temperature else (excess == 0).double()
    return (1 - floor) * weight / weight.sum() + floor / models.vocabulary


texts = st.text(ALPHABET + OTHER, max_size=5)
corrections = st.text(ALPHABET, max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(texts, corrections, st.booleans()), min_size=1, max_size=4),
    temperature=st.sampled_from([0.0, 0.3, 2.0]),
    floor=st.sampled_from([0.0, 0.05]),
)
def test_it_is_the_definition(
    models: Models, rows: list[tuple[str, str, bool]], temperature: float, floor: float
) -> None:
    """Ragged batches, of which some rows end."""
    episodes = [
        episode([*ids_of(models, text), *([models.end_id] if ended else [])], correction)
        for text, correction, ended in rows
    ]
    distribution = taught(CorrectionExpert(temperature, floor), models, episodes)
    p = dense(distribution, models.vocabulary)
    assert distribution.ids.shape[:2] == (len(rows), max(len(text) + ended for text, _, ended in rows))
    for row, (text, correction, ended) in enumerate(rows):
        for t in range(len(text) + ended):
            expected = by_definition(models, text[:t], correction, temperature, floor)
            torch.testing.assert_close(p[row, t], expected, atol=1e-7, rtol=1e-5)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(before=texts, result=st.text(ALPHABET + OTHER, min_size=1, max_size=3), after=texts, correction=corrections)
def test_results_of_tools_count_as_absent(
    models: Models, before: str, result: str, after: str, correction: str
) -> None:
    span = (len(before), len(before) + len(result))
    with_result = episode(ids_of(models, before + result + after), correction, inserted=(span,))
    without = episode(ids_of(models, before + after), correction)
    p = dense(taught(CorrectionExpert(), models, [with_result]), models.vocabulary)[0]
    kept = torch.cat([p[: span[0]], p[span[1] :]])
    torch.testing.assert_close(kept, dense(taught(CorrectionExpert(), models, [without]), models.vocabulary)[0])


def test_other_completions_in_the_attempts_place_have_no_results_of_tools(models: Models) -> None:
    subject = episode(ids_of(models, "abz"), "ab", inserted=((0, 2),))
    ids = ids_of(models, "aby")
    got = CorrectionExpert().distribution(models, [subject], [ids], seed=0, step=0).top
    plain = taught(CorrectionExpert(), models, [episode(ids, "ab")])
    assert torch.equal(got.ids, plain.ids) and torch.equal(got.log_p, plain.log_p)


def test_along_the_correction_it_says_the_correction(models: Models) -> None:
    """Optimal completion, no temperature: what comes next is best, all the way, and then the end alone."""
    text = "The answer is 12."
    ids = [*ids_of(models, text), models.end_id]
    p = dense(taught(CorrectionExpert(temperature=0, floor=0), models, [episode(ids, text)]), models.vocabulary)[0]
    assert all(p[t, token] == 1 for t, token in enumerate(ids))


def test_a_wrong_letter_is_not_made_worse(models: Models) -> None:
    """After "1x" for "123": "x" stands for "2" and "3" is best, or it is too much and "2" is. The rest is the floor."""
    p = dense(taught(CorrectionExpert(floor=0.1), models, [episode(ids_of(models, "1x?"), "123")]), models.vocabulary)
    best = [*ids_of(models, "2"), *ids_of(models, "3")]
    share = 0.1 / models.vocabulary
    assert p[0, 2, best].tolist() == pytest.approx([0.45 + share] * 2)
    assert p[0, 2].sum().item() == pytest.approx(1)
    assert p[0, 2, models.end_id].item() == pytest.approx(share)


def test_the_text_of_a_control_token_is_not_the_token(models: Models) -> None:
    """A correction is untrusted: nothing in it ends the response (law 3)."""
    end = models.tokenizer.decode([models.end_id])
    distribution = taught(CorrectionExpert(floor=0), models, [episode([5], f"{end}ab")])
    assert dense(distribution, models.vocabulary)[0, 0, models.end_id] == 0
    assert dense(distribution, models.vocabulary)[0, 0, ids_of(models, end[0])[0]] == 1


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_the_batch_changes_nothing(models: Models, temperature: float) -> None:
    """Cross-entropy and gradient of an episode, alone or beside others for which more tokens are listed."""
    many = "".join(map(chr, range(33, 120)))
    texts = [("ab", "abc"), ("zzzzzz", "the quick brown fox"), ("", "x"), ("abcabcabcabc", "cba"), ("é" * 60, many)]
    episodes = [episode([*ids_of(models, text), models.end_id], wanted) for text, wanted in texts]
    expert = CorrectionExpert(temperature)
    together = whole(expert, models, episodes)
    generator = torch.Generator().manual_seed(0)
    for row, each in enumerate(episodes):
        length = len(each.attempt.completion_ids)
        alone = whole(expert, models, [each]).rows(torch.ones(1, length, dtype=torch.bool))
        mask = torch.zeros(together.top.ids.shape[:2], dtype=torch.bool)
        mask[row, :length] = True
        log_q = torch.randn(length, models.vocabulary, generator=generator).mul(3).log_softmax(-1)
        in_batch = together.rows(mask)
        assert torch.allclose(in_batch.cross_entropy(log_q), alone.cross_entropy(log_q), atol=1e-6)
        assert torch.allclose(in_batch.logit_gradient(log_q), alone.logit_gradient(log_q), atol=1e-7)
        assert torch.equal(in_batch.label(log_q)[0], alone.label(log_q)[0])


def test_ids_are_distinct_and_the_mass_is_one_everywhere(models: Models) -> None:
    """In padding too; also where there are many best tokens."""
    many = "".join(map(chr, range(33, 129)))
    episodes = [episode(ids_of(models, "é" * 40), many), episode([3], ""), episode([3, 4], "a")]
    for temperature in (0.0, 1.0):
        got = taught(CorrectionExpert(temperature), models, episodes)
        assert got.ids.shape[-1] > 32
        assert bool((got.ids[..., 0] == models.end_id).all())  # however far from the correction
        assert (got.ids.sort(-1).values.diff(dim=-1) > 0).all()
        assert bool((got.ids < models.vocabulary).all()) and bool((got.ids >= 0).all())
        assert torch.allclose(got.log_p.exp().sum(-1) + got.log_tail.exp(), torch.ones(3, 80), atol=1e-6)
        assert torch.isfinite(got.log_p).all()


def test_a_vocabulary_smaller_than_what_is_listed() -> None:
    class Letters:
        """Four of them, and an end."""

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return ["abcx".index(letter) for letter in text]

        def get_added_vocab(self) -> dict[str, int]:
            return {}

    got = taught(CorrectionExpert(), Models(Letters(), 5, 4, torch.device("cpu")), [episode([1, 1], "abc")])
    assert torch.allclose(dense(got, 5).sum(-1), torch.ones(1, 2).double())


def test_nothing_to_teach(models: Models) -> None:
    expert = CorrectionExpert()
    assert expert.teaches(episode([1], "a")) and expert.teaches(episode([1], ""))
    assert not expert.teaches(episode([1], None))
    silent = episode([1], "a")
    silent.attempt.feedback = None
    assert not expert.teaches(silent)
    assert expert.sources() == () and expert.needs_feedback()
    assert taught(expert, models, []).ids.shape[:2] == (0, 0)
    assert taught(expert, models, [episode([], "a")]).ids.shape[:2] == (1, 0)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"temperature": -1.0}, r"must be 0 \(the best tokens alone\) or positive, got -1.0"),
        ({"temperature": math.inf}, "got inf"),
        ({"temperature": math.nan}, "got nan"),
        ({"floor": 1.0}, r"in \[0, 1\), got 1.0"),
        ({"floor": -0.1}, r"in \[0, 1\), got -0.1"),
    ],
)
def test_options_that_cannot_work(options: dict[str, float], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        CorrectionExpert(**options).validate()
