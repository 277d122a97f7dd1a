"""The gold questions that rest on a document, parted from the others when it goes and joined again when it is back.

Lines that are no questions stay as they are, and every line that is not concerned stays to the last byte.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.entries import utf8_data
from ingest.errors import InvalidEntry
from ingest.files import QUESTIONS_FILE

__all__ = ["gathered", "joined", "kept_questions", "parted", "read_questions"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_Question = dict[str, Any]


def read_questions(folder: Path) -> str:
    """The text of a folder's gold questions, as it stands there; empty where there is no such file.

    Raises:
        InvalidEntry: it does not read.
    """
    return utf8_data(folder / QUESTIONS_FILE).decode("utf-8")


def parted(questions: str, documents: Collection[str]) -> tuple[str, str]:
    """What stays of gold questions without documents (their ids), and the questions that quote these, one a line.

    A question that also quotes other documents stays, without these quotes.
    """
    stays: list[str] = []
    goes: list[str] = []
    for line, question in _lines(questions):
        left = [span for span in _spans(question) if _document(span) not in documents]
        if len(left) == len(_spans(question)):
            stays.append(line)
            continue
        goes.append(line.lstrip("\ufeff"))
        if left:
            stays.append(_with_spans(line, question, left))
    return "".join(stays), _text(goes)


def gathered(kept: str, goes: str) -> str:
    """Questions that were set aside and those that go now: of one that is in both, what it says now."""
    now = {_name(question) or line.strip() for line, question in _lines(goes)}
    before = [line for line, question in _lines(kept) if (_name(question) or line.strip()) not in now]
    return _text([*before, *(line for line, _ in _lines(goes))])


def joined(questions: str, kept: str, is_there: Callable[[str], bool]) -> str:
    """Gold questions with those that were set aside, at the end.

    One that is still there, or was written anew under its id, stays and gets the quotes that it lacks: as it was set
    aside where it then says the same. Quotes of documents that are not there (`is_there` takes an id) are left out of
    what comes back: they were set aside with these documents.
    """
    lines = list(_lines(questions))
    there = {line.strip().lstrip("\ufeff") for line, _ in lines}
    waiting = [(line, question) for line, question in _lines(kept) if question and line.strip() not in there]
    if not waiting:
        return questions
    alone = _alone(lines) & _alone(waiting)
    found: list[str] = []
    for line, question in lines:
        place = next((n for n, (_, other) in enumerate(waiting) if _is_same(question, other, alone)), None)
        if place is None:
            found.append(line)
            continue
        whole, other = waiting.pop(place)
        missing = [span for span in _there(other, is_there) if span not in _spans(question)]
        spans = [*_spans(question), *missing]
        if not missing:
            found.append(line)
        elif _but_quotes(question) == _but_quotes(other) and _are_same(spans, _spans(other)):
            found.append(whole)
        else:
            found.append(_with_spans(line, question, spans))
    for line, question in waiting:
        spans = _there(question, is_there)
        found.append(_with_spans(line, question, spans) if 0 < len(spans) < len(_spans(question)) else line)
    return _text(found)


def kept_questions(folder: Path) -> int:
    """How many gold questions are kept in a folder; 0 where they do not read."""
    try:
        return sum(bool(question) for _, question in _lines(read_questions(folder)))
    except InvalidEntry:
        return 0


def _lines(questions: str) -> Iterator[tuple[str, _Question]]:
    """The lines, each with its end and with what it says; nothing where it is no question."""
    for line in _LINE.findall(questions):
        try:
            said = json.loads(line.strip().lstrip("\ufeff"))
        except (ValueError, RecursionError):
            said = {}
        yield line, said if isinstance(said, dict) else {}


def _text(lines: Sequence[str]) -> str:
    """The lines as one text, each with an end."""
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _name(question: _Question) -> str:
    name = question.get("id")
    return name if isinstance(name, str) else ""


def _alone(lines: Sequence[tuple[str, _Question]]) -> set[str]:
    """The ids that only one question has."""
    counts = Counter(_name(question) for _, question in lines)
    return {name for name, count in counts.items() if name and count == 1}


def _is_same(question: _Question, other: _Question, alone: Collection[str]) -> bool:
    return bool(question) and (
        _but_quotes(question) == _but_quotes(other) or (_name(question) == _name(other) and _name(other) in alone)
    )


def _but_quotes(question: _Question) -> _Question:
    return {key: value for key, value in question.items() if key != "spans"}


def _are_same(spans: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether the quotes are the same, in whatever order."""
    return all(span in others for span in spans) and all(span in spans for span in others)


def _spans(question: _Question) -> list[Any]:
    spans = question.get("spans")
    return spans if isinstance(spans, list) else []


def _document(span: object) -> str:
    """The id of the document that a span quotes; empty where it is none."""
    document = span.get("document") if isinstance(span, dict) else ""
    return document if isinstance(document, str) else ""


def _there(question: _Question, is_there: Callable[[str], bool]) -> list[Any]:
    return [span for span in _spans(question) if not _document(span) or is_there(_document(span))]


def _with_spans(line: str, question: _Question, spans: list[Any]) -> str:
    end = line[len(line.rstrip("\r\n")) :]
    mark = "\ufeff" if line.startswith("\ufeff") else ""
    is_escaped = "\\ud" in line.lower()  # half a character, which UTF-8 cannot write
    return f"{mark}{json.dumps({**question, 'spans': spans}, ensure_ascii=is_escaped)}{end}"
