"""Token distributions: what they hold, saving and loading, and what cannot be computed from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK, logits, widened
from feedback.saved import load_distribution

B, T, H, V = 2, 3, 4, 13
MODES: list[Any] = ["tail", "renormalise", "truncate"]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact() -> Hidden:
    return Hidden(normal(B, T, H), normal(V, H, seed=1))


def dense(hidden: Hidden) -> Tensor:
    return torch.softmax(hidden.states @ hidden.weight.T, -1)


def flat(distribution: Any) -> Any:
    return distribution.rows(torch.ones(B, T, dtype=torch.bool))


def test_top_k_keeps_the_largest_and_the_mass_of_the_rest() -> None:
    hidden = exact()
    p = dense(hidden)
    for chunk in (1, 4, 128):
        kept = hidden.top_k(3, chunk=chunk)
        largest, ids = p.topk(3)
        assert torch.equal(kept.ids, ids)
        assert torch.allclose(kept.log_p.exp(), largest)
        assert torch.allclose(kept.kept_mass, largest.sum(-1))
        assert torch.allclose(kept.log_tail.exp(), 1 - largest.sum(-1))
        assert kept.mode == "tail"
    everything = hidden.top_k(V)
    assert bool((everything.log_tail == -torch.inf).all())


@pytest.mark.parametrize("k", [0, V + 1])
def test_an_impossible_k(k: int) -> None:
    with pytest.raises(ConfigError, match=f"between 1 and the vocabulary size {V}, got {k}"):
        exact().top_k(k)


def test_an_unknown_mode() -> None:
    with pytest.raises(ConfigError, match="must be one of tail, renormalise, truncate, got 'head'"):
        exact().top_k(2, mode="head")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_values_are_those_of_the_definition(mode: Any) -> None:
    """On a uniform teacher and student the three readings are known in closed form (method.md: 6.9 nats become .14)."""
    size, k = 1000, 20
    uniform = Hidden(torch.zeros(1, 1, H), torch.zeros(size, H)).top_k(k, mode=mode).rows(torch.ones(1, 1).bool())
    log_q = torch.full((1, size), 1 / size).log()
    nats = float(torch.tensor(float(size)).log())
    expected = {"tail": 0.0, "renormalise": nats, "truncate": nats * k / size}
    share = k / size
    bucket = share * nats - (1 - share) * float(torch.tensor(1 - share).log())
    expected["tail"] = bucket
    assert float(uniform.cross_entropy(log_q)) == pytest.approx(expected[mode], rel=1e-5)
    own = {"tail": bucket, "renormalise": float(torch.tensor(float(k)).log()), "truncate": expected["truncate"]}
    assert float(uniform.entropy(log_q)) == pytest.approx(own[mode], rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_log_prob_is_that_of_the_target(mode: Any) -> None:
    hidden = exact()
    p, log_q = dense(hidden).view(-1, V), torch.log_softmax(normal(B * T, V, seed=2), -1)
    kept = flat(hidden.top_k(3, mode=mode))
    total = torch.zeros(B * T, dtype=torch.float64)
    for token in range(V):
        ids = torch.full((B * T,), token)
        got = kept.log_prob(ids, log_q).exp()
        total += got
        inside = (kept.ids == token).any(-1)
        scale = 1 / kept.kept_mass if mode == "renormalise" else torch.ones(B * T)
        assert torch.allclose(got[inside], (p[:, token] * scale)[inside])
        assert torch.allclose(flat(hidden).log_prob(ids, log_q).exp(), p[:, token])
    mass = kept.kept_mass if mode == "truncate" else torch.ones(B * T, dtype=torch.float64)
    assert torch.allclose(total, mass)


def test_rows_and_chunks_are_row_major() -> None:
    mask = torch.tensor([[True, False, True], [False, True, True]])
    hidden = exact()
    for distribution in (hidden, hidden.top_k(2), Samples(torch.arange(12).view(B, T, 2), normal(B, T, 2).abs())):
        rows = distribution.rows(mask)
        for name in distribution.PER_POSITION:
            assert torch.equal(getattr(rows, name), getattr(distribution, name)[mask])
            assert torch.equal(getattr(rows.chunk(1, 3), name), getattr(distribution, name)[mask][1:3])


def test_positions_are_placed_in_order() -> None:
    """Three rows of a scorer become stretches of two rows of a batch; nothing else is read, nor is it NaN."""
    source = torch.tensor([[True, True, False], [True, True, True], [True, False, False]])
    target = torch.tensor([[False, True, True, False, True, True, True], [True] + [False] * 6])
    scored = Hidden(normal(3, 3, H), normal(V, H))
    scored.states[~source] = torch.nan
    for distribution in (scored, scored.top_k(2), Samples(torch.arange(18).view(3, 3, 2), normal(3, 3, 2).abs())):
        placed = distribution.placed(source, target)
        for name in distribution.PER_POSITION:
            moved, before = getattr(placed, name), getattr(distribution, name)
            assert moved.shape == (2, 7, *before.shape[2:]) and moved.dtype == before.dtype
            assert torch.equal(moved[0, 1:3], before[0, :2])
            assert torch.equal(moved[0, 4:], before[1])
            assert torch.equal(moved[1, 0], before[2, 0])
            assert not moved[~target].any()
        assert distribution.placed(source, source) is distribution


def test_hidden_rows_work_in_float32_at_least() -> None:
    half = Hidden(normal(B, T, H).bfloat16(), normal(V, H).bfloat16())
    rows = flat(half)
    assert rows.weight.dtype == torch.float32
    assert torch.equal(rows.log_p(), half.log_p().view(-1, V))
    assert half.log_p().dtype == torch.float32
    assert widened(half.weight.double()).dtype == torch.float64
    mixed = logits(half.states.float(), half.weight.double())
    assert mixed.dtype == torch.float64
    assert torch.equal(mixed, half.states.double() @ half.weight.double().T)


@pytest.mark.parametrize("mode", MODES)
def test_top_k_comes_back_as_it_was(tmp_path: Path, mode: Any) -> None:
    kept = exact().top_k(3, mode=mode)
    kept.log_p[0, 0, 2] = -torch.inf
    kept.save(tmp_path / "expert.safetensors")
    loaded = load_distribution(tmp_path / "expert.safetensors")
    assert isinstance(loaded, TopK) and loaded.mode == mode
    for name in TopK.PER_POSITION:
        assert torch.equal(getattr(loaded, name), getattr(kept, name))
        assert getattr(loaded, name).dtype == getattr(kept, name).dtype


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    samples = Samples(torch.arange(B * T * 2).view(B, T, 2), torch.full((B, T, 2), 0.5))
    samples.save(tmp_path / "expert.safetensors")
    loaded = load_distribution(tmp_path / "expert.safetensors")
    assert isinstance(loaded, Samples)
    assert torch.equal(loaded.ids, samples.ids) and torch.equal(loaded.weights, samples.weights)


def test_hidden_states_are_saved_as_their_top_k(tmp_path: Path) -> None:
    hidden = exact()
    for k, expected in ((4, 4), (100, V)):
        hidden.save(tmp_path / "expert.safetensors", k=k)
        loaded = load_distribution(tmp_path / "expert.safetensors")
        assert isinstance(loaded, TopK) and loaded.ids.shape == (B, T, expected)
        assert torch.equal(loaded.log_p, hidden.top_k(expected).log_p)


def test_samples_give_a_cross_entropy_and_nothing_more() -> None:
    log_q = torch.log_softmax(normal(B * T, V), -1)
    samples = flat(Samples(torch.zeros(B, T, 1, dtype=torch.long), torch.ones(B, T, 1)))
    assert torch.allclose(samples.cross_entropy(log_q), -log_q[:, 0])
    with pytest.raises(ConfigError, match=r"entropy cannot be computed from samples.*cost='ce'"):
        samples.entropy(log_q)
    with pytest.raises(ConfigError, match="probability of a token cannot be computed from samples"):
        samples.log_prob(samples.ids[:, 0], log_q)


def test_the_cross_entropy_of_samples_is_unbiased() -> None:
    """Averaged over every token with the expert's probability, value and gradient are the exact ones."""
    hidden = flat(exact())
    p, log_q = hidden.log_p().exp(), torch.log_softmax(normal(B * T, V, seed=2), -1)
    value, gradient = torch.zeros(B * T, dtype=torch.float64), torch.zeros(B * T, V, dtype=torch.float64)
    for token in range(V):
        drawn = Samples(torch.full((B * T, 1), token), torch.ones(B * T, 1, dtype=torch.float64))
        value += p[:, token] * drawn.cross_entropy(log_q)
        gradient += p[:, token, None] * drawn.logit_gradient(log_q)
    assert torch.allclose(value, hidden.cross_entropy(log_q))
    assert torch.allclose(gradient, hidden.logit_gradient(log_q))


def test_a_broken_teacher_shows() -> None:
    """NaN is never read as probability zero."""
    hidden = exact()
    hidden.states[0, 1] = torch.nan
    log_q = torch.log_softmax(normal(B * T, V), -1)
    for distribution in (flat(hidden), flat(hidden.top_k(3))):
        for value in (distribution.cross_entropy(log_q), distribution.entropy(log_q)):
            assert value.isnan().tolist() == [False, True, False, False, False, False]


def _write(path: Path, meta: dict[str, str] | None, *names: str) -> None:
    from safetensors.torch import save_file

    save_file({name: torch.zeros(1) for name in names}, str(path), metadata=meta)


def _cut_short(path: Path) -> None:
    exact().top_k(2).save(path)
    path.write_bytes(path.read_bytes()[:-9])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda path: None, "is not a saved token distribution"),
    "garbage": (lambda path: path.write_bytes(b"\x00garbage" * 9), "is not a saved token distribution"),
    "empty": (lambda path: path.write_bytes(b""), "is not a saved token distribution"),
    "cut short": (
        _cut_short,
        "is not a saved token distribution",
    ),
    "a folder": (lambda path: path.mkdir(), "is not a saved token distribution"),
    "another's": (lambda path: _write(path, None, "x"), "format version None, this program reads 1"),
    "later": (lambda path: _write(path, {"version": "2", "kind": "TopK"}, "x"), "format version '2'"),
    "unknown kind": (lambda path: _write(path, {"version": "1", "kind": "Hidden"}, "states"), "holds 'Hidden'"),
    "no kind": (lambda path: _write(path, {"version": "1"}, "ids"), "holds None"),
    "a tensor missing": (lambda path: _write(path, {"version": "1", "kind": "TopK"}, "ids"), "expected one of TopK"),
    "no mode": (
        lambda path: _write(path, {"version": "1", "kind": "TopK"}, "ids", "log_p", "log_tail"),
        "mode must be one of",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    make, match = BROKEN[name]
    make(tmp_path / "expert.safetensors")
    with pytest.raises(ConfigError, match=match):
        load_distribution(tmp_path / "expert.safetensors")
