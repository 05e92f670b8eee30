"""The page in a real browser: it draws its charts, says nothing on the console, asks for nothing, and can be used."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from warploom.archive.journal import read
from warploom.report.html.story import Story
from warploom.report.html.write import write_page
from warploom.testing.browser import Browser
from warploom.testing.chronicle import Chronicle
from warploom.testing.world import World

HOSTILE = (
    "</style></script><script>document.title='owned'</script><img src=//example.org/x onerror=document.title='owned'>"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a synthetic run of eighty candidates."""
    root = tmp_path_factory.mktemp("report")
    run = World(root).begin(evaluations=80)
    with run:
        run.go()
    return written(root / "run", root / "page.html")


def written(run: Path, page: Path) -> Path:
    with read(run) as journal:
        write_page(Story(journal), page)
    return page


def opened(browser: Browser, page: Path, width: int = 1440) -> None:
    browser.open("about:blank")
    browser.console.clear()
    browser.requests.clear()
    browser.show(width, 900)
    browser.open(page.as_uri())


def quiet(browser: Browser, page: Path) -> None:
    assert browser.console == []
    assert set(browser.requests) <= {page.as_uri(), "data:,"}, "nothing but the page itself is asked for"


@pytest.mark.parametrize("width", [1440, 400])
def test_charts_are_drawn_at_every_width_in_both_schemes(browser: Browser, page: Path, width: int) -> None:
    opened(browser, page, width)
    for scheme, ground, stroke in (
        ("light", "rgb(255, 255, 255)", "rgb(10, 95, 168)"),
        ("dark", "rgb(18, 21, 26)", "rgb(107, 179, 242)"),
    ):
        browser.show(width, 900, scheme)
        assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        assert browser.evaluate("getComputedStyle(document.querySelector('path.climb')).stroke") == stroke
        fits(browser, width)
    quiet(browser, page)


def fits(browser: Browser, width: int) -> None:
    drawn = browser.evaluate(
        "[...document.querySelectorAll('svg.chart')].filter(one => one.getBoundingClientRect().width > 0)"
        ".map(one => [one.closest('figure').id, one.getBoundingClientRect().width, one.childElementCount])"
    )
    names = [name for name, _, _ in drawn]
    assert {"speedup", "speedup-closer", "family-tree", "grid-island-0", "paid-operators", "time"} <= set(names)
    assert len(names) == len(set(names)), "one drawing of each figure is shown, not both"
    assert all(320 <= wide <= width and parts > 3 for _, wide, parts in drawn)
    shrunk = browser.evaluate(
        "Math.min(...[...document.querySelectorAll('svg.chart')].map(one => one.getBoundingClientRect().width"
        " / one.viewBox.baseVal.width).filter(share => share > 0))"
    )
    assert shrunk > 0.9, "words of charts keep their size"
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out sideways"
    outside = browser.evaluate(
        "[...document.querySelectorAll('svg.chart text')].filter(one => one.getBoundingClientRect().width > 0)"
        ".filter(one => { const own = one.getBoundingClientRect(), all = one.closest('svg').getBoundingClientRect();"
        " return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1 })"
        ".map(one => one.closest('figure').id + ': ' + one.textContent)"
    )
    assert outside == [], "no words are cut off at an edge"


def test_hostile_words_do_nothing_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run", title=HOSTILE) as run:
        seed = run.judged(0.0)
        best = run.judged(math.log(2), parent=seed, operator=HOSTILE, note=HOSTILE, source=f"// {HOSTILE}\n")
        run.judged(None, parent=seed, failure=("verify", "crash", HOSTILE))
        run.promoted(best, math.log(2))
    page = written(tmp_path / "run", tmp_path / "page.html")
    opened(browser, page)
    assert browser.evaluate("document.title") == "twice · Warploom report"
    assert browser.evaluate("document.querySelectorAll('script, img').length") == 0
    assert "onerror=document.title" in browser.evaluate("document.querySelector('h1').innerText")
    quiet(browser, page)


def test_the_policy_of_the_page_stops_what_would_get_into_it(browser: Browser, page: Path) -> None:
    opened(browser, page)
    browser.evaluate("document.body.insertAdjacentHTML('beforeend', '<img id=x src=https://example.org/x.png>')")
    browser.evaluate(
        "(() => { const one = document.createElement('script'); one.textContent = 'document.title=\"owned\"';"
        " document.body.append(one) })()"
    )
    refused = browser.evaluate("fetch('https://example.org/').then(() => 'went', () => 'refused')")
    assert refused == "refused"
    assert browser.evaluate("document.title") != "owned"
    assert len([text for level, text in browser.console if "Content Security Policy" in text]) >= 3


def test_the_page_can_be_used_with_the_keyboard_alone(browser: Browser, page: Path) -> None:
    opened(browser, page)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        browser.press("Tab")
        reached.add(
            browser.evaluate(
                "document.activeElement.matches('summary') ? 'summary' : document.activeElement.matches('nav a') ? 'link'"
                " : document.activeElement.matches('.scroll') ? 'region' : 'other'"
            )
        )
        if browser.evaluate("document.activeElement.matches('summary')"):
            break
    assert {"link", "summary"} <= reached
    browser.press("Enter")
    assert browser.evaluate("document.activeElement.parentElement.open") is True
