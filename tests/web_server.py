"""A web server on this machine for tests: real sockets, with the faults that real sites have."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Site:
    """What a server answers, by path with its query, and what it was asked (path, headers, time)."""

    url: str = ""
    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def times(self, path: str) -> int:
        return self.paths().count(path)


@dataclass(frozen=True)
class Reply:
    """One answer; `drip_s` is the pause behind each byte, `announced` a Content-Length that is not true."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_s: float = 0
    announced: int | None = None


def page(title: str, text: str, links: str = "", head: str = "") -> str:
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{title}</title>{head}</head>'
        f"<body><nav>{links}</nav><main><article><h1>{title}</h1>{text}</article></main><footer>Mairie</footer></body></html>"
    )


def redirect(target: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": target})


@contextmanager
def served(pages: dict[str, Any] | None = None, certificate: Path | None = None) -> Iterator[Site]:
    """A site on a free port of 127.0.0.1, by https with a certificate (its key in the same file).

    A page is HTML text, a `Reply`, or a function of the request's handler that gives one.
    """
    site = Site(pages=pages if pages is not None else {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers), time.monotonic()))
            answer = site.pages.get(self.path, site.pages.get("*", Reply("Introuvable", 404)))
            answer = answer(self) if isinstance(answer, Callable) else answer
            reply = answer if isinstance(answer, Reply) else Reply(answer)
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            headers = {
                "Content-Type": "text/html",
                "Content-Length": str(reply.announced or len(body)),
                **reply.headers,
            }
            self.send_response(reply.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if not reply.drip_s:
                    self.wfile.write(body)
                for byte in body if reply.drip_s else b"":
                    self.wfile.write(bytes([byte]))
                    time.sleep(reply.drip_s)
            except OSError:
                pass  # the client had enough
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
