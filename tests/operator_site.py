"""A real `loos operator` process over a small corpus of its own, for tests."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PASSWORD = "les terrils jumeaux"
ORCHARD = "# Le verger\n\nLe verger communal compte quarante pommiers anciens. Les habitants l’ont planté en 2010.\n"
POND = "# La mare\n\nLa mare du parc abrite douze espèces de libellules. Elle a été creusée en 2015.\n"
SOURCES = (
    '["verger.md"]\ntitle = "Le verger"\ntheme = "Nature"\npublisher = "La ville"\npublished = 2024-05-31\n\n'
    '["mare.md"]\ntitle = "La mare"\ntheme = "Nature"\npublisher = "La ville"\n'
)
_QUESTION = (
    '{{"id": "{id}", "question": "{question}", "language": "fr", "answerable": true, "kind": "fact", '
    '"spans": [{{"document": "{document}", "quote": "{quote}"}}], "gold": ["{gold}"]}}\n'
)
QUESTIONS = _QUESTION.format(
    id="verger",
    question="Combien y a-t-il de pommiers ?",
    document="verger",
    quote="Le verger communal compte quarante pommiers anciens.",
    gold="quarante",
) + _QUESTION.format(
    id="mare",
    question="Quand la mare a-t-elle été creusée ?",
    document="mare",
    quote="Elle a été creusée en 2015.",
    gold="2015",
)


@dataclass
class Operating:
    """A running page and its folders."""

    address: str
    folder: Path

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    def environment(self) -> dict[str, str]:
        """Of the page, and of commands beside it."""
        given = {
            "LOOS_CORPUS": str(self.corpus),
            "LOOS_INDEX": str(self.index),
            "LOOS_OPERATOR": str(self.folder / "operator"),
            "LOOS_UNANSWERED": str(self.folder / "unanswered"),
            "LOOS_UNANSWERED_DAYS": "30",
            "LOOS_FEEDBACK": str(self.folder / "feedback"),
            "LOOS_FEEDBACK_DAYS": "30",
            "LOOS_READING_MS": "0",
        }
        return {**os.environ, **given}

    def said(self) -> str:
        """What the process wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def visitor(self) -> "Visitor":
        """A browser's place, signed in to nothing."""
        return Visitor(self.address)


class Visitor(httpx.Client):
    """Opens pages and sends their forms as a browser does, without scripts."""

    def __init__(self, address: str, transport: httpx.HTTPTransport | None = None) -> None:
        headers = {"Accept": "text/html", "Origin": address}
        super().__init__(base_url=address, headers=headers, timeout=300, transport=transport)

    def key(self, path: str) -> str:
        """What a form of this page must hold."""
        found = re.search(r'name="form" value="(\w+)"', self.get(path, follow_redirects=True).text)
        assert found, path
        return found[1]

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        return self.post("/connexion", data={"form": self.key("/connexion"), "password": password})

    def submit(self, path: str, form: str = "", **fields: object) -> httpx.Response:
        """A form of the page `form`, by default of the one that it leads to."""
        files = fields.pop("files", None)
        data = {"form": self.key(form or path), **fields}
        return self.post(path, data=data, files=files, follow_redirects=True)  # type: ignore[arg-type]


@contextmanager
def crawling(folder: Path) -> Iterator[Operating]:
    """A page in this process whose crawls may take a site of this machine, without pauses: tests have no other."""
    import uvicorn

    from chatbot.operator.app import create_app
    from chatbot.operator.command import Command
    from chatbot.operator.desk import Desk
    from chatbot.settings import Settings

    settings = Settings(corpus=folder / "corpus", index=folder / "index", operator=folder / "operator")
    settings.corpus.mkdir()
    desk = Desk(settings)
    desk.password.set(PASSWORD)
    command = [sys.executable, "-m", "chatbot.cli", "crawl", "--allow-private", "--delay", "0"]
    told = ["--progress", "json", "--json", "--corpus", str(settings.corpus)]
    desk.crawl = Command(["env", f"LOOS_CRAWL={folder / 'crawl'}", *command, *told], good=(0, 1, 130))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings, desk), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Operating(f"http://127.0.0.1:{listener.getsockname()[1]}", folder)
        finally:
            server.should_exit = True
            thread.join(40)


@contextmanager
def operating(folder: Path, corpus: dict[str, str], *options: str) -> Iterator[Operating]:
    """A page over these files, ready."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    site = Operating(f"http://127.0.0.1:{port}", folder)
    site.corpus.mkdir(exist_ok=True)
    for name, text in corpus.items():
        (site.corpus / name).write_text(text, encoding="utf-8")
    loos = [sys.executable, "-m", "chatbot.cli", "operator"]
    environment = site.environment()
    subprocess.run([*loos, "password"], cwd=ROOT, env=environment, input=PASSWORD, text=True, check=True)
    with (folder / "log").open("wb") as log:
        command = [*loos, "--port", str(port), *options]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{site.address}/static/site.css").raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, site.said()
                assert time.monotonic() < deadline, site.said()
                time.sleep(0.1)
        yield site
    finally:
        process.terminate()
        try:
            process.wait(timeout=40)
        finally:
            process.kill()
