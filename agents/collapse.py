"""`CollapseWatch`: tells when a run shows one of the ways in which training on feedback is known to collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Row = Mapping[str, float]


@dataclass
class CollapseWatch:
    """Compares the latest steps with the first ones. Every warning is given once a run."""

    window: int = 5
    """Steps that a figure is averaged over."""
    _rows: list[Row] = field(default_factory=list, init=False, repr=False)
    _told: set[str] = field(default_factory=set, init=False, repr=False)

    def look(self, row: Row) -> list[str]:
        """Take in the figures of the next step; returns what has to be told now."""
        self._rows.append(row)
        if len(self._rows) == 1 and row.get("corrected", 1.0) == 0:
            return [
                "no feedback of this step held a correction, so the learner had none to fit: take a provider that "
                "gives them, such as --feedback answer or solution"
            ]
        if len(self._rows) < 2 * self.window:
            return []
        first, last = (_Means(rows) for rows in (self._rows[: self.window], self._rows[-self.window :]))
        found = []
        for rule in _RULES:
            for warning in rule(first, last):
                if rule.__name__ not in self._told:
                    self._told.add(rule.__name__)
                    found.append(warning)
        if len(self._rows) > 2 * self.window:
            del self._rows[self.window]  # between the first and the latest
        return found


class _Means:
    """Means of figures over steps; NaN, which compares as false, for what none of them has."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = [row for row in rows if row.get("lessons", 1.0) > 0]  # elsewhere learners had nothing to measure
        self.all = rows

    def __getattr__(self, name: str) -> float:
        values = [row[name] for row in self._rows if name in row]
        return sum(values) / len(values) if values else float("nan")


def _nothing_learned(first: _Means, last: _Means) -> Iterator[str]:
    if all(row.get("lessons", 1.0) == 0 for row in last.all):
        yield (
            f"nothing was learned from in the last {len(last.all)} steps: no rollout had what the learner needs "
            "(feedback, a correction, a success, or rewards that differ within a group); see with_feedback, success "
            "and lessons in metrics.jsonl"
        )


def _short(first: _Means, last: _Means) -> Iterator[str]:
    if last.length < first.length / 3 and last.success <= first.success:
        yield (
            f"responses shrink, from {first.length:.0f} to {last.length:.1f} tokens, and success does not rise: costs "
            "summed over a response pay for ending it early; lower the learning rate, or with DistIL lower "
            "future_weight, or use cost=kl or length_normalise"
        )


def _unreadable(first: _Means, last: _Means) -> Iterator[str]:
    if last.format < 0.5 * first.format:
        yield (
            f"readable answers fall from {first.format:.2f} to {last.format:.2f} of the attempts: the policy loses the "
            "format of an answer; lower the learning rate, or train adapters (policy.lora_rank)"
        )


def _sure(first: _Means, last: _Means) -> Iterator[str]:
    if last.entropy < 0.1 * first.entropy and last.success < 0.5:
        yield (
            f"the policy's entropy falls from {first.entropy:.2f} to {last.entropy:.3f} nats at a success of "
            f"{last.success:.2f}: it is sure of wrong answers and explores no more; lower the learning rate, or use a "
            "forward cross-entropy (CE, DistIL)"
        )


def _diffuse(first: _Means, last: _Means) -> Iterator[str]:
    if last.entropy > max(3 * first.entropy, 1.0) and last.success <= first.success:
        yield (
            f"the policy's entropy rises from {first.entropy:.2f} to {last.entropy:.2f} nats and success does not: it "
            "learns from a teacher that is lost, as small ones are after a wrong token; try divergence_weight, or a "
            "frozen teacher"
        )


def _alike(first: _Means, last: _Means) -> Iterator[str]:
    if last.copied > 0.9 and last.copied > first.copied and last.success < 0.5:
        yield (
            f"{last.copied:.0%} of the attempts repeat an earlier one at the same task, at a success of "
            f"{last.success:.2f}: groups have little left to compare; lower the learning rate, or draw other tasks "
            "(curriculum.kind=success)"
        )


def _alone(first: _Means, last: _Means) -> Iterator[str]:
    if last.with_baseline < 0.3:
        yield (
            f"only {last.with_baseline:.0%} of the tokens have a baseline, and the future term of the others varies "
            "widely: rollouts whose feedback was made from each other are left out of it; raise group_size, or lower "
            "future_weight"
        )


def _forgotten(first: _Means, last: _Means) -> Iterator[str]:
    if last.success < 0.5 * first.success and first.success > 0.1:
        yield (
            f"success falls from {first.success:.2f} to {last.success:.2f}: the policy unlearns what it could do; "
            "lower the learning rate, and look at what the teacher reads (distil envs play shows the feedback)"
        )


_RULES: tuple[Callable[[_Means, _Means], Iterator[str]], ...] = (
    _nothing_learned, _short, _unreadable, _sure, _diffuse, _alike, _alone, _forgotten,
)  # fmt: skip
