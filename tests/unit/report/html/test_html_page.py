"""The page as a whole: complete, honest where something is missing, and harmless whatever a run holds."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from warploom.archive.journal import read
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.errors import ConfigError
from warploom.report.html.page import page, style_sheet
from warploom.report.html.story import Story
from warploom.report.html.write import rasteriser, write_figures, write_page
from warploom.testing.chronicle import ENVIRONMENT, Chronicle
from warploom.values.event import RunPaused, RunResumed

Tell = Callable[[Path], Story]


class Reader(HTMLParser):
    """Tags, attributes, links, ids and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def test_the_page_says_what_was_reached(story: Story) -> None:
    reader = Reader(page(story))
    words = " ".join(reader.words.split())
    assert "Twice its input" in words
    assert re.search(r"1\.80× the speed of PyTorch eager 95 % interval 1\.\d\d to 1\.\d\d", words)
    assert "the speed of torch.compile" in words
    assert "It wrote 9 candidates" in words
    assert "6 passed" in words
    assert "100 evaluations are done" in words
    assert "2 steps led from the seed to it" in words
    assert "2 calls were compared with the reference in double precision, 1 of them on shapes" in words
    assert "The largest error was 0.5 of what is allowed" in words
    assert "a processor" in words
    assert "1,200 tokens" in words
    assert "$0.2500" in words
    assert "not promoted: it was luck" in words
    assert "The best kernel, whole" in words
    assert "Rewrites a loop of stride-1 and stride-0 accesses into vectors." in words
    assert "sittings" not in words
    assert "not protected" not in words
    assert "Caution" not in words


def test_a_run_that_was_gone_on_with_says_so(tmp_path: Path, told: Tell) -> None:
    with Chronicle(tmp_path / "run") as writing:
        writing.judged(0.5)
        writing.journal.append(RunPaused("interrupted"))
        writing.journal.append(RunResumed())
    words = Reader(page(told(tmp_path / "run"))).words
    assert "in 2 sittings" in words
    assert "The run had not ended" in words


def test_every_link_leads_to_a_place_of_the_page(story: Story) -> None:
    reader = Reader(page(story))
    ids = reader.all("id")
    assert len(ids) == len(set(ids))
    links = [link for link in reader.all("href") if link != "data:,"]
    assert links
    assert all(link[0] == "#" and link[1:] in ids for link in links)


def test_the_page_may_load_nothing_and_holds_no_script(story: Story) -> None:
    text = page(story)
    reader = Reader(text)
    assert "script" not in reader.tags
    assert not {"iframe", "object", "embed", "form", "base", "audio", "video"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("src", "style", "srcset")]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "url(" not in style_sheet()
    assert "@import" not in style_sheet()
    policy = next(value for value in reader.all("content") if "default-src" in value)
    assert policy.startswith("default-src 'none';")
    inside = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert inside is not None
    digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy


def test_hostile_words_are_shown_as_words(tmp_path: Path, told: Tell, hostile: str) -> None:
    environment = {**ENVIRONMENT, "hardware": {"cpu": hostile}, "sandbox": {"jail": hostile, "gaps": [hostile]}}
    with Chronicle(tmp_path / "run", title=hostile, environment=environment) as writing:
        seed = writing.judged(0.0, source=f"// {hostile}\n")
        best = writing.judged(
            0.5,
            parent=seed,
            operator=hostile,
            note=hostile,
            proposer=f"llm:{hostile}",
            source=f'auto x = "{hostile}";\n',
        )
        writing.judged(None, parent=seed, failure=("verify", hostile, hostile), note=hostile, operator=hostile)
        writing.told(hostile, 10, 0.1, hostile)
        writing.promoted(best, 0.5)
        writing.ended(hostile)
    story = told(tmp_path / "run")
    text = page(story)
    reader = Reader(text)
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert reader.words.count("<script>alert(1)</script>") > 10, "shown, not dropped"
    assert "not protected" in reader.words
    assert "\x1b" not in text
    for path in write_figures(story, tmp_path / "figures"):
        assert b"<script" not in path.read_bytes()


def test_before_anything_is_promoted_nothing_is_claimed(tmp_path: Path, told: Tell) -> None:
    with Chronicle(tmp_path / "run") as writing:
        seed = writing.judged(0.0)
        writing.judged(math.log(9.0), parent=seed)
    words = Reader(page(told(tmp_path / "run"))).words
    assert "No kernel has been promoted yet: what is shown below comes from first, quick measurements" in words
    assert "the speed of torch.compile" not in words
    assert "The run had not ended when this page was made" in words
    assert "Speedup over evaluations" in words


def test_a_run_in_which_all_failed(tmp_path: Path, told: Tell) -> None:
    with Chronicle(tmp_path / "run") as writing:
        writing.judged(None, failure=("build", "compile_error", "expected ';' before '}'"))
    words = Reader(page(told(tmp_path / "run"))).words
    assert "none of the candidates passed" in words
    assert "compile error" in words
    assert "expected ';' before '}'" in words


def test_a_run_that_has_only_begun(tmp_path: Path, told: Tell) -> None:
    with Chronicle(tmp_path / "run", environment={}):
        pass
    story = told(tmp_path / "run")
    words = Reader(page(story)).words
    assert "It wrote 0 candidates" in words
    assert "No kernel has been promoted yet." in words
    assert write_figures(story, tmp_path / "figures") == []


def test_a_busy_machine_is_said_beside_the_claim(tmp_path: Path, told: Tell) -> None:
    with Chronicle(tmp_path / "run") as writing:
        writing.promoted(writing.judged(0.5), 0.5, busy=0.42)
    story = told(tmp_path / "run")
    assert "Caution: measured while 42% of the machine was at work for others" in Reader(page(story)).words
    assert "Nothing was found that is faster than what the run started from" in Reader(page(story)).words


def test_a_baseline_that_is_missing_says_why(tmp_path: Path, told: Tell) -> None:
    environment = {**ENVIRONMENT, "baselines": {"compile": {"absent": {"n=1024": "no compiler"}}}}
    with Chronicle(tmp_path / "run", environment=environment) as writing:
        writing.judged(0.5)
    assert told(tmp_path / "run").absent == {"compile": "no compiler"}


def test_a_long_diff_is_cut_and_it_is_said(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more lines" not in page(story)
    monkeypatch.setattr("warploom.report.html.page.MOST_DIFF_LINES", 4)
    assert re.search(r"… \d+ more lines", page(story))


def test_figures_are_files_that_stand_on_their_own(story: Story, tmp_path: Path) -> None:
    files = write_figures(story, tmp_path / "figures")
    drawings = [path for path in files if path.suffix == ".svg"]
    assert {"speedup.svg", "roofline.svg", "grid-island-0.svg"} <= {path.name for path in drawings}
    for path in drawings:
        text = path.read_text(encoding="utf-8")
        assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        assert "var(" not in text
        assert "<style>" in text
    assert sorted(tmp_path.glob("figures/*")) == sorted(files), "nothing else is left there"


def test_figures_as_png(story: Story, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="PNG needs the extra `report`")
    files = write_figures(story, tmp_path / "figures")
    pictures = [path for path in files if path.suffix == ".png"]
    assert len(pictures) == len(files) / 2
    body = next(path for path in pictures if path.name == "speedup.png").read_bytes()
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(body[16:20], "big") == 2 * 880


def test_without_the_extra_there_are_no_png(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    assert rasteriser() is None
    assert {path.suffix for path in write_figures(story, tmp_path / "figures")} == {".svg"}
    assert (
        run(["report", str(tmp_path / "run"), "--out", str(tmp_path / "a.html"), "--figures", str(tmp_path / "f")]) == 0
    )
    assert "no PNG: install resvg-py" in capsys.readouterr().err


def test_the_page_is_written_whole_or_not_at_all(story: Story, tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    size = write_page(story, place)
    assert place.stat().st_size == size
    write_page(story, place)
    with pytest.raises(ConfigError, match="is a folder"):
        write_page(story, tmp_path)
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        write_page(story, tmp_path / "missing" / "page.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "run"]


def test_the_command(story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, figures = tmp_path / "page.html", tmp_path / "figures"
    words = ["report", str(tmp_path / "run"), "--out", str(place), "--figures", str(figures)]
    assert run([*words, "--json"]) == PASSED
    said = json.loads(capsys.readouterr().out)
    assert said["page"] == str(place)
    assert said["bytes"] == place.stat().st_size
    assert sorted(said["figures"]) == sorted(map(str, figures.iterdir()))
    assert run(words) == PASSED
    assert "to open in any browser" in capsys.readouterr().out
    assert place.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_file_of_somebody_else_is_not_written_over(
    story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.html"
    place.write_text("what took me a week")
    words = ["report", str(tmp_path / "run"), "--out", str(place)]
    assert run(words) == BAD_INPUT
    assert f"--out {place}: there is such a file, and it is no page about" in capsys.readouterr().err
    assert place.read_text() == "what took me a week"
    assert run([*words, "--force"]) == PASSED
    assert run(words) == PASSED, "the page about a run may be written again as the run goes on"
    with Chronicle(tmp_path / "other", seed=7) as other:
        other.judged(0.0)
    assert run(["report", str(tmp_path / "other"), "--out", str(place)]) == BAD_INPUT


def test_a_very_slow_kernel_is_not_shown_as_nothing(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "slow") as chronicle:
        seed = chronicle.judged(math.log(0.0012))
        chronicle.promoted(seed, math.log(0.0012))
    with read(tmp_path / "slow") as journal:
        written = page(Story(journal))
    assert "<b>0.0012×</b>" in written
    assert "0.0012× (" in written
    assert "0.00×" not in written


def test_bad_places_are_one_clear_line(story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path / "run"), "--out", str(tmp_path)]) == BAD_INPUT
    assert (
        capsys.readouterr().err == f"error: --out {tmp_path} is a folder; give a file, such as {tmp_path}/report.html\n"
    )
    assert run(["report", str(tmp_path / "nothing"), "--out", str(tmp_path / "a.html")]) in (BAD_INPUT, FAILED)
    assert "no run here" in capsys.readouterr().err
    assert run(["report", str(tmp_path / "run")]) == BAD_INPUT
    assert "--out" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    words = ["report", str(tmp_path / "run"), "--out", str(tmp_path / "a.html"), "--figures", str(tmp_path / "file")]
    assert run(words) == BAD_INPUT
    assert "cannot be made" in capsys.readouterr().err
