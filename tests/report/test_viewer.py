"""The report in headless Chromium: a reader clicks through it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from agents.report import write_report
from tests.report.conftest import Rows, rows

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as which continuous integration runs.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture
def read(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a report of runs; afterwards the console was silent and nothing but the file was asked for."""
    said: list[str] = []
    asked: list[str] = []
    pages: list[Page] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    def opened(*runs: Path, view: str = "", dark: bool = False) -> Page:
        file = tmp_path / "report.html"
        write_report(runs, file)
        page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="dark" if dark else "light")
        pages.append(page)
        page.set_default_timeout(60_000)  # a busy machine is no failure
        expect.set_options(timeout=60_000)
        page.on("console", console)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{file.as_uri()}{view}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def enter(page: Page) -> None:
    page.click("#tab-episodes")
    expect(page.locator("#episode[data-episode]")).to_be_visible()


def showing(page: Page, place: int) -> None:
    expect(page.locator(f'#episode[data-episode="{place}"]')).to_be_visible()


def numbers(page: Page) -> dict[str, float]:
    found = page.locator("#beside .token dd[data-field]").evaluate_all(
        "all => all.map(e => [e.dataset.field, e.textContent])"
    )
    return {name: float(text) for name, text in found}


def top(page: Page, whose: str) -> list[list[Any]]:
    found = page.locator(f"#beside .{whose} .top").evaluate_all(
        "all => all.map(e => [...e.children].slice(1).map(s => s.textContent))"
    )
    return [[texts[0], float(texts[-1])] for texts in found]


def alone(best: list[list[Any]]) -> list[list[Any]]:
    """As the panel writes tokens alone: with dots for the spaces at their ends (each is one character here)."""
    return [["·" if text == " " else revealed(text), probability] for text, probability in best]


def count(page: Page) -> int:
    return int(page.locator("#count").inner_text().partition(" ")[0].replace(",", ""))


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


def revealed(text: str) -> str:
    """The text as the viewer writes it: with a sign for whatever cannot be seen."""
    signs = {
        "\x00": "⟨NUL⟩",
        "\x07": "⟨BEL⟩",
        "\x1b": "⟨ESC⟩",
        "\r": "⟨CR⟩",
        "\u202e": "⟨U+202E⟩",
        "\u200b": "⟨U+200B⟩",
        "\n": "↵\n",
    }
    return "".join(signs.get(character, character) for character in text)


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


def test_filters_find_what_the_log_holds(read: Callable[..., Page], run: Path) -> None:
    logged, answers = rows(run, "episodes.jsonl"), [
        (row, task) for row in rows(run, "evaluations.jsonl") for task in row["per_task"]
    ]  # fmt: skip
    page = read(run)
    enter(page)
    expect(page.locator("#count")).to_contain_text("of")
    assert count(page) == len(logged) + len(answers)
    assert page.locator("#rows .row").count() < 60 < count(page), "only the rows in view exist"
    page.select_option("#source", "training")
    assert count(page) == len(logged)
    right = sum(row["attempts"][-1]["outcome"]["status"] == "correct" for row in logged)
    page.locator("#statuses button", has_text="correct").click()
    assert count(page) == right
    page.locator("#statuses button", has_text="correct").click()
    page.fill("#from", "2")
    page.fill("#to", "3")
    assert count(page) == sum(2 <= row["step"] <= 3 for row in logged)
    page.fill("#from", "")
    page.fill("#to", "")
    page.check("#recorded")
    assert count(page) == sum("tokens" in row for row in logged)
    page.uncheck("#recorded")
    wanted = logged[5]["task"]["prompt"]
    page.fill("#search", wanted)
    found = sum(
        wanted in row["task"]["prompt"]
        or any(wanted in text for a in row["attempts"] for text in (a["text"], a["feedback"]["text"]))
        for row in logged
    )
    expect(page.locator("#count")).to_have_text(f"{found} of {len(logged) + len(answers)} episodes")
    page.fill("#search", "")
    page.select_option("#source", "held-out")
    page.select_option("#change", "1")
    ends: dict[str, list[bool]] = {}
    for row, task in answers:
        if row["set"] == "held-out":
            ends.setdefault(task["task"], []).append(task["correct"])
    better = [values for values in ends.values() if values[-1] > values[0]]
    assert better
    expect(page.locator("#count")).to_have_text(f"{sum(map(len, better))} of {len(logged) + len(answers)} episodes")
    page.fill("#search", "no text says this")
    expect(page.locator("#rows .row")).to_have_count(0)


def test_a_search_opens_every_block_once_however_fast_it_is_typed(read: Callable[..., Page], run: Path) -> None:
    page = read(run)
    enter(page)
    blocks = page.locator('[id^="words-"]').count()
    assert blocks > 3
    opened = page.evaluate("""async () => {
        let opened = 0;
        const Real = DecompressionStream, search = document.getElementById("search");
        window.DecompressionStream = class extends Real { constructor(kind) { super(kind); opened++; } };
        for (const text of ["1", "12", "123", ""]) {
            search.value = text;
            search.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise(done => setTimeout(done, 0));
        }
        for (let waits = 0; waits < 20; waits++) await new Promise(done => setTimeout(done, 25));
        return opened;
    }""")
    assert opened == blocks
    whole = len(rows(run, "episodes.jsonl")) + sum(len(row["per_task"]) for row in rows(run, "evaluations.jsonl"))
    expect(page.locator("#count")).to_have_text(f"{whole} of {whole} episodes")


def test_a_number_of_any_length_stands_on_one_line_in_the_panel(
    read: Callable[..., Page], altered: Callable[..., Path]
) -> None:
    def long(found: Rows) -> Rows:
        for row in found:
            row["logprobs"] = [-1.2345678901234567e-05 for _ in row["logprobs"]]
            if "tokens" in row:
                row["tokens"]["credit"] = [-0.12345678901234567 for _ in row["tokens"]["credit"]]
        return found

    page = read(altered("episodes.jsonl", long), view="#episode-0")
    showing(page, 0)
    assert numbers(page)["drawn"] == -1.2345678901234567e-05
    shapes = page.locator("#beside .token dd[data-field]").evaluate_all(
        """all => all.map(e => [
            e.offsetHeight / parseFloat(getComputedStyle(e).lineHeight), e.scrollWidth - e.clientWidth
        ])"""
    )
    assert all(lines < 1.5 and beyond <= 0 for lines, beyond in shapes), shapes


def test_keys_lead_through_the_viewer(read: Callable[..., Page], run: Path) -> None:
    page = read(run)
    page.keyboard.press("e")
    showing(page, 0)
    page.keyboard.press("j")
    showing(page, 1)
    page.keyboard.press("ArrowDown")
    showing(page, 2)
    page.keyboard.press("k")
    showing(page, 1)
    expect(page.locator('#rows .row[aria-selected="true"]')).to_have_attribute("data-episode", "1")
    for key, mode in (("2", "credit"), ("3", "entropy"), ("0", "none"), ("1", "cost")):
        page.keyboard.press(key)
        expect(page.locator('.tools [aria-pressed="true"]')).to_have_attribute("data-mode", mode)
    page.keyboard.press("g")
    expect(page.locator("#episode .card")).to_have_count(4)
    page.locator("#episode .card").last.click()
    showing(page, 3)
    page.keyboard.press("[")
    showing(page, 2)
    page.locator("#episode .tok").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#episode .tok").nth(1)).to_be_focused()
    expect(page.locator(".token")).to_have_attribute("data-place", "1")
    assert "log-probability" in str(page.locator("#episode .tok").nth(1).get_attribute("aria-label"))
    page.keyboard.press("/")
    page.keyboard.type("j?g")
    showing(page, 2)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("o")
    expect(page.locator("#overview")).to_be_visible()


def test_shading_follows_the_chosen_number(read: Callable[..., Page], run: Path) -> None:
    tokens = rows(run, "episodes.jsonl")[0]["tokens"]
    page = read(run, view="#episode-0")
    showing(page, 0)
    for key, mode in (("1", "cost"), ("2", "credit"), ("3", "entropy")):
        page.keyboard.press(key)
        heat = page.locator("#episode .tok").evaluate_all(
            "all => all.map(e => parseInt(e.style.getPropertyValue('--heat')))"
        )
        sizes = [abs(value) for value in tokens[mode]]
        assert heat[sizes.index(max(sizes))] == max(heat) > 0
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        assert [heat[at] for at in order] == sorted(heat)
        hues = page.locator("#episode .tok").evaluate_all("all => all.map(e => e.style.getPropertyValue('--hue'))")
        if mode == "credit":
            assert hues == ["var(--down)" if value < 0 else "var(--up)" for value in tokens["credit"]]


def test_the_overview_is_readable_in_dark_and_light(read: Callable[..., Page], bench: Path) -> None:
    page = read(bench, dark=True)
    assert page.locator("figure svg").count() >= 7
    table = page.locator(".summary").inner_text()
    assert "DistIL" in table and "GRPO" in table
    colours = """() => [document.body, document.querySelector("figure svg text")]
        .map((element, place) => getComputedStyle(element)[place ? "fill" : "backgroundColor"])
        .map(colour => colour.match(/\\d+/g).slice(0, 3).map(Number))"""
    dark = page.evaluate(colours)
    page.keyboard.press("t")
    light = page.evaluate(colours)
    for (ground, ink), darker in ((dark, True), (light, False)):
        assert abs(sum(ground) - sum(ink)) > 3 * 120
        assert (sum(ground) < sum(ink)) == darker


def test_a_report_without_episodes_has_an_overview(read: Callable[..., Page], run: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for log in ("config.yaml", "metrics.jsonl"):
        shutil.copy(run / log, tmp_path / "run")
    page = read(tmp_path / "run")
    expect(page.locator("#tab-episodes")).to_be_disabled()
    expect(page.locator(".problems")).to_contain_text("no episodes.jsonl")


def test_an_older_log_without_tokens_shows_plain_text(read: Callable[..., Page], altered: Callable[..., Path]) -> None:
    def older(found: Rows) -> Rows:
        return [{name: row[name] for name in row if name not in ("tokens", "logprobs")} for row in found]

    folder = altered("episodes.jsonl", older)
    page = read(folder, view="#episode-0")
    showing(page, 0)
    expect(page.locator("#episode")).to_contain_text("tokens were not recorded")
    text = rows(folder, "episodes.jsonl")[0]["attempts"][0]["text"]
    expect(page.locator("#episode .block .words").last).to_have_text(text)
