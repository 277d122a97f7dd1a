"""Errors as the HTTP interface gives them (RFC 9457), in the language that the client prefers."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chatbot.messages import messages_for
from chatbot.service import Service

__all__ = ["RETRY_AFTER", "language_of", "not_ready", "problem"]

RETRY_AFTER = {"Retry-After": "5"}
"""In seconds: loading takes about so long."""


def problem(status: int, detail: str, language: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as problem details."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    said_in = {"Content-Language": messages_for(language).language}
    return JSONResponse(content, status, {**(headers or {}), **said_in}, "application/problem+json")


def not_ready(service: Service, language: str) -> Response:
    """That the service is still loading, or could not be loaded."""
    messages = messages_for(language)
    return problem(503, messages.unavailable if service.failure else messages.not_ready, language, RETRY_AFTER)


def language_of(request: Request) -> str:
    """The language for a client that named none in its request: French unless it prefers English."""
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "fr"
