"""The gold questions that rest on a document, set aside with it and put back with it."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.errors import InvalidEntry
from ingest.files import QUESTIONS_FILE
from ingest.write_file import write_file

__all__ = ["kept_questions", "put_back", "set_aside"]

_Question = dict[str, Any]


def set_aside(corpus: Path, folder: Path, documents: Collection[str]) -> int:
    """Take the gold questions that quote these documents (by their ids) out of a corpus and keep them in a folder.

    A question that also quotes other documents stays, without these quotes. Returns how many questions are concerned.
    Lines that are no questions stay as they are.

    Raises:
        NotWritten: a file cannot be written.
        InvalidEntry: the questions do not read.
    """
    kept: list[str] = []
    taken: list[str] = []
    for line, question in _lines(corpus):
        left = [span for span in _spans(question) if span.get("document") not in documents]
        if len(left) == len(_spans(question)):
            kept.append(line)
            continue
        taken.append(line)
        if left:
            kept.append(json.dumps({**question, "spans": left}, ensure_ascii=False))
    if taken:
        known = {question.get("id") for _, question in _lines(folder)}
        before = [line for line, question in _lines(folder)]
        _write(folder, [*before, *(line for line in taken if json.loads(line).get("id") not in known)])
        _write(corpus, kept)
    return len(taken)


def put_back(corpus: Path, folder: Path) -> int:
    """Put the gold questions that were kept in a folder back into a corpus. Returns how many there were.

    One that is still there, or was written anew under its id, gets the quotes that it lacks and stays as it is else.

    Raises:
        NotWritten: the file cannot be written.
        InvalidEntry: the questions do not read.
    """
    back = {str(question.get("id")): (line, question) for line, question in _lines(folder) if question}
    if not back:
        return 0
    lines: list[str] = []
    found: set[str] = set()
    for line, question in _lines(corpus):
        name = str(question.get("id"))
        if name not in back:
            lines.append(line)
            continue
        found.add(name)
        missing = [span for span in _spans(back[name][1]) if span not in _spans(question)]
        same = {**question, "spans": [*_spans(question), *missing]} == back[name][1]
        whole = json.dumps({**question, "spans": [*_spans(question), *missing]}, ensure_ascii=False)
        lines.append(back[name][0] if same else whole if missing else line)
    _write(corpus, [*lines, *(line for name, (line, _) in back.items() if name not in found)])
    return len(back)


def kept_questions(folder: Path) -> int:
    """How many gold questions are kept in a folder; 0 where they do not read."""
    try:
        return sum(bool(question) for _, question in _lines(folder))
    except InvalidEntry:
        return 0


def _lines(folder: Path) -> Iterator[tuple[str, _Question]]:
    """The lines of a folder's gold questions, each with what it says; nothing where it is no question."""
    where = folder / QUESTIONS_FILE
    try:
        text = where.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEntry(f"{where} ne se lit pas. Rien n’a été changé : enregistrez-le en UTF-8.") from error
    for line in text.replace("\r\n", "\n").split("\n"):
        try:
            found = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            found = {}
        if line.strip():
            yield line, found if isinstance(found, dict) else {}


def _spans(question: _Question) -> list[_Question]:
    spans = question.get("spans")
    return [span for span in spans if isinstance(span, dict)] if isinstance(spans, list) else []


def _write(folder: Path, lines: Sequence[str]) -> None:
    write_file(folder / QUESTIONS_FILE, "".join(f"{line}\n" for line in lines).encode(), QUESTIONS_FILE)
