"""What a reader of the viewer does and sees."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


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
