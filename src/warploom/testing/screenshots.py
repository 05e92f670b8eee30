"""Draws the pictures of report and dashboard for the documents, with a real browser.

    python -m warploom.testing.screenshots runs/rms runs/softmax --out docs/images

The first run is the one of the report. Pictures are written at 1440 pixels (light and dark) and at 400.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from warploom.archive.journal import read
from warploom.report.html.story import Story
from warploom.report.html.write import write_page
from warploom.report.ui.serve import Dashboard
from warploom.report.ui.watch import find_runs
from warploom.testing.browser import Browser, find_chromium

PATIENCE_SECONDS = 120.0
WIDE, NARROW = (1440, 900), (400, 860)

OVERVIEW = "document.querySelector('#figure-speedup-closer svg')"
LIST = "document.querySelectorAll('.row:not(.waiting)').length > 5"
PANEL = "document.querySelector('#panel .chip')"

SHOTS: tuple[tuple[str, str, str, tuple[int, int], str], ...] = (
    ("overview-light", "overview", OVERVIEW, WIDE, "light"),
    ("overview-dark", "overview", OVERVIEW, WIDE, "dark"),
    ("overview-narrow", "overview", OVERVIEW, NARROW, "light"),
    ("candidates-light", "candidates", LIST, WIDE, "light"),
    ("candidates-narrow", "candidates", LIST, NARROW, "dark"),
    ("candidate-light", "candidates/best", PANEL, WIDE, "light"),
    ("candidate-narrow", "candidates/best", PANEL, NARROW, "light"),
    ("search-dark", "search", "document.querySelector('#figure-family-tree svg')", WIDE, "dark"),
    ("cost-light", "cost", "document.querySelector('#figure-time svg')", WIDE, "light"),
    ("compare-light", "runs", "document.querySelector('svg .course-0')", WIDE, "light"),
)
"""Name, view, what must be there before the picture is taken, size, scheme."""


def report(browser: Browser, run: Path, out: Path) -> list[Path]:
    """The report's first screen, in both schemes and on a narrow page."""
    found = []
    with TemporaryDirectory() as folder, read(run) as journal:
        page = Path(folder) / "report.html"
        write_page(Story(journal), page)
        for name, (width, height), scheme in (
            ("light", WIDE, "light"),
            ("dark", WIDE, "dark"),
            ("narrow", NARROW, "light"),
        ):
            browser.show(width, height, scheme)
            browser.open(page.as_uri())
            found.append(out / f"report-{name}.png")
            browser.screenshot(found[-1], whole=False)
    return found


def dashboard(browser: Browser, folders: Sequence[Path], out: Path) -> list[Path]:
    """Every view of the dashboard."""
    found = []
    with Dashboard(folders) as running:
        for name, view, ready, (width, height), scheme in SHOTS:
            browser.open("about:blank")
            browser.show(width, height, scheme)
            browser.open(running.address)
            _until(browser, "document.querySelector('#tabs [aria-current=page]')")
            browser.evaluate(f"void (location.hash = '#/0/{view}')")
            _until(browser, ready)
            found.append(out / f"dashboard-{name}.png")
            browser.screenshot(found[-1], whole=False)
    return found


def _until(browser: Browser, expression: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not browser.evaluate(f"Boolean({expression})"):
        if time.monotonic() > deadline:
            raise SystemExit(f"never there: {expression}; the browser said {browser.console}")
        time.sleep(0.1)


def main(words: Sequence[str]) -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="directories of runs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    given = parser.parse_args(words)
    program = find_chromium()
    if program is None:
        raise SystemExit("no Chromium here; on Debian: apt-get install chromium")
    folders = find_runs(given.runs)
    given.out.mkdir(parents=True, exist_ok=True)
    with Browser(program) as browser:
        paths = [*report(browser, folders[0], given.out), *dashboard(browser, folders, given.out)]
    sys.stdout.write("".join(f"{path}: {path.stat().st_size / 1000:,.0f} kB\n" for path in paths))


if __name__ == "__main__":
    main(sys.argv[1:])
