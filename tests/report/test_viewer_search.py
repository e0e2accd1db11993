"""The report in headless Chromium: filters, search, keys and views."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.report.browsing import count, enter, numbers, showing
from tests.report.conftest import Rows, rows


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
