"""Every kind of page in Chromium: for all to read (WCAG 2.2 AA), by keyboard, narrow, and without the net."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NAMES = [
    "simulated html.sv",
    "simulated html.en",
    "simulated index.sv",
    "simulated index.en",
    "real html.sv",
    "cut-off html.sv",
    "plan html.sv",
]
NOT_ON_PAPER = {"link-in-text-block", "target-size"}
"""Rules about what one follows or touches: paper has no links."""
PHONE, DESKTOP = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
SPACING = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }"""
"""WCAG 1.4.12: what a reader may set without losing content."""

type Open = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """Opens a page by name, and at the end holds that it asked the net for nothing and said nothing."""
    asked: list[str] = []
    said: list[str] = []
    contexts = []

    def opened(name: str, size: dict[str, int] = DESKTOP, *, scheme: str = "light") -> Page:
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(pages[name].as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
    assert len([url for url in asked if url.startswith("file://")]) == len(contexts)
    assert said == []


def violations(page: Page) -> list[str]:
    """What axe-core finds: the rule and the first places. Evaluated, since the page lets no script in."""
    page.evaluate(AXE)
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found: Any = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{item['id']}: {[node['html'][:120] for node in item['nodes'][:3]]}" for item in found["violations"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_on_any_page(show: Open, name: str) -> None:
    assert violations(show(name)) == []


@pytest.mark.parametrize("name", ["simulated html.sv", "simulated index.sv", "real html.sv"])
def test_axe_finds_nothing_on_a_dark_phone(show: Open, name: str) -> None:
    page = show(name, PHONE, scheme="dark")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert violations(page) == []


@pytest.mark.parametrize("name", ["simulated html.sv", "simulated index.sv"])
def test_axe_finds_nothing_on_paper(show: Open, name: str) -> None:
    page = show(name, scheme="dark")
    page.emulate_media(media="print")
    assert [found for found in violations(page) if found.partition(":")[0] not in NOT_ON_PAPER] == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_axe_would_find_something(show: Open) -> None:
    """The examination itself: a page that is broken on purpose is seen to be."""
    page = show("simulated html.sv")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    page.evaluate("document.querySelector('h1').style.color = '#eee'")
    found = " ".join(violations(page))
    assert "html-has-lang" in found
    assert "color-contrast" in found


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wider_than_a_phone(show: Open, name: str) -> None:
    page = show(name, PHONE)
    assert _too_wide(page) == []
    page.add_style_tag(content=SPACING)
    assert _too_wide(page) == []


def _too_wide(page: Page) -> list[str]:
    """What stands out to the right, or makes the page scroll sideways."""
    wide: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
             .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
             .map(element => element.tagName + ' ' + element.textContent.slice(0, 60)).slice(0, 5)"""
    )
    width = page.evaluate("document.documentElement.scrollWidth")
    return wide if width <= PHONE["width"] else [*wide, f"the page is {width} px"]


@pytest.mark.parametrize(
    ("name", "size"),
    [("simulated html.sv", DESKTOP), ("simulated html.sv", PHONE), ("simulated index.sv", DESKTOP)],
)
def test_the_keyboard_reaches_everything_in_order_and_one_sees_where(
    show: Open, name: str, size: dict[str, int]
) -> None:
    page = show(name, size)
    wanted = page.locator("a[href], [tabindex='0'], summary").count()
    steps = [_step(page) for _ in range(wanted)]
    assert steps[0]["href"] == "#main"
    assert [step["order"] for step in steps] == list(range(wanted)), "focus skips or goes back"
    assert [step["text"] for step in steps if not step["seen"]] == [], "focus cannot be seen"


def _step(page: Page) -> dict[str, Any]:
    """Press Tab and tell where the focus is, and whether it shows and lies within the window."""
    page.keyboard.press("Tab")
    step: dict[str, Any] = page.evaluate(
        """() => {
          const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
          const all = [...document.querySelectorAll("a[href], [tabindex='0'], summary")];
          const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
          const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
          return {order: all.indexOf(at), href: at.getAttribute('href'), text: at.textContent.slice(0, 60),
                  seen: ring && inside && box.width > 0};
        }"""
    )
    return step


def test_the_skip_link_leads_past_the_heading(show: Open) -> None:
    page = show("simulated html.sv")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_moves_or_covers_and_no_script_is_there(show: Open, name: str) -> None:
    page = show(name)
    assert page.locator("script, iframe, object, embed, form, input, button").count() == 0
    covering = """() => [...document.querySelectorAll('body *')]
        .filter(element => ['fixed', 'sticky'].includes(getComputedStyle(element).position)).length"""
    assert page.evaluate(covering) == 0


def test_a_page_is_printed_on_paper_with_its_marks(show: Open, tmp_path: Path) -> None:
    page = show("simulated html.sv")
    page.emulate_media(media="print")
    assert page.locator("header .mark").is_visible()
    assert not page.locator("nav").first.is_visible()
    assert page.locator("code.digest").first.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_the_language_link_leads_to_the_same_page_in_the_other_language(
    show: Open, pages: dict[str, Path]
) -> None:
    link = show("simulated html.sv").locator("a.language")
    assert link.evaluate("link => link.href") == pages["simulated html.en"].as_uri()
    assert link.get_attribute("hreflang") == "en"
