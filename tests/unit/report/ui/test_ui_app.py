"""What the dashboard answers over HTTP, and to whom."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra ui is not installed")
pytest.importorskip("uvicorn", reason="the extra ui is not installed")

from warploom.archive import journal as journals
from warploom.errors import ConfigError
from warploom.report.ui.gate import HEADERS
from warploom.report.ui.serve import Dashboard
from warploom.report.ui.watch import Watch
from warploom.search.steering.inbox import FILE, waiting
from warploom.testing.chronicle import Chronicle
from warploom.values.event import RunEnded
from warploom.values.exchange import Exchange, Message

API = [
    "/api/stream",
    "/api/compare",
    "/api/runs/0/candidates",
    "/api/runs/0/candidates/best",
    "/api/runs/0/candidates/best/conversation",
    "/api/runs/0/sections/climb",
    "/api/runs/0/controls",
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, telling: Any) -> Any:
    """One for all that only look; what they sent is forgotten before each test."""
    return telling(tmp_path_factory.mktemp("app") / "run")


@pytest.fixture(scope="module")
def dashboard(told: Any) -> Iterator[Dashboard]:
    with Dashboard([told.folder]) as running:
        yield running


@pytest.fixture
def changing(tmp_path: Path, telling: Any) -> Iterator[Dashboard]:
    """Of a run that the test writes on, in its folder "run"."""
    telling(tmp_path / "run")
    with Dashboard([tmp_path / "run"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_sent_yet(told: Any) -> None:
    (told.folder / FILE).unlink(missing_ok=True)


@pytest.fixture
def get(dashboard: Dashboard, ask: Any) -> Callable[[str], Any]:
    def answer(path: str) -> Any:
        found = ask(dashboard.origin + path, Authorization=f"Bearer {dashboard.token}")
        assert found.status == 200, found.body
        return found.said

    return answer


@pytest.fixture
def post(dashboard: Dashboard, ask: Any) -> Callable[..., Any]:
    def answer(body: Any, **other: str) -> Any:
        return posted(ask, dashboard, body, **other)

    return answer


def posted(ask: Any, dashboard: Dashboard, body: Any, **other: str) -> Any:
    headers = {
        "Authorization": f"Bearer {dashboard.token}",
        "Origin": dashboard.origin,
        "Content_Type": "application/json",
        **other,
    }
    return ask(f"{dashboard.origin}/api/runs/0/controls", body, **{k: v for k, v in headers.items() if v})


# ------------------------------------------------------------ who may ask


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong", "Basic {token}", "bearer{token}"])
def test_nothing_is_told_without_the_token(dashboard: Dashboard, ask: Any, told: Any, path: str, token: str) -> None:
    headers = {"Authorization": token.format(token=dashboard.token)} if token else {}
    found = ask(dashboard.origin + path, **headers)
    assert found.status == 401
    assert set(found.said) == {"error"}
    assert told.best not in found.body


def test_the_page_itself_holds_nothing_of_runs(dashboard: Dashboard, ask: Any, told: Any) -> None:
    for name in ("/", "/main.js", "/style.css", "/list.js"):
        found = ask(dashboard.origin + name)
        assert found.status == 200
        assert told.best not in found.body
        assert dashboard.token not in found.body
        assert "twice" not in found.body


@pytest.mark.parametrize("path", ["/", "/style.css", "/nothing.js", "/api/compare", "/api/runs/0/candidates"])
def test_every_answer_carries_the_policy(dashboard: Dashboard, ask: Any, path: str) -> None:
    found = ask(dashboard.origin + path)
    for name, value in HEADERS.items():
        assert found.headers[name] == value
    assert "set-cookie" not in found.headers
    assert "access-control-allow-origin" not in found.headers


@pytest.mark.parametrize("path", ["/", "/api/runs/0/candidates"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "127.0.0.1@evil.example", ""]
)
def test_another_name_of_this_machine_is_not_served(dashboard: Dashboard, path: str, host: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    if host:
        connection.putheader("Host", host)
    connection.putheader("Authorization", f"Bearer {dashboard.token}")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in (400, 403)
    assert "candidate" not in answer.read().decode()
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:4000", "[::1]:80"])
def test_the_names_of_this_machine_are_served_whatever_a_tunnels_port(
    dashboard: Dashboard, ask: Any, host: str
) -> None:
    assert ask(dashboard.origin + "/api/compare", Host=host, Authorization=f"Bearer {dashboard.token}").status == 200


def test_a_request_that_the_browser_says_comes_from_elsewhere_is_refused(dashboard: Dashboard, ask: Any) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {"Authorization": f"Bearer {dashboard.token}", "Sec_Fetch_Site": site}
        assert ask(dashboard.origin + "/api/compare", **headers).status == status


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Origin": ""}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "evil.example"}, 403),
    ],
)
def test_nothing_is_done_for_another_page(post: Any, told: Any, change: dict[str, str], status: int) -> None:
    assert post({"name": "stop"}, **change).status == status
    assert not (told.folder / FILE).exists()
    assert post({"name": "stop"}).status == 200
    assert (told.folder / FILE).exists()


def test_only_what_is_there_can_be_asked_for(dashboard: Dashboard, ask: Any) -> None:
    token = {"Authorization": f"Bearer {dashboard.token}"}
    for path in ("/nothing.js", "/../app.py", "/%2e%2e%2fapp.py", "/..%2fapp.py", "/static", "/api/nothing", "/main"):
        assert ask(dashboard.origin + path, **token).status == 404
    assert ask(dashboard.origin + "/", b"{}").status == 405
    assert ask(dashboard.origin + "/api/runs/0/controls", **token).status == 405


# ------------------------------------------------------------ what is answered


def test_candidates_come_page_by_page(get: Any, told: Any) -> None:
    found = get("/api/runs/0/candidates?show=passed&order=oldest&offset=1&most=2")
    assert (found["total"], found["until"]) == (4, 6)
    assert [row["id"] for row in found["rows"]] == [told.first, told.best]
    assert get("/api/runs/0/candidates?by=llm:big")["total"] == 1
    assert get("/api/runs/0/candidates?text=vectorise")["total"] == 1
    assert get("/api/runs/0/candidates?until=2")["total"] == 2


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/api/runs/7/candidates", "there is no run 7"),
        ("/api/runs/0/candidates?show=nonsense", "known: all"),
        ("/api/runs/0/candidates?offset=x", "offset must be a whole number"),
        ("/api/runs/0/candidates/zzz", "holds no candidate 'zzz'"),
        ("/api/runs/0/sections/nonsense", "known: climb, search, cost"),
    ],
)
def test_what_cannot_be_answered_says_why(dashboard: Dashboard, ask: Any, path: str, why: str) -> None:
    found = ask(dashboard.origin + path, Authorization=f"Bearer {dashboard.token}")
    assert found.status == 400
    assert why in found.said["error"]


def test_a_candidate_whole(get: Any, told: Any) -> None:
    found = get("/api/runs/0/candidates/best?width=600")
    assert found["candidate"] == told.best
    assert found["row"]["speed"] == pytest.approx(2.0)
    assert found["trials"] == [{"held": True, "speed": pytest.approx(1.8), "reason": ""}]
    assert found["lineage"]["parents"] == [told.first]
    assert found["build_flags"] == ["-ffast-math"]
    assert found["promoted"]["status"] == found["screened"]["status"] == "passed"
    assert found["came"] == found["went"] == 1
    assert any("candidate 3" in line for line in found["diff"])
    assert '<span class="keyword">' in found["lines"]
    assert len(found["samples"]) == 3
    assert 'width="600"' in found["samples"][0]
    assert get(f"/api/runs/0/candidates/{told.first}")["children"][0] == told.best


def test_a_failed_candidate_whole(get: Any, told: Any, hostile: str) -> None:
    found = get(f"/api/runs/0/candidates/{told.failed}")
    assert found["screened"]["message"] == "it was 3 at [5], not 4"
    assert found["samples"] == []
    assert found["row"]["speed"] is None
    assert "\x1b" in hostile
    assert "\x1b" not in found["lineage"]["note"]


def test_what_was_said_for_a_candidate(tmp_path: Path, ask: Any) -> None:
    with Chronicle(tmp_path / "run") as run:
        seed = run.judged(0.0)
        first = Exchange(1, 0, "improve", "big", (Message("user", "make it fast"),), "no", "malformed", cost_usd=0.5)
        last = Exchange(1, 1, "improve", "big", (Message("user", "again"),), "```cpp\n```", cost_usd=None)
        for one in (first, last):
            run.journal.conversations.record(one)
        run.judged(0.1, parent=seed, proposer="llm:big", prompt=last.id)
    with Dashboard([tmp_path / "run"]) as dashboard:
        token = {"Authorization": f"Bearer {dashboard.token}"}
        rows = ask(f"{dashboard.origin}/api/runs/0/candidates", **token).said["rows"]
        new, old = (
            ask(f"{dashboard.origin}/api/runs/0/candidates/{row['id']}/conversation", **token).said for row in rows
        )
    assert [turn["answer"] for turn in new["turns"]] == ["no", "```cpp\n```"]
    assert new["turns"][0]["messages"] == [{"role": "user", "text": "make it fast"}]
    assert [turn["cost_usd"] for turn in new["turns"]] == [0.5, None]
    assert old["turns"] == []


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("climb", ["speedup", "speedup-closer"]),
        ("search", ["family-tree", "grid-key", "grid-island-0", "grid-island-1", "roofline"]),
        ("cost", ["paid-proposers", "paid-operators", "paid-moves", "time", "failures"]),
    ],
)
def test_the_reports_figures_are_drawn_for_the_width_there_is(get: Any, name: str, figures: list[str]) -> None:
    for width in (360, 1100):
        found = get(f"/api/runs/0/sections/{name}?width={width}")
        assert [figure["name"] for figure in found["figures"]] == figures
        assert all(f'viewBox="0 0 {width} ' in figure["drawing"] for figure in found["figures"])
        assert found["seconds"] > 0
    assert bool(found["facts"]) == (name == "cost")


def test_runs_are_compared(tmp_path: Path, ask: Any) -> None:
    for name, best in (("one", 0.5), ("two", 1.0)):
        with Chronicle(tmp_path / name) as run:
            seed = run.judged(0.0)
            run.promoted(run.judged(best, parent=seed), best)
    with Dashboard([tmp_path / "one", tmp_path / "two"]) as dashboard:
        found = ask(f"{dashboard.origin}/api/compare?width=700", Authorization=f"Bearer {dashboard.token}").said
    for number, name in enumerate(("one", "two")):
        assert f"course-{number} filled" in found["drawing"]
        assert f">{name}<" in found["drawing"]


def test_the_stream_tells_each_run_and_then_what_changed(changing: Dashboard, tmp_path: Path) -> None:
    with listening(changing) as lines:
        first = json.loads(next(lines))
        assert [run["judged"] for run in first] == [6]
        with journals.reopen(tmp_path / "run") as journal:
            journal.append(RunEnded("done"))
        deadline = time.monotonic() + 30
        while (changed := json.loads(next(lines)))[0]["state"] != "ended":
            assert time.monotonic() < deadline
    assert changed[0]["ended"] == "done"
    assert changed[0]["seen"] == first[0]["seen"] + 1


def test_a_journal_that_is_being_read_is_told_of_seldom_and_at_once_when_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the page is drawn anew, which takes time from the reading."""
    looking = Watch.look

    def look(self: Watch) -> None:
        time.sleep(0.01)
        looking(self)

    monkeypatch.setattr("warploom.report.ui.followed.SLICE", 3)
    monkeypatch.setattr("warploom.report.ui.app.READING_SECONDS", 60.0)
    monkeypatch.setattr(Watch, "look", look)
    with Chronicle(tmp_path / "run") as run:
        for number in range(60):
            run.judged(number / 100)
    began = time.monotonic()
    with Dashboard([tmp_path / "run"]) as dashboard, listening(dashboard) as lines:
        part, whole = (json.loads(next(lines))[0] for _ in range(2))
    assert part["read"] < 1
    assert (whole["read"], whole["judged"]) == (1, 60)
    assert time.monotonic() - began < 30


def test_the_stream_ends_with_the_dashboard(told: Any) -> None:
    running = Dashboard([told.folder])
    running.__enter__()
    with listening(running) as lines:
        next(lines)
        threading.Timer(0.1, running.__exit__, (None, None, None)).start()
        assert list(lines) == []


class listening:  # noqa: N801 - reads as a verb
    """The data lines of the stream."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=30)
        self._connection.request("GET", "/api/stream", headers={"Authorization": f"Bearer {dashboard.token}"})

    def __enter__(self) -> Iterator[str]:
        answer = self._connection.getresponse()
        assert answer.getheader("content-type", "").startswith("text/event-stream")
        return (line.decode().removeprefix("data: ") for line in answer if line.startswith(b"data: "))

    def __exit__(self, *_: object) -> None:
        self._connection.close()


# ------------------------------------------------------------ what is wanted of runs


def test_what_is_wanted_reaches_the_inbox_of_the_run(post: Any, told: Any) -> None:
    assert post({"name": "pin", "candidate": told.first}).said == {"place": 1}
    assert post({"name": "hint", "text": " be brief "}).said == {"place": 2}
    assert post({"name": "pause"}).said == {"place": 3}
    assert [(one.name, one.candidate, one.text) for one in waiting(told.folder, 0)] == [
        ("pin", told.first, ""),
        ("hint", "", "be brief"),
        ("pause", "", ""),
    ]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"name": "explode"}, 400, "known: pause"),
        ({"name": "hint", "text": "x" * 3000}, 400, "too long"),
        ({"name": "hint", "text": "x" * 30000}, 413, "too long"),
        ({"name": 7}, 400, "must be text"),
        ([1], 400, "a JSON object"),
        (b"nonsense", 400, "a JSON object"),
    ],
)
def test_what_cannot_be_wanted_says_why(post: Any, told: Any, body: Any, status: int, why: str) -> None:
    found = post(body)
    assert found.status == status
    assert why in found.said["error"]
    assert not (told.folder / FILE).exists()


def test_a_run_that_has_ended_is_not_steered(changing: Dashboard, ask: Any, tmp_path: Path) -> None:
    with journals.reopen(tmp_path / "run") as journal:
        journal.append(RunEnded("60 evaluations done"))
    found = posted(ask, changing, {"name": "stop"})
    assert found.status == 400
    assert "has ended: 60 evaluations done" in found.said["error"]
    assert not (tmp_path / "run" / FILE).exists()


# ------------------------------------------------------------ where it listens


def test_it_listens_on_this_machine_alone(dashboard: Dashboard) -> None:
    assert dashboard._socket.getsockname()[0] == "127.0.0.1"
    assert dashboard.address == f"http://127.0.0.1:{dashboard.port}/#token={dashboard.token}"
    assert len(dashboard.token) >= 32


def test_a_port_that_is_taken_is_one_clear_line(told: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: Address already in use; 0 takes a free one"):
            Dashboard([told.folder], port)
    with pytest.raises(ConfigError, match="--port 99999"):
        Dashboard([told.folder], 99999)
