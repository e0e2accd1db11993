"""In headless Chromium, text stays text whatever it contains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.report.browsing import enter, revealed, showing
from tests.report.conftest import Rows, rows

PAYLOAD = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "\x00\x07\x1b[31m\r\u202egnp.exe\u200b<b>&amp;{{ 7*7 }}\n\U0001f600 end"
)


def hostile(value: Any) -> Any:
    """Every string of it replaced, and those that name something kept apart."""
    if isinstance(value, str):
        return f"{PAYLOAD} {value}"
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return {hostile(key): hostile(item) for key, item in value.items()} if isinstance(value, dict) else value


def poison(found: Rows) -> Rows:
    for row in found[:8]:
        row["task"]["prompt"], row["task"]["id"] = hostile(row["task"]["prompt"]), hostile(row["task"]["id"])
        row["task"]["reference"] = hostile(row["task"]["reference"])
        row["rollout_id"] = hostile(row["rollout_id"])
        for attempt in row["attempts"]:
            attempt["text"], attempt["reply"] = PAYLOAD, PAYLOAD
            attempt["outcome"]["answer"], attempt["outcome"]["status"] = PAYLOAD, PAYLOAD
            attempt["feedback"] |= {
                "text": PAYLOAD,
                "correction": PAYLOAD,
                "source": PAYLOAD,
                "spans": [[3, 40], [0, 10**6]],
            }
            attempt["outcome"]["trace"]["events"] = [
                {"kind": PAYLOAD, "name": PAYLOAD, "passed": False, "span": [1, 5], "evidence": {PAYLOAD: PAYLOAD}},
                {
                    "kind": "raised",
                    "type": PAYLOAD,
                    "frames": [{"function": PAYLOAD, "line": 1, "code": PAYLOAD, "locals": {PAYLOAD: PAYLOAD}}],
                },
            ]
        if "tokens" in row:
            row["tokens"]["text"] = [PAYLOAD for _ in row["tokens"]["text"]]
            for whose in ("student", "expert"):
                row["tokens"][whose] = [[[PAYLOAD, p] for _, p in best] for best in row["tokens"][whose]]
    return found


def poisoned_answers(found: Rows) -> Rows:
    for row in found:
        row["set"] = PAYLOAD
        row["per_task"] = [{name: hostile(value) for name, value in task.items()} for task in row["per_task"]]
    return found


def test_text_stays_text_whatever_it_contains(read: Callable[..., Page], altered: Callable[..., Path]) -> None:
    folder = altered("episodes.jsonl", poison)
    altered("evaluations.jsonl", poisoned_answers)
    page = read(folder)
    enter(page)
    plain = next(place for place, row in enumerate(rows(folder, "episodes.jsonl")) if "tokens" not in row)
    for place in (0, plain, len(rows(folder, "episodes.jsonl"))):
        page.evaluate(f"location.hash = 'episode-{place}'")
        page.reload()
        showing(page, place)
        for _ in range(2):
            page.keyboard.press("g")  # the group, and back
            expect(page.locator("#episode .card").first if _ == 0 else page.locator("#episode .prompt")).to_be_visible()
        assert page.locator("#episodes").locator("script, img, b b, svg, iframe, style").count() == 0
    page.evaluate("location.hash = 'episode-0'")
    page.reload()
    showing(page, 0)
    assert page.locator("#episode .tok").first.text_content() == revealed(PAYLOAD)
    assert page.locator("#beside .said-by .words").first.text_content() == revealed(PAYLOAD)
    assert page.locator(".student .top > span").first.text_content() == revealed(PAYLOAD)
    assert page.locator("#task-id").text_content() == revealed(rows(folder, "episodes.jsonl")[0]["task"]["id"])
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.title") == folder.name
