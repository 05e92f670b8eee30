"""Who may ask: only this machine's browser, on the page that we gave it, with the token.

Each request must name this machine as its host: a page of a stranger whose name was made to point here (DNS rebinding)
does not. What is told of runs needs the token in the ``Authorization`` header, which no other page can know or send;
there are no cookies that a browser would add by itself. What changes something must also come from our own page, as
its ``Origin`` says.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost", "::1")
API = "/api/"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types drawings"
)

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer."""


class Gate:
    """Lets through what may pass, and puts :data:`HEADERS` on every answer.

    Args:
        app: behind the gate.
        token: the secret.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self.refusal(scope["method"], scope["path"], given)
        if refused is None:
            await self._app(scope, receive, with_headers)
            return
        status, why = refused
        body = json.dumps({"error": why}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await with_headers({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and reason for a request that may not pass; None when it may.

        Args:
            method: "GET", "POST", …
            path: of the address.
            headers: by their names in small letters.
        """
        host = headers.get("host", "")
        if _name(host) not in HOSTS:
            return 403, "this host is not served here"
        if not path.startswith(API):
            return None if method in ("GET", "HEAD") else (405, "nothing here can be changed")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "another page asks"
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.casefold() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return 401, "the token is missing or wrong: open the address that `warploom ui` printed"
        if method not in ("GET", "HEAD"):
            if headers.get("origin") != f"http://{host}":
                return 403, "another page asks"
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return 415, "what is wanted must be sent as application/json"
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
