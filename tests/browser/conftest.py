"""A real Chromium against a real `loos serve` process over the real corpus."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.chromium import MISSING, find

ROOT = Path(__file__).parents[2]
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]


@dataclass
class Site:
    """A running service and what it says."""

    address: str
    log: Path
    pid: int = 0

    def ask(self, question: str) -> dict[str, Any]:
        """The reply of the HTTP interface."""
        request = urllib.request.Request(
            f"{self.address}/api/ask",
            json.dumps({"question": question}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            reply: dict[str, Any] = json.load(response)
        return reply

    def wait_for(self, path: str, process: subprocess.Popen[bytes], timeout_s: float = 180) -> None:
        """Return once the path answers with 200."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(self.address + path, timeout=10):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{path} did not answer in {timeout_s} s, exit status {process.poll()}:\n{self.said()}")

    def said(self) -> str:
        """What the process wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Visit:
    """A page in a fresh browser profile, with what it asked for and what went wrong on it."""

    page: Page
    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def running(index: Path, log: Path, wait_for: str, port: int = 0, **settings: str) -> Iterator[Site]:
    """A service of its own on a free port, or that one, with these settings, ready once `wait_for` answers."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
    command = [sys.executable, "-m", "chatbot.cli", "serve", "--port", str(port), "--index", str(index)]
    with log.open("wb") as output:
        settings = {"reading_ms": "10000", **settings}  # how fast the machine is must not decide what is answered
        environment = {**os.environ, **{f"LOOS_{name.upper()}": value for name, value in settings.items()}}
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)
    site = Site(f"http://127.0.0.1:{port}", log, process.pid)
    try:
        site.wait_for(wait_for, process)
        yield site
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the real corpus, made by the command that operators use."""
    folder = tmp_path_factory.mktemp("browser") / "index"
    command = [sys.executable, "-m", "chatbot.cli", "build", "--corpus", "corpus", "--index", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def site(index_folder: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    failed_before = request.session.testsfailed
    with running(index_folder, index_folder.parent / "serve.log", "/api/ready") as site:
        yield site
    if request.session.testsfailed > failed_before:
        print(f"\nWhat « loos serve » wrote:\n{site.said()}", file=sys.stderr)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find()
    if path is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens an address in a fresh profile, whose browser speaks English unless told otherwise."""
    contexts: list[BrowserContext] = []

    def open_page(address: str, **profile: Any) -> Visit:
        context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1000, "height": 800}, **profile})
        contexts.append(context)
        visited = Visit(context.new_page(), context)

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                visited.errors.append(message.text)

        context.on("request", lambda request: visited.requests.append(request.url))
        context.on("console", note)
        visited.page.on("pageerror", lambda error: visited.errors.append(str(error)))
        visited.page.goto(address)
        return visited

    yield open_page
    for context in contexts:
        context.close()


def pytest_configure() -> None:
    # A proxy must not stand between the tests and this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
