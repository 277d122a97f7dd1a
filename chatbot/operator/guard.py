"""What is refused before a page sees it: other sites' names and forms, bodies that are too large or too slow."""

import asyncio
import ipaddress
from collections.abc import Collection
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MAX_FORM_BYTES", "MAX_UPLOAD_BYTES", "UPLOAD_PATH", "Guard"]

UPLOAD_PATH = "/documents/ajouter"
MAX_UPLOAD_BYTES = 210_000_000
"""Largest upload, in bytes: one archive of the largest size that is read, or several smaller files."""
MAX_FORM_BYTES = 64 * 1024

_SLOWEST_S = 30.0
"""How long a part of a body may let itself be waited for, in seconds."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
}


class Guard:
    """Wraps the whole application. `names` are the host names that lead to it, besides this machine's own."""

    def __init__(self, app: ASGIApp, names: Collection[str], *, is_local: bool) -> None:
        self.app = app
        self._names = {"localhost", *(name.lower() for name in names if name)}
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = MAX_UPLOAD_BYTES if scope["path"] == UPLOAD_PATH else MAX_FORM_BYTES
        read, is_whole = 0, False

        async def receive_some() -> Message:
            nonlocal read, is_whole
            try:
                message = await asyncio.wait_for(receive(), None if is_whole else _SLOWEST_S)
            except TimeoutError as error:
                raise HTTPException(408) from error
            read += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if read > limit:
                raise HTTPException(413)
            return message

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if problem := self._problem(scope, limit):
            status, text = problem
            page = f'<!doctype html><html lang="fr"><title>Refusé</title><h1>Refusé</h1><p>{escape(text)}</p></html>'
            await HTMLResponse(page, status)(scope, receive, send_guarded)
        else:
            await self.app(scope, receive_some, send_guarded)

    def _problem(self, scope: Scope, limit: int) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_ours(host):
            return HTTPStatus.MISDIRECTED_REQUEST, (
                "Cette page n’est pas servie sous ce nom. Ouvrez-la par l’adresse que « loos operator » affiche, ou "
                "donnez son nom avec le réglage operator_name."
            )
        if scope["method"] in ("GET", "HEAD"):
            return None
        declared = headers.get("content-length", "")
        if declared.isdecimal() and declared.isascii() and int(declared) > limit:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, (
                f"C’est trop grand : {limit / 1_000_000:.0f} Mo au plus à la fois. Envoyez moins de fichiers à la "
                "fois, ou déposez-les dans le dossier des documents."
                if limit == MAX_UPLOAD_BYTES
                else "Le formulaire est trop grand."
            )
        if not _is_from_here(headers, host):
            return HTTPStatus.FORBIDDEN, "Ce formulaire ne vient pas de cette page. Rouvrez la page et recommencez."
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a request asks for this page by a name of its own, and not by one that another site made lead here.

        An address in figures belongs to no other site.
        """
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
            if name in self._names:
                return True
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._is_local


def _is_from_here(headers: Headers, host: str) -> bool:
    """Whether the browser says that a form was sent by a page of ours; one that says nothing is none."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and (origin is None or origin.partition("://")[2] == host)
