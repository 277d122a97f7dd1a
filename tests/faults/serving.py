"""A real `loos serve` and someone who asks it all the time."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.store import Store
from tests.evaluation.bench import request
from tests.faults.town import QUESTION

__all__ = ["ROOT", "Asker", "asking", "loos", "serving"]

ROOT = Path(__file__).parents[2]
QUESTIONS = (QUESTION, "Quand le verger a-t-il été planté ?", "De combien de sujets parle le journal ?")


def loos(*arguments: object) -> list[str]:
    """The command line of `loos`."""
    return [sys.executable, "-m", "chatbot.cli", *map(str, arguments)]


@contextmanager
def serving(index: Path, log: Path) -> Iterator[int]:
    """The port of a service of this index, ready, that does not read: a question takes it milliseconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            loos("serve", "--port", port, "--index", index),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env=os.environ | {"LOOS_READING_MS": "0"},
        )
    try:
        deadline = time.monotonic() + 180
        while request(port, "GET", "/api/ready")[0] != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield port
        assert process.poll() is None, f"the service ended with {process.returncode}:\n{log.read_text()}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass
class Asker:
    """What someone heard who asks all the time. `texts` are the documents of each build that was ever live."""

    port: int
    texts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    replies: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def know(self, store: Store) -> str:
        """Note the documents of the live build, and give its id."""
        build = store.load()
        self.texts[build.manifest.build_id] = {document.id: document.text for document in build.documents.values()}
        return build.manifest.build_id

    def ask(self, stop: threading.Event) -> None:
        while not stop.wait(0.02):
            question = QUESTIONS[len(self.replies) % len(QUESTIONS)]
            status, body = request(self.port, "POST", "/api/ask", {"question": question})
            if status == 200:
                self.replies.append(json.loads(body))
            else:
                self.errors.append(f"{status}: {body.decode('utf-8', 'replace')}")

    def hear(self, replies: int = 6, build_id: str = "", within_s: float = 60) -> None:
        """Return once so many more replies came, the last of them from that build."""
        wanted, deadline = len(self.replies) + replies, time.monotonic() + within_s
        while len(self.replies) < wanted or (build_id and self.replies[-1]["build_id"] != build_id):
            assert time.monotonic() < deadline, (self.replies[-1:], self.errors[-3:])
            time.sleep(0.02)

    def wrong(self) -> list[dict[str, Any]]:
        """The replies that quote what does not stand in their build's documents, or do not answer the question."""
        return [reply for reply in self.replies if not self._is_right(reply)]

    def _is_right(self, reply: Mapping[str, Any]) -> bool:
        texts = self.texts[reply["build_id"]]
        quotes = [citation["quote"] for citation in reply["citations"]]
        return all(
            texts[citation["document_id"]][citation["start"] : citation["end"]] == citation["quote"]
            for citation in reply["citations"]
        ) and (reply["question"] != QUESTION or any("quarante pommiers" in quote for quote in quotes))


@contextmanager
def asking(port: int) -> Iterator[Asker]:
    """Someone who asks until the end of the block."""
    asker, stop = Asker(port), threading.Event()
    thread = threading.Thread(target=asker.ask, args=(stop,))
    thread.start()
    try:
        yield asker
    finally:
        stop.set()
        thread.join()
