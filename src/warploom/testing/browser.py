"""A real browser for tests of pages: Chromium without a window, spoken to over a pipe.

It tells what a page says on its console, which requests it makes, and what can be read off it; it takes screenshots.
The protocol is that of its developer tools (``--remote-debugging-pipe``): JSON, each message ended by a zero byte. So
nothing need be installed beside the browser.
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_SECONDS = 60.0

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def find_chromium() -> str | None:
    """The path of a Chromium, None where there is none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


class Browser:
    """One browser with one page; use it as a context manager.

    Args:
        program: path of the browser.

    Attributes:
        console: what the page said on its console, and what the browser logged about it, as (level, text).
        requests: addresses that were asked for.
    """

    def __init__(self, program: str) -> None:
        self.console: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self._home = tempfile.mkdtemp(prefix="warploom-browser-")
        self._read, self._write, self._pid = _started([program, *_FLAGS, f"--user-data-dir={self._home}"])
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: deque[dict[str, Any]] = deque()
        self._session = ""

    def __enter__(self) -> Browser:
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and forget its profile."""
        os.close(self._write)
        os.close(self._read)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        shutil.rmtree(self._home, ignore_errors=True)

    # ------------------------------------------------------------ use

    def show(self, width: int, height: int, scheme: str = "light") -> None:
        """The size of the page in pixels, and the colour scheme ("light" or "dark") that the reader prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, address: str) -> None:
        """Go to a page and wait until it is loaded."""
        self._events.clear()
        self.call("Page.navigate", url=address)
        self._until("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, as JSON."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in said:
            raise AssertionError(f"{expression}: {said['exceptionDetails']}")
        return said["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, such as "Tab" or "Enter"."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": codes.get(key, 0)}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """The page as a PNG, whole or as much as the window shows."""
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(said["data"]))

    # ------------------------------------------------------------ the pipe

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the protocol; parameters that are None are left out."""
        number = next(self._numbers)
        given = {name: value for name, value in parameters.items() if value is not None}
        message: dict[str, Any] = {"id": number, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                result: dict[str, Any] = said["result"]
                return result

    def _until(self, event: str) -> None:
        while not any(said.get("method") == event for said in self._events):
            self._next()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise AssertionError("the browser does not answer")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        self._note(said)
        return said

    def _note(self, said: dict[str, Any]) -> None:
        parameters = said.get("params", {})
        match said.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.consoleAPICalled":
                words = " ".join(str(one.get("value", one.get("description", ""))) for one in parameters["args"])
                self.console.append((parameters["type"], words))
            case "Runtime.exceptionThrown":
                self.console.append(("error", str(parameters["exceptionDetails"])))
            case "Log.entryAdded":
                self.console.append((parameters["entry"]["level"], parameters["entry"]["text"]))
        if "method" in said:
            self._events.append(said)


def _started(words: list[str]) -> tuple[int, int, int]:
    """Start the browser, which reads from descriptor 3 and writes to 4; returns our ends of the pipes and its id."""
    our_read, their_write = os.pipe()
    their_read, our_write = os.pipe()
    # Out of the way of 3 and 4, wherever the pipes came to lie.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (their_read, their_write)]
    actions: list[Any] = [(os.POSIX_SPAWN_OPEN, one, os.devnull, os.O_RDWR, 0) for one in (0, 1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4)]
    try:
        return our_read, our_write, os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    finally:
        for one in (their_read, their_write, *high):
            os.close(one)
