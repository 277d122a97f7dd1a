"""The operator's application: its routes and its server."""

import asyncio
import contextlib
import ipaddress
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from chatbot.operator.adding import add_pages
from chatbot.operator.builds import build_pages
from chatbot.operator.crawling import crawl_pages
from chatbot.operator.desk import Desk
from chatbot.operator.door import Door
from chatbot.operator.guard import Guard
from chatbot.operator.insight import insight_pages
from chatbot.operator.keeping import document_pages
from chatbot.operator.page import Page
from chatbot.settings import Settings

__all__ = ["create_app", "serve"]

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_SHARED = Path(__file__).parents[1] / "static"
_FILES = {
    "operator.css": _STATIC / "operator.css",
    "operator.js": _STATIC / "operator.js",
    "site.css": _SHARED / "site.css",
    "favicon.svg": _SHARED / "favicon.svg",
}
_PROXIES = ["127.0.0.1", "::1"]
"""Only a web server of this machine is believed when it says who asks: else an address could be made up for each try of
a password."""
_HOUSEKEEPING_S = 60.0


def serve(settings: Settings) -> None:
    """Answer HTTP requests until Ctrl+C.

    Raises:
        PasswordProblem: no password is set.
        PortInUse: another program has the port, or the address is not one of this machine.
    """
    import uvicorn

    from chatbot.listen import listen

    desk = Desk(settings)
    desk.password.check()
    with listen(settings.operator_host, settings.operator_port, "loos operator") as listener:
        host = f"[{settings.operator_host}]" if ":" in settings.operator_host else settings.operator_host
        print(f"Page de l’opérateur : http://{host}:{settings.operator_port} (Ctrl+C pour l’arrêter)", file=sys.stderr)
        if not is_local(settings.operator_host):
            print(
                "Attention : cette page s’ouvre aux autres machines sans chiffrement. Le mot de passe et les documents "
                "y passent en clair : mettez devant elle un serveur web en HTTPS (docs/exploitation.md), ou gardez "
                "--host 127.0.0.1.",
                file=sys.stderr,
            )
        config = uvicorn.Config(
            create_app(settings, desk),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=100,
            forwarded_allow_ips=_PROXIES,
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    print("Page de l’opérateur arrêtée.", file=sys.stderr)


def is_local(host: str) -> bool:
    """Whether only this machine can reach an address that is listened on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def create_app(settings: Settings, desk: Desk | None = None) -> Starlette:
    """The application."""
    desk = desk or Desk(settings)

    async def keep_house() -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            await asyncio.to_thread(desk.trial.let_go)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        keeping = asyncio.create_task(keep_house())
        yield
        keeping.cancel()
        await asyncio.gather(asyncio.to_thread(desk.construction.end), asyncio.to_thread(desk.crawl.end))

    pages: list[tuple[str, str, Page]] = [
        *document_pages(desk),
        *add_pages(desk),
        *crawl_pages(desk),
        *build_pages(desk),
        *insight_pages(desk),
    ]
    door = Door(desk)
    routes = [
        Route("/connexion", door.sign_in, methods=["GET", "POST"]),
        Route("/static/{name}", _file),
        Route("/favicon.ico", _icon),
        *(Route(path, door.behind(handler), methods=[method]) for method, path, handler in pages),
        Route("/session", door.behind(door.session)),
        Route("/deconnexion", door.behind(door.sign_out), methods=["POST"]),
    ]
    names = (settings.operator_name, settings.operator_host)
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Guard, names=names, is_local=is_local(settings.operator_host)),
            Middleware(GZipMiddleware, minimum_size=1000),
        ],
        exception_handlers={HTTPException: door.refused, Exception: door.failed},
    )


async def _file(request: Request) -> Response:
    path = _FILES.get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _icon(_: Request) -> Response:
    return FileResponse(_FILES["favicon.svg"], headers={"Cache-Control": "no-cache"})
