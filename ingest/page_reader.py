"""Pages of strangers read in a process of their own, which is kept for the next page.

A page of a few megabytes can be made such that the HTML parser, written in C, takes hours or breaks. The process is
then ended, the page refused, and a new process reads the next one. Starting one for each page would cost a second or
two.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.errors import UnreadableSource
from ingest.fetch import Fetched
from ingest.isolated import limit_memory, limit_time
from ingest.web_documents import WebDocument, read_fetched
from ingest.web_page import PageLinks, page_links

__all__ = ["PageReader", "ReadPage", "main"]

MAX_SECONDS = 60.0
"""Ten times what a page of a town's site takes on a busy machine, the libraries' start included. Of the clock, and of
the processor: who waits may be killed, and a page that loops would go on for ever."""

_SAVE_IT = "Ouvrez-la dans un navigateur, enregistrez-la en PDF et ajoutez ce fichier, ou passez-vous d’elle."
_CHILD = "from ingest.page_reader import main; main()"


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Where a page leads, and what it says, or why it does not read (`problem`, in French)."""

    links: PageLinks
    document: WebDocument | None
    problem: str = ""


class PageReader:
    """Reads pages one after the other. Use it as a context manager: its process ends with it."""

    def __init__(self, max_seconds: float = MAX_SECONDS) -> None:
        self.max_seconds = max_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PageReader":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def read(self, fetched: Fetched, path: str) -> ReadPage:
        """What a page holds; `path` is for messages.

        Raises:
            UnreadableSource: it takes too long, or breaks its reader.
        """
        process = self._process = self._process or _start()
        head = {
            "url": fetched.url,
            "suffix": fetched.suffix,
            "path": path,
            "length": len(fetched.data),
            "seconds": self.max_seconds,
        }
        too_long = f"{path} : sa lecture prend plus de {self.max_seconds:g} secondes. {_SAVE_IT}"
        try:
            line = self._ask(process, json.dumps(head).encode() + b"\n" + fetched.data)
        except TimeoutError as error:
            self._end()
            raise UnreadableSource(too_long) from error
        except BaseException:
            self._end()
            raise
        if line is None:
            code = self._end(grace_s=1.0)
            if code == -signal.SIGXCPU:
                raise UnreadableSource(too_long)
            raise UnreadableSource(
                f"{path} : la page est abîmée, sa lecture s’est arrêtée net (code {code}). {_SAVE_IT}"
            )
        found = json.loads(line)
        links = PageLinks(found["canonical"], tuple(found["links"]), found["noindex"])
        said = found["document"]
        return ReadPage(links, WebDocument(**said) if said else None, found["problem"])

    def _ask(self, process: subprocess.Popen[bytes], question: bytes) -> bytes | None:
        """One line of an answer; nothing if the process ended. Raises TimeoutError."""
        assert process.stdin is not None
        assert process.stdout is not None
        until = time.monotonic() + self.max_seconds
        try:
            process.stdin.write(question)
            process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = bytearray()
        while not answer.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise TimeoutError
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                return None
            answer += piece
        return bytes(answer)

    def _end(self, grace_s: float = 0.0) -> int | None:
        """End the process, unless it ends by itself within `grace_s`, and give its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        process.kill()
        process.communicate()
        return process.returncode


def main() -> None:
    """Answer for each page that comes on stdin with what it holds, a line of JSON each."""
    limit_memory()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while line := stdin.readline():
        head = json.loads(line)
        limit_time(head["seconds"])
        fetched = Fetched(head["url"], stdin.read(head["length"]), head["suffix"])
        stdout.write(json.dumps(_answer(fetched, head["path"])).encode() + b"\n")
        stdout.flush()


def _answer(fetched: Fetched, path: str) -> dict[str, Any]:
    links = PageLinks("", (), False)
    document, problem = None, ""
    try:
        links = page_links(fetched.data, fetched.url)
        document = asdict(read_fetched(fetched, path))
    except UnreadableSource as error:
        problem = str(error).removeprefix(f"{path} : ").removeprefix(f"{fetched.url} : ")
    except Exception as error:  # libraries raise anything on malformed pages; this is the process's outermost layer
        problem = f"la page est abîmée, elle ne se lit pas ({type(error).__name__})."
    return {**asdict(links), "document": document, "problem": problem}


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        cwd=Path(__file__).parents[1],  # so that it is this very package that is imported
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us
    )
