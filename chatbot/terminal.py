"""What the commands of `loos` share: options, and how results, messages and progress are written."""

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatbot.settings import Settings

if TYPE_CHECKING:
    from index.encoder import SentenceTransformerEncoder

__all__ = [
    "LABELS",
    "CorpusOption",
    "IndexOption",
    "JsonOption",
    "as_called",
    "load_encoder",
    "log_from",
    "print_json",
    "progress_bar",
    "progress_json",
]

CorpusOption = Annotated[Path | None, typer.Option("--corpus", help="Dossier des documents.", metavar="DOSSIER")]
IndexOption = Annotated[Path | None, typer.Option("--index", help="Dossier de l’index.", metavar="DOSSIER")]
JsonOption = Annotated[bool, typer.Option("--json", help="Écrire le résultat en JSON.")]

LABELS = {
    "documents": "Lecture des documents",
    "passages": "Découpage en passages",
    "vectors": "Calcul des vecteurs",
    "calibration": "Réglage des réponses",
    "questions": "Questions de contrôle",
}
"""What a build counts, in words."""
_EVERY_S = 0.2


def log_from(level: int) -> None:
    """Log our own packages to stderr from this level, and others' warnings, whatever level they set themselves."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", handlers=[handler], force=True
    )
    for package in ("ingest", "index", "chatbot"):
        logging.getLogger(package).setLevel(level)


def load_encoder(settings: Settings) -> "SentenceTransformerEncoder":
    """The encoder that the settings name. Raises as `index.encoder.load_encoder`."""
    from index.encoder import load_encoder as load

    return load(settings.model, settings.models, threads=settings.threads or None)


def print_json(value: Any) -> None:
    """Write a result to stdout for a program."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def as_called(text: str) -> str:
    """A message in which commands stand as this one was called: « .venv/bin/loos build » where `loos` alone fails."""
    called = sys.argv[0]
    if Path(called).name != "loos" or called == "loos" or shutil.which("loos"):
        return text
    return text.replace("« loos ", f"« {called} ").replace("« loos »", f"« {called} »")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Counts and remaining time on stderr, shown only in a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(LABELS.get(what, what), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


@contextmanager
def progress_json() -> Iterator[Callable[[str, int, int], None]]:
    """One JSON object a line on stderr, at most five a second: what is counted, how much is done, of how much, and the
    seconds that remain, null while that is not known."""
    started: dict[str, tuple[float, int]] = {}
    written = 0.0

    def show(what: str, done: int, total: int) -> None:
        nonlocal written
        now = time.monotonic()
        begun, first = started.setdefault(what, (now, done))
        if done < total and now - written < _EVERY_S:
            return
        written = now
        remaining = (now - begun) / (done - first) * (total - done) if done > first else None
        line = {
            "what": what,
            "done": done,
            "total": total,
            "remaining_s": 0.0 if done >= total else remaining and round(remaining, 1),
        }
        print(json.dumps(line), file=sys.stderr, flush=True)

    yield show
