"""What the dashboard answers: its page, and JSON about the runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from time import perf_counter
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from warploom.errors import ConfigError, WarploomError
from warploom.report.html.page import template
from warploom.report.html.palette import DARK, LIGHT, variables
from warploom.report.ui.compare import Course, compare
from warploom.report.ui.gate import Gate
from warploom.report.ui.listing import Filter
from warploom.report.ui.sections import section
from warploom.report.ui.watch import Watch
from warploom.report.ui.whole import candidate, conversation
from warploom.search.steering.inbox import Command, send
from warploom.values.plain_text import printable

Result = TypeVar("Result")

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

POLL_SECONDS = 0.4
"""Between two looks at the journals while somebody watches; nobody looks when nobody does."""

READING_SECONDS = 0.75
"""Between two news of journals that are still being read: a page that is drawn anew takes time from the reading."""

GLANCE_SECONDS = 0.03
"""Between two glances at whether they have been read."""

BEAT_SECONDS = 10.0
"""A connection says something at least this often, so that both ends know of one another."""

NARROWEST, WIDEST = 280, 2000
MOST_BODY = 20_000


class Said(JSONResponse):
    """JSON whose words hold no character that a reader could not see."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return super().render(shown(content))


class App:
    """Answers requests. All journals are read in one thread of its own, which also does what takes long.

    Args:
        watch: the runs.
        token: the secret.
    """

    def __init__(self, watch: Watch, token: str) -> None:
        self._watch = watch
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journals")
        self.closing = False
        self.asgi: ASGIApp = Gate(Starlette(routes=self._routes(), exception_handlers=self._handlers()), token)

    def _routes(self) -> list[Route]:
        run = "/api/runs/{run:int}"
        return [
            Route("/", self._file),
            Route("/{name}", self._file),
            Route("/api/stream", self._stream),
            Route("/api/compare", self._compare),
            Route(f"{run}/candidates", self._candidates),
            Route(f"{run}/candidates/{{id}}", self._candidate),
            Route(f"{run}/candidates/{{id}}/conversation", self._conversation),
            Route(f"{run}/sections/{{name}}", self._section),
            Route(f"{run}/controls", self._control, methods=["POST"]),
        ]

    def _handlers(self) -> dict[Any, Any]:
        def plain(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            return Said({"error": error.detail}, error.status_code)

        def ours(request: Request, error: Exception) -> Response:
            return Said({"error": str(error)}, 400)

        return {HTTPException: plain, WarploomError: ours}

    async def _read(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    def begin(self) -> None:
        """Read the journals before anybody asks, slice by slice: who asks meanwhile is answered in between."""
        self._reader.submit(self._read_slice)

    def _read_slice(self) -> None:
        self._watch.look()
        if not (self.closing or self._watch.caught_up):
            self._reader.submit(self._read_slice)

    def _changed(self, known: dict[int, int]) -> list[dict[str, Any]]:
        if self._watch.caught_up:  # else the slices are on their way
            self._watch.look()
        return self._watch.changed(known)

    def close(self) -> None:
        """End the streams, and the thread that reads."""
        self.closing = True
        self._reader.submit(self._watch.close)
        self._reader.shutdown()

    # ------------------------------------------------------------ the page

    async def _file(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        suffix = name[name.rfind(".") :]
        source = files("warploom.report.ui") / "static" / name
        if suffix not in KINDS or not source.is_file():
            raise HTTPException(404, "there is no such page")
        text = source.read_text(encoding="utf-8")
        if suffix == ".css":
            text = f"{_colours()}{template('chart.css')}{text}"
        return Response(text, media_type=KINDS[suffix])

    # ------------------------------------------------------------ what is told of runs

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._news(request), media_type="text/event-stream")

    async def _news(self, request: Request) -> AsyncIterator[str]:
        """Every run once, then each that changed, as server-sent events."""
        known: dict[int, int] = {}
        spoke = 0.0
        while not (self.closing or await request.is_disconnected()):
            try:
                runs = await self._read(partial(self._changed, known))
            except WarploomError as error:
                yield f"event: fault\ndata: {json.dumps(str(error))}\n\n"
                return
            if runs or time.monotonic() - spoke > BEAT_SECONDS:
                spoke = time.monotonic()
                yield f"event: runs\ndata: {json.dumps(shown(runs))}\n\n" if runs else ": still here\n\n"
            await self._rest()

    async def _rest(self) -> None:
        """Until the next look: all that was read is told at once."""
        if self._watch.caught_up:
            await asyncio.sleep(POLL_SECONDS)
            return
        until = time.monotonic() + READING_SECONDS
        while time.monotonic() < until and not (self.closing or self._watch.caught_up):
            await asyncio.sleep(GLANCE_SECONDS)

    async def _candidates(self, request: Request) -> Response:
        asked = request.query_params
        wanted = Filter(
            asked.get("show", "all"),
            asked.get("by", ""),
            asked.get("text", ""),
            asked.get("order", "newest"),
            _whole(request, "until", 0),
        )
        offset, most = _whole(request, "offset", 0), _whole(request, "most", 100)
        number = request.path_params["run"]
        return Said(await self._read(lambda: self._watch.listing(number).page(wanted, offset, most)))

    async def _candidate(self, request: Request) -> Response:
        number, word, width = request.path_params["run"], request.path_params["id"], _width(request)
        return Said(await self._read(lambda: candidate(self._watch.run(number), word, width)))

    async def _conversation(self, request: Request) -> Response:
        number, word = request.path_params["run"], request.path_params["id"]
        return Said(await self._read(lambda: conversation(self._watch.run(number), word)))

    async def _section(self, request: Request) -> Response:
        number, name, width = request.path_params["run"], request.path_params["name"], _width(request)
        began = perf_counter()
        found = await self._read(lambda: section(self._watch.run(number), name, width))
        return Said({**found, "seconds": perf_counter() - began})

    async def _compare(self, request: Request) -> Response:
        width = _width(request)

        def drawn() -> str:
            runs = [one.history for one in self._watch.runs]
            names = self._watch.names
            courses = [
                Course(name, run.records, run.trials, run.tally.evaluations)
                for name, run in zip(names, runs, strict=True)
            ]
            drawing = compare(courses, width)
            return drawing.markup() if drawing is not None else ""

        return Said({"drawing": await self._read(drawn)})

    # ------------------------------------------------------------ what is wanted of runs

    async def _control(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BODY:
                raise HTTPException(413, "that is too long")
        try:
            said = json.loads(body)
            given = {name: said.get(name, "") for name in ("name", "candidate", "text")}
        except (ValueError, AttributeError):
            raise HTTPException(400, "what is wanted must be a JSON object") from None
        if not all(isinstance(value, str) for value in given.values()):
            raise HTTPException(400, "name, candidate and text must be text")
        number = request.path_params["run"]

        def sent() -> int:
            run = self._watch.run(number)
            run.look()
            if run.history.finished:
                raise ConfigError(f"{run.name} has ended: {run.history.ended}")
            return send(run.folder, Command(**given), run.history.wishes.taken)

        return Said({"place": await self._read(sent)})


def shown(value: Any) -> Any:
    """JSON values with each text made fit to be shown."""
    match value:
        case str():
            return value if value.isprintable() else printable(value)
        case dict():
            return {key: shown(item) for key, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case _:
            return value


def _whole(request: Request, name: str, default: int) -> int:
    try:
        return max(0, int(request.query_params.get(name, default)))
    except ValueError:
        raise HTTPException(400, f"{name} must be a whole number") from None


def _width(request: Request) -> int:
    return min(WIDEST, max(NARROWEST, _whole(request, "width", 880)))


def _colours() -> str:
    dark = f"@media (prefers-color-scheme:dark){{:root{{color-scheme:dark;{variables(DARK)}}}}}"
    return f":root{{color-scheme:light;{variables(LIGHT)}}}{dark}\n"
