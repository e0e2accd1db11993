"""The report in headless Chromium: a reader clicks through it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.report.browsing import alone, enter, numbers, showing, top
from tests.report.conftest import rows


@pytest.mark.parametrize("which", ["run", "turns"])
def test_every_number_of_a_token_is_the_stored_one(
    read: Callable[..., Page], which: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(which)
    logged = rows(folder, "episodes.jsonl")
    recorded = [place for place, row in enumerate(logged) if "tokens" in row]
    assert len(recorded) >= 8
    page = read(folder)
    enter(page)
    for place in (recorded[0], max(recorded, key=lambda place: len(logged[place]["attempts"]))):
        page.evaluate(f"location.hash = 'episode-{place}'")
        page.reload()
        showing(page, place)
        row = logged[place]
        tokens, drawn = row["tokens"], iter(row["logprobs"])
        learned = [at for at, flag in enumerate(tokens["learned"]) if flag]
        assert page.locator("#episode .tok").evaluate_all("all => all.map(e => Number(e.dataset.place))") == learned
        for at in learned:
            page.locator(f'#episode .tok[data-place="{at}"]').hover()
            expect(page.locator(".token")).to_have_attribute("data-place", str(at))
            stored = {name: tokens[name][at] for name in ("logp", "entropy", "cost", "weight", "credit")}
            assert numbers(page) == {**stored, "drawn": next(drawn)}
            assert top(page, "student") == alone(tokens["student"][at])
            assert top(page, "expert") == alone(tokens["expert"][at])


def test_a_learner_without_expert_says_so(read: Callable[..., Page], bench: Path) -> None:
    page = read(bench / "cells" / "grpo-0")
    enter(page)
    page.locator("#episode .tok").first.hover()
    expect(page.locator(".token .expert")).to_contain_text("this learner has none")


def test_prompt_feedback_and_trace_stand_beside(read: Callable[..., Page], turns: Path) -> None:
    row = max(rows(turns, "episodes.jsonl"), key=lambda row: len(row["attempts"]))
    place = rows(turns, "episodes.jsonl").index(row)
    page = read(turns, view=f"#episode-{place}")
    showing(page, place)
    expect(page.locator(".prompt .words").first).to_have_text(row["task"]["prompt"])
    expect(page.locator(".said-by")).to_have_count(sum(attempt["feedback"] is not None for attempt in row["attempts"]))
    events = sum(len(attempt["outcome"]["trace"]["events"]) for attempt in row["attempts"])
    expect(page.locator("#beside > .event.pass, #beside > .event.fail")).to_have_count(events)
    expect(page.locator("#episode .block header", has_text="reply of the environment")).to_have_count(
        len(row["attempts"]) - 1
    )


def test_what_points_at_the_text_lights_it(read: Callable[..., Page], run: Path) -> None:
    logged = rows(run, "episodes.jsonl")
    events = logged[0]["attempts"][0]["outcome"]["trace"]["events"]
    (span,) = [event["span"] for event in events if event["span"]]
    page = read(run, view="#episode-0")
    showing(page, 0)
    page.locator("#beside .points").first.hover()
    lit = page.locator("#episode .lit").all_inner_texts()
    assert "".join(lit) == logged[0]["attempts"][0]["text"][slice(*span)]
