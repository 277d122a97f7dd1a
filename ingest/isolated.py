"""Reading in a process of its own: what breaks a library, or fills the memory, costs that one file and not the build.

Libraries for these formats are written in C (pdfium, libxml2) or build whole trees in memory, and the files come from
anywhere. The process gets the file's bytes and gives the blocks back as JSON; it knows no path to open, and has limits
of time and memory.
"""

import json
import logging
import math
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ingest.assemble import ReadBlock, Reading
from ingest.document import BlockKind
from ingest.errors import InterruptedReading, UnreadableSource

__all__ = [
    "ISOLATED_SUFFIXES",
    "MAX_MEMORY_BYTES",
    "MAX_SECONDS",
    "limit_memory",
    "limit_time",
    "main",
    "read_isolated",
]

ISOLATED_SUFFIXES = (".pdf", ".docx", ".docm", ".odt", ".xlsx", ".xlsm")
"""File name endings that are read in a process of their own."""

MAX_SECONDS = 300
"""Several times what the fullest PDF that is read (`read_pdf.MAX_PAGES`) takes on two busy cores. Of the clock, while
someone waits for it; of the processor too, since who waits may be killed, and what loops would go on for ever."""

MAX_MEMORY_BYTES = 2_000_000_000
"""Address space, of which the libraries alone take a fifth: files within the other limits need less than half."""

MAX_TEXT_CHARACTERS = 10_000_000
"""As much text as a text file may hold (`decode.MAX_SOURCE_BYTES`)."""

_CHILD = "from ingest.isolated import main; main()"
_SAVE_AGAIN = "Ouvrez-le dans son application, enregistrez-le à nouveau, ou retirez-le du corpus."
_SPLIT = "Découpez-le en plusieurs fichiers."

log = logging.getLogger(__name__)


def read_isolated(data: bytes, path: str) -> Reading:
    """What the reader for a path's ending finds in a file's bytes, read in a process of its own.

    Raises:
        UnreadableSource: the reader refuses it, breaks on it, or needs too much time or memory.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, path],
            cwd=Path(__file__).parents[1],  # so that it is this very package that is imported
            input=data,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_long(path) from error
    if done.stderr:
        log.debug("reading %s: %s", path, done.stderr.decode("utf-8", "replace"))
    if done.returncode == -signal.SIGXCPU:
        raise _too_long(path)
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise InterruptedReading(
            f"{path} : le fichier est abîmé, sa lecture s’est arrêtée net (code {done.returncode}). {_SAVE_AGAIN}"
        ) from error
    if problem := found.get("problem"):
        raise InterruptedReading(problem) if found.get("interrupted") else UnreadableSource(problem)
    blocks = [ReadBlock(BlockKind(kind), text, level, page) for kind, text, level, page in found["blocks"]]
    return Reading(blocks, notices=tuple(found["notices"]))


def main() -> None:
    """Read the file whose bytes come on stdin, by the ending of the path given, and write what was found to stdout."""
    path = sys.argv[1]
    limit_memory()
    limit_time(MAX_SECONDS)
    try:
        reading = _reader(path)(sys.stdin.buffer.read(), path)
        if sum(len(block.text) for block in reading.blocks) > MAX_TEXT_CHARACTERS:
            raise UnreadableSource(f"{path} : plus de {MAX_TEXT_CHARACTERS // 1_000_000} millions de lettres. {_SPLIT}")
        blocks = [(block.kind, block.text, block.level, block.page) for block in reading.blocks]
        found = json.dumps({"blocks": blocks, "notices": reading.notices})
    except UnreadableSource as error:
        found = json.dumps({"problem": str(error)})
    except MemoryError:
        problem = f"{path} : sa lecture demande trop de mémoire. {_SPLIT}"
        found = json.dumps({"problem": problem, "interrupted": True})
    except Exception as error:  # libraries raise anything on malformed files; this is the process's outermost layer
        traceback.print_exc()
        kind = type(error).__name__
        found = json.dumps({"problem": f"{path} : le fichier est abîmé, il ne se lit pas ({kind}). {_SAVE_AGAIN}"})
    sys.stdout.write(found)


def limit_memory() -> None:
    """Bound this process's address space, where the system can."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_time(seconds: float) -> None:
    """Have the system end this process once it has computed for so many seconds more (SIGXCPU), where it can.

    Called again, it gives that much from then on.
    """
    if sys.platform == "linux":
        import resource

        until = math.ceil(time.process_time() + seconds)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (until if most == resource.RLIM_INFINITY else min(until, most), most))


def _too_long(path: str) -> InterruptedReading:
    return InterruptedReading(f"{path} : sa lecture prend plus de {MAX_SECONDS} secondes. {_SPLIT}")


def _reader(path: str) -> Callable[[bytes, str], Reading]:
    match PurePosixPath(path).suffix.lower():
        case ".pdf":
            from ingest.read_pdf import read_pdf

            return read_pdf
        case ".docx" | ".docm":
            from ingest.read_docx import read_docx

            return read_docx
        case ".odt":
            from ingest.read_odt import read_odt

            return read_odt
        case _:
            from ingest.read_sheet import read_workbook

            return read_workbook
