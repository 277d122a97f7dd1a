"""The HTTP server: the page, the programming interface, and the documents that citations open."""

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.answer import to_json
from chatbot.conversation import check_question
from chatbot.errors import InvalidQuestion, NotReady
from chatbot.feedback import Feedback
from chatbot.follow_up import Turn
from chatbot.listen import listen
from chatbot.messages import FRENCH, LANGUAGES, messages_for, page_messages
from chatbot.page import mount_page
from chatbot.plain_routes import plain_routes
from chatbot.problems import language_of, not_ready, problem
from chatbot.service import Service
from chatbot.settings import Settings
from chatbot.sources import missing_page
from chatbot.unanswered import Unanswered

__all__ = ["MAX_BODY_BYTES", "create_app", "serve"]

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""Largest request body read, in bytes."""

_STATIC = Path(__file__).parent / "static"
_DROP_S = 3600.0
"""How often opinions and questions that are too old are looked for, in seconds."""
_HEAD_START_S = 0.3
"""How long the page has the processor for itself before the index and the encoder begin to load, in seconds."""


def _whole(text: str) -> str:
    text.encode("utf-8")  # JSON may hold half of a surrogate pair; this error is a ValueError
    return text


WholeText = Annotated[str, AfterValidator(_whole)]
"""A text that can be written as UTF-8."""


class HistoryTurn(BaseModel):
    """What was asked before: the reply's `understood`, or else its `question`, and its `text`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    question: WholeText = Field(min_length=1, max_length=1000)
    answer: WholeText = ""


class Question(BaseModel):
    """What `POST /api/ask` takes. The server keeps nothing: a client that wants a conversation sends its `history`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    question: WholeText = Field(description="The question, in any language.")
    language: str | None = Field(
        None, pattern="^[a-z]{2}$", description="Of the words around the quotes; by default the question's own."
    )
    history: list[HistoryTurn] | None = Field(
        None,
        max_length=50,
        description="What was asked before, in order: a question that leans on it is understood by its last turn.",
    )


def serve(settings: Settings) -> None:
    """Answer HTTP requests until Ctrl+C.

    Raises:
        IndexStoreError: no sound index of the model in use is live.
        PortInUse: another program has the port, or the address is not one of this machine.
    """
    with listen(settings.host, settings.port, "loos serve") as listener:
        service = Service(settings)
        service.check()
        import uvicorn

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                host = f"[{settings.host}]" if ":" in settings.host else settings.host
                print(f"Service ouvert : http://{host}:{settings.port} (Ctrl+C pour l’arrêter)", file=sys.stderr)

            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                app.state.end_streams()  # each open page keeps a connection for good
                await super().shutdown(sockets)

        gc.disable()  # nothing that loads is garbage: looking for it would take a quarter of the start
        app = create_app(settings, service)
        gc.enable()
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,  # addresses may hold what people asked
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        with contextlib.suppress(KeyboardInterrupt):
            Server(config).run(sockets=[listener])
    print("Service arrêté.", file=sys.stderr)


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """The HTTP application. It starts and stops its service: one with these settings, unless another is given."""
    service = service or Service(settings)
    feedback = Feedback(settings)

    unanswered = Unanswered(settings)

    async def drop_old() -> None:
        while True:
            await asyncio.to_thread(feedback.drop_old)
            await asyncio.to_thread(unanswered.drop_old)
            await asyncio.sleep(_DROP_S)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start = asyncio.get_running_loop().call_later(_HEAD_START_S, service.start)
        dropping = asyncio.create_task(drop_old())
        yield
        dropping.cancel()
        start.cancel()
        service.stop()

    app = FastAPI(
        title="loos",
        description="Questions answered in the words of a town's documents, each sentence with its source.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # without it, Gradio lets any site read
    app.add_middleware(_Guard)
    app.add_exception_handler(StarletteHTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _body_problem)
    app.add_exception_handler(Exception, _unexpected_problem)
    _add_interface(app, service)
    app.router.routes.extend(plain_routes(service, feedback))
    _add_files(app)
    app.state.end_streams = mount_page(app, service)
    return app


def _add_interface(app: FastAPI, service: Service) -> None:
    problems: dict[str, Any] = {"content": {"application/problem+json": {}}}
    refusals: dict[int | str, dict[str, Any]] = {
        413: {"description": "The body is too large.", **problems},
        422: {"description": "The question is empty or too long, or the body is not as described.", **problems},
        503: {"description": "The service is still loading, or could not be loaded.", **problems},
    }

    @app.post("/api/ask", responses=refusals, response_model=None)
    def ask(asked: Question, request: Request) -> Any:
        """The answer with its citations, or an abstention."""
        language = asked.language or language_of(request)
        if not service.is_ready:
            return not_ready(service, language)
        try:
            check_question(asked.question, language, service.settings)
            turns = [Turn(turn.question, turn.answer) for turn in asked.history or ()]
            return to_json(service.ask(asked.question, asked.language, turns))
        except InvalidQuestion as error:
            return problem(422, str(error), language)
        except NotReady:
            return not_ready(service, language)

    @app.head("/api/health", include_in_schema=False)
    @app.get("/api/health")
    def health() -> dict[str, str]:
        """That the process answers."""
        return {"status": "ok"}

    @app.head("/api/ready", include_in_schema=False)
    @app.get("/api/ready", responses={503: refusals[503]}, response_model=None)
    def ready(request: Request) -> Any:
        """That questions are answered, and from which build."""
        if not service.is_ready:
            return not_ready(service, language_of(request))
        return {"status": "ready", "build_id": service.build.manifest.build_id}


def _add_files(app: FastAPI) -> None:
    files = StaticFiles(directory=_STATIC)

    async def file(name: str, request: Request) -> Response:
        response = await files.get_response(name, request.scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    @app.api_route("/static/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return await file(name, request)

    @app.api_route("/favicon.ico", methods=["GET", "HEAD"], include_in_schema=False)
    async def favicon(request: Request) -> Response:
        return await file("favicon.svg", request)

    @app.api_route("/robots.txt", methods=["GET", "HEAD"], include_in_schema=False)
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /ask\n", media_type="text/plain")  # each answer is computed anew

    @app.api_route("/manifest.json", methods=["GET", "HEAD"], include_in_schema=False)
    def manifest() -> dict[str, Any]:
        icon = {"src": "/static/favicon.svg", "sizes": "any", "type": "image/svg+xml"}
        return {"name": FRENCH.page_title, "lang": FRENCH.language, "start_url": "/", "icons": [icon]}


class _Guard:
    """Refuses bodies that are too large, and gives every response the headers that browsers should heed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                if scope["path"].startswith("/assets/") and message["status"] == HTTPStatus.OK:
                    headers["Cache-Control"] = "public, max-age=31536000, immutable"
            await send(message)

        request = Request(scope)
        if _declared_length(request) > MAX_BODY_BYTES:
            refusal = await _http_problem(request, HTTPException(413))
            await refusal(scope, receive, send_guarded)
        else:
            await self.app(scope, receive_some, send_guarded)


def _declared_length(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() and declared.isascii() else 0


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    messages = messages_for(language_of(request))
    details = {
        400: messages.request_invalid.format(field="JSON"),
        404: messages.address_unknown,
        405: messages.method_unknown,
        413: messages.request_too_large.format(limit=MAX_BODY_BYTES),
    }
    detail = details.get(error.status_code, str(error.detail))
    if "text/html" in request.headers.get("accept", "") and error.status_code == HTTPStatus.NOT_FOUND:
        days = request.app.state.settings.unanswered_days
        messages = page_messages(request.query_params.get("lang", ""), days)
        page = missing_page(messages.address_unknown, messages.address_unknown_why, messages, request.url.path)
        return HTMLResponse(page, error.status_code)
    return problem(error.status_code, detail, messages.language, error.headers)


async def _body_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    asked = error.body.get("language") if isinstance(error.body, Mapping) else None
    messages = messages_for(asked if isinstance(asked, str) and asked in LANGUAGES else language_of(request))
    field = next((part for part in error.errors()[0]["loc"][1:] if isinstance(part, str)), "JSON")
    return problem(422, messages.request_invalid.format(field=field), messages.language)


async def _unexpected_problem(request: Request, _: Exception) -> Response:
    messages = messages_for(language_of(request))
    return problem(500, messages.failed, messages.language)
