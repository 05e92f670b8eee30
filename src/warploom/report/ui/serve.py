"""Serves the dashboard on this machine alone."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import uvicorn

from warploom.errors import ConfigError
from warploom.report.ui.app import App
from warploom.report.ui.watch import Watch

HOST = "127.0.0.1"
START_SECONDS = 30.0
END_SECONDS = 2


class Dashboard:
    """A server in a thread of its own; use it as a context manager.

    Args:
        folders: of the runs.
        port: 0 takes one that is free.

    Attributes:
        token: without it nothing is told.

    Raises:
        ConfigError: the port cannot be had.
    """

    def __init__(self, folders: Sequence[Path], port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        self._socket = _listening(port)
        self._app = App(Watch(folders), self.token)
        config = uvicorn.Config(
            self._app.asgi,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=END_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    @property
    def origin(self) -> str:
        """The address without the token."""
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """What to open. The token stands behind the #: a browser sends that part to nobody."""
        return f"{self.origin}/#token={self.token}"

    def __enter__(self) -> Dashboard:
        self._app.begin()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._app.closing = True
        self._server.should_exit = True
        self._thread.join()
        self._app.close()
        self._socket.close()


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigError(f"--port {port}: {getattr(error, 'strerror', None) or error}; 0 takes a free one") from None
    return listener
