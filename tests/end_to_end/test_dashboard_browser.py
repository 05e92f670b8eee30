"""The dashboard in a real browser: it draws, follows a run, steers it, shows nothing to strangers, asks nobody else."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra ui is not installed")
pytest.importorskip("uvicorn", reason="the extra ui is not installed")

from warploom.archive.journal import Journal
from warploom.report.html.history import History
from warploom.report.ui import app, sections
from warploom.report.ui.serve import Dashboard
from warploom.report.ui.watch import Watch
from warploom.search.steering.inbox import Command, waiting
from warploom.testing.browser import Browser
from warploom.testing.chronicle import Chronicle
from warploom.testing.world import World
from warploom.values.event import Steered

HOSTILE = (
    "</style></script><script>document.title='owned'</script><img src=//example.org/x onerror=document.title='owned'>"
)
PATIENCE_SECONDS = 30.0
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 21, 26)"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Of two synthetic runs of eighty candidates."""
    root = tmp_path_factory.mktemp("dashboard")
    for seed, name in enumerate(("one", "two")):
        with World(root).begin(name, evaluations=80, seed=seed) as run:
            run.go()
    with Dashboard([root / "one", root / "two"]) as dashboard:
        yield dashboard


def opened(browser: Browser, dashboard: Dashboard, rest: str = "", width: int = 1440) -> None:
    browser.open("about:blank")
    browser.console.clear()
    browser.requests.clear()
    browser.show(width, 900)
    browser.open(dashboard.address)
    until(browser, "document.querySelector('#tabs [aria-current=page]') !== null")
    if rest:
        browser.evaluate(f"void (location.hash = '#/0/{rest}')")


def until(browser: Browser, expression: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not browser.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < deadline, f"never: {expression}; {browser.evaluate('document.body.innerText')[:2000]}"
        time.sleep(0.01)


def quiet(browser: Browser, dashboard: Dashboard) -> None:
    assert browser.console == []
    strangers = [one for one in browser.requests if not one.startswith((f"{dashboard.origin}/", "data:", "about:"))]
    assert strangers == [], "nothing leaves this machine"
    assert not any(dashboard.token in one for one in browser.requests if "#" not in one), "the token is in no address"


@pytest.mark.parametrize("width", [1440, 400])
def test_every_view_fits_every_width_in_both_schemes(browser: Browser, finished: Dashboard, width: int) -> None:
    opened(browser, finished, width=width)
    expected = {
        "overview": {"figure-speedup", "figure-speedup-closer"},
        "search": {"figure-family-tree", "figure-grid-island-0"},
        "cost": {"figure-paid-operators", "figure-time", "figure-failures"},
    }
    for view in ("overview", "search", "cost", "candidates", "runs"):
        browser.evaluate(f"void (location.hash = '#/0/{view}')")
        for figure in expected.get(view, ()):
            until(browser, f"document.querySelector('#{figure} svg')?.childElementCount > 3")
        if view == "candidates":
            until(browser, "document.querySelectorAll('.row:not(.waiting)').length > 5")
        if view == "overview":
            assert browser.evaluate("document.querySelector('progress').hidden"), "it has ended"
        if view == "runs":
            until(browser, "document.querySelectorAll('svg .filled').length === 2")
        for scheme, ground in GROUNDS.items():
            browser.show(width, 900, scheme)
            assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == ground
            assert browser.evaluate("document.documentElement.scrollWidth") <= width, f"{view}: nothing sticks out"
            shrunk = browser.evaluate(
                "Math.min(1, ...[...document.querySelectorAll('svg.chart')].map(one => one.getBoundingClientRect().width"
                " / one.viewBox.baseVal.width))"
            )
            assert shrunk > 0.95, f"{view}: words of charts keep their size"
    quiet(browser, finished)


def test_without_the_token_nothing_is_shown(browser: Browser, finished: Dashboard) -> None:
    browser.open("about:blank")
    browser.open(finished.origin)
    browser.evaluate("sessionStorage.clear()")
    browser.requests.clear()
    browser.open(f"{finished.origin}/?again")
    assert "shows nothing without its token" in browser.evaluate("document.querySelector('main').innerText")
    assert "twice" not in browser.evaluate("document.body.innerText")
    later = browser.requests[browser.requests.index(f"{finished.origin}/?again") :]
    assert not [one for one in later if "/api/" in one]
    browser.open("about:blank")
    browser.open(f"{finished.origin}/#token=wrong")
    until(browser, "document.querySelector('main').innerText.includes('not, or no longer')")
    assert "twice" not in browser.evaluate("document.body.innerText")


def test_the_token_does_not_stay_in_the_address_and_a_reload_keeps_it(browser: Browser, finished: Dashboard) -> None:
    opened(browser, finished)
    assert finished.token not in browser.evaluate("location.href")
    assert finished.token not in browser.evaluate("document.documentElement.outerHTML")
    browser.open(f"{finished.origin}/?again")
    until(browser, "document.querySelector('.claims b')?.textContent.includes('×')")


def test_a_candidate_is_opened_from_list_and_chart_and_shows_everything(browser: Browser, finished: Dashboard) -> None:
    opened(browser, finished, "candidates")
    until(browser, "document.querySelectorAll('.row:not(.waiting)').length > 5")
    browser.evaluate("document.querySelector('.row').click()")
    until(browser, "document.querySelectorAll('#panel [role=tab]').length === 5")
    shows = {
        "Verdict": "calls compared with the reference",
        "Source": 'extern "C" void twice',
        "Changes": "lines came",
        "Samples": "pairs, times the speed of",
        "Prompt": "No model and no agent was asked",
    }
    failed = "document.querySelector('#panel .chip').classList.contains('bad')"
    if browser.evaluate(failed):
        browser.evaluate("document.querySelectorAll('.row')[1].click()")
        until(browser, f"!({failed})")
    for tab, words in shows.items():
        browser.evaluate(f"document.getElementById('panel-{tab}').click()")
        until(browser, f"document.getElementById('panel-body').innerText.includes({words!r})")
    browser.press("Escape")
    until(browser, "document.getElementById('panel').hidden")
    browser.evaluate("void (location.hash = '#/0/overview')")
    until(browser, "document.querySelector('#figure-speedup svg .record')")
    browser.evaluate(
        "document.querySelector('#figure-speedup svg .record').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    until(browser, "!document.getElementById('panel').hidden && document.querySelector('#panel .chip')")
    quiet(browser, finished)


def test_it_can_be_used_with_the_keyboard_alone(browser: Browser, finished: Dashboard) -> None:
    opened(browser, finished)
    browser.press("2")
    until(browser, "document.querySelectorAll('.row:not(.waiting)').length > 5")
    for _ in range(40):
        browser.press("Tab")
        if browser.evaluate("document.activeElement.id === 'list'"):
            break
    assert browser.evaluate("document.activeElement.id") == "list"
    for _ in range(3):
        browser.press("j")
    assert browser.evaluate("document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')") == "4"
    chosen = browser.evaluate("document.getElementById('list').getAttribute('aria-activedescendant')")
    browser.press("Enter")
    until(browser, f"document.querySelector('#panel h2 code')?.textContent === '{chosen[4:]}'")
    until(browser, "document.activeElement.closest('#panel') !== null")
    browser.press("Escape")
    until(browser, "document.activeElement.id === 'list'")
    browser.press("b")
    until(browser, "document.querySelector('#panel .chip')")
    browser.press("Escape")
    browser.press("]")
    until(browser, "location.hash.startsWith('#/1/')")
    browser.press("?")
    until(browser, "document.getElementById('dialog').open")


def test_of_a_long_list_only_what_is_in_sight_is_there(browser: Browser, tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run", evaluations=3000) as run:
        seed = run.judged(0.0)
        with run.at_once():
            for number in range(1500):
                run.judged(None if number % 7 == 0 else number / 1e4, parent=seed, status="not_added")
    with Dashboard([tmp_path / "run"]) as dashboard:
        opened(browser, dashboard, "candidates")
        until(browser, "document.querySelector('.row .place')?.textContent === '1,501'")
        assert browser.evaluate("document.querySelectorAll('.row').length") < 60
        browser.evaluate("void (document.getElementById('list').scrollTop = 1e9)")
        until(browser, "[...document.querySelectorAll('.row .place')].at(-1)?.textContent === '1'")
        assert browser.evaluate("document.querySelectorAll('.row').length") < 60
        browser.evaluate(
            "(() => { const one = document.querySelector('[name=order]'); one.value = 'fastest';"
            " one.dispatchEvent(new Event('change')) })()"
        )
        until(browser, "document.querySelector('.row .place')?.textContent === '1,501'")
        browser.evaluate(
            "(() => { const one = document.querySelector('[name=show]'); one.value = 'wrong_result';"
            " one.dispatchEvent(new Event('change')) })()"
        )
        until(browser, "document.querySelector('.status').innerText.includes('215 of 1,501')")
        assert browser.evaluate("document.getElementById('list').getAttribute('aria-busy')") == "false"
        quiet(browser, dashboard)


def test_a_live_runs_new_best_appears_by_itself(browser: Browser, tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run, Dashboard([tmp_path / "run"]) as dashboard:
        opened(browser, dashboard)
        until(browser, "document.querySelector('.claims span')?.textContent === 'no candidate has passed yet'")
        assert "What happened" not in browser.evaluate("document.querySelector('main').innerText")
        seed = run.judged(0.0)
        until(browser, "document.querySelector('.claims b').textContent === '1.00×'")
        assert browser.evaluate("document.querySelector('progress').value") == pytest.approx(0.01)
        assert "What happened" in browser.evaluate("document.querySelector('main').innerText")
        until(browser, "document.querySelector('#figure-speedup svg')")
        assert "at work" in browser.evaluate("document.querySelector('.state').innerText")
        best = run.judged(math.log(3), parent=seed)
        run.promoted(best, math.log(3))
        until(browser, "document.querySelector('.claims b').textContent === '3.00×'")
        until(browser, f"document.querySelector('.news').innerText.includes('{best[:8]}')")
        until(browser, "document.querySelector('#figure-speedup svg .held')")
        quiet(browser, dashboard)


def test_as_soon_as_a_long_journal_is_read_its_charts_show_all_of_it(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a chart that was drawn of a part would stay for twenty times as long as its drawing took."""
    goes_on = threading.Event()
    reading = History.read_on

    def read_on(self: History, journal: Journal, most: int = -1) -> int:
        return reading(self, journal, most) if self.seen <= 10 or goes_on.is_set() else 0

    clock = itertools.count(0.0, 1000.0)
    monkeypatch.setattr("warploom.report.ui.followed.SLICE", 10)
    monkeypatch.setattr(History, "read_on", read_on)
    monkeypatch.setattr("warploom.report.ui.app.perf_counter", lambda: next(clock))
    with Chronicle(tmp_path / "run") as run:
        for number in range(10):
            run.judged(number / 10)
    with Dashboard([tmp_path / "run"]) as dashboard:
        opened(browser, dashboard)
        until(browser, "document.querySelector('.figures').dataset.seen === '11'")
        goes_on.set()
        until(browser, "document.querySelector('.figures').dataset.seen === '31'")
        assert "10 of 100" in browser.evaluate("document.querySelector('.facts').innerText")
        quiet(browser, dashboard)


def test_a_journal_that_is_soon_read_is_not_drawn_in_part(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing takes time from reading. One that is not soon read is drawn as far as it is known."""
    reading, telling, drawing = History.read_on, Watch.changed, sections.section
    told, drawn = [], []

    def changed(self: Watch, known: dict[int, int]) -> list[dict[str, Any]]:
        told.append(time.monotonic())
        return telling(self, known)

    def section(*given: Any) -> dict[str, Any]:
        drawn.append(time.monotonic())
        return drawing(*given)

    monkeypatch.setattr("warploom.report.ui.followed.SLICE", 10)
    monkeypatch.setattr(History, "read_on", lambda self, *given: reading(self, *given) if self.seen <= 10 else 0)
    monkeypatch.setattr(Watch, "changed", changed)
    monkeypatch.setattr(app, "section", section)
    with Chronicle(tmp_path / "run") as run:
        for number in range(10):
            run.judged(number / 10)
    with Dashboard([tmp_path / "run"]) as dashboard:
        opened(browser, dashboard)
        until(browser, "document.querySelector('.figures').dataset.seen === '11'")
        quiet(browser, dashboard)
    assert drawn[0] - told[0] > 1.2


def test_a_run_is_steered_by_hand(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with Chronicle(folder, proposer="llm", models=("m",)) as run, Dashboard([folder]) as dashboard:
        seed = run.judged(0.0)
        opened(browser, dashboard)
        until(browser, "!document.getElementById('pause').disabled")
        browser.evaluate("document.getElementById('pause').click()")
        until(browser, "document.querySelector('.steering').innerText.includes('1 sent')")
        run.journal.append(Steered("pause", 1, 1))
        until(browser, "document.getElementById('pause').textContent === 'Go on'")
        browser.evaluate("void (document.querySelector('.steering details').open = true)")
        browser.evaluate("void (document.getElementById('hint').value = 'be brief')")
        browser.evaluate("[...document.querySelectorAll('button')].find(one => one.textContent === 'Add hint').click()")
        until(browser, "document.getElementById('hint').value === ''")
        run.journal.append(Steered("hint", 1, 2, "be brief"))
        until(browser, "document.querySelector('.hints').innerText.includes('be brief')")
        browser.evaluate("document.getElementById('stop').click()")
        until(browser, "document.getElementById('dialog').open")
        browser.evaluate("document.getElementById('sure').click()")
        browser.evaluate(f"void (location.hash = '#/0/overview/{seed}')")
        until(browser, "document.querySelector('#panel .pin')")
        browser.evaluate("document.querySelector('#panel .pin').click()")
        until(browser, "document.querySelector('#panel .pin').textContent === 'Sent…'")
        assert waiting(folder, 0) == [
            Command("pause"),
            Command("hint", text="be brief"),
            Command("stop"),
            Command("pin", seed),
        ]
        quiet(browser, dashboard)


def test_hostile_words_do_nothing(browser: Browser, tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run", title=HOSTILE) as run:
        seed = run.judged(0.0)
        best = run.judged(math.log(2), parent=seed, operator=HOSTILE, note=HOSTILE, source=f"// {HOSTILE}\n")
        run.judged(None, parent=seed, proposer=HOSTILE, failure=("verify", "crash", HOSTILE))
        run.promoted(best, math.log(2))
        run.journal.append(Steered("hint", 4, 1, HOSTILE))
    with Dashboard([tmp_path / "run"]) as dashboard:
        opened(browser, dashboard)
        until(browser, "document.querySelector('#figure-speedup svg')")
        assert "onerror=document.title" in browser.evaluate("document.querySelector('h2').innerText")
        for view in ("candidates", "search", "cost", "runs"):
            browser.evaluate(f"void (location.hash = '#/0/{view}/{best}')")
            until(browser, "document.querySelector('#panel .chip')")
            for tab in ("Source", "Changes", "Verdict"):
                browser.evaluate(f"document.getElementById('panel-{tab}').click()")
                until(browser, "document.getElementById('panel-body').innerText.length > 20")
        assert browser.evaluate("document.querySelectorAll('img').length") == 0
        assert browser.evaluate("document.querySelectorAll('script').length") == 1
        assert browser.evaluate("document.title") == "2.00× twice · Warploom"
        quiet(browser, dashboard)


def test_the_policy_stops_what_would_get_into_the_page(browser: Browser, finished: Dashboard) -> None:
    opened(browser, finished)
    refused = browser.evaluate("fetch('https://example.org/').then(() => 'went', () => 'refused')")
    assert refused == "refused"
    for sink in (
        "document.body.innerHTML = '<b>x</b>'",
        "document.createElement('button').setAttribute('onclick', 'document.title=1')",
        "document.createElement('script').textContent = 'document.title=1'",
    ):
        tried = f"(() => {{ try {{ {sink}; return 'went' }} catch (error) {{ return error.name }} }})()"
        assert browser.evaluate(tried) == "TypeError", sink
