"""Gold questions: real questions with the exact quotes that answer them."""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from index.errors import InvalidGold

__all__ = ["GoldQuestion", "GoldSpan", "read_gold"]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class GoldSpan:
    """A quote that answers, word for word, and the id of the document that holds it."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class GoldQuestion:
    """A question and what a right answer rests on.

    `spans` are empty where the corpus does not answer. `gold` are texts of which a right answer holds at least one.
    `kind` is `theme` for the questions that the page offers as buttons, `fact` for other answerable ones; `far`,
    `service` (of the town hall) and `near` are what the corpus does not answer.
    """

    id: str
    question: str
    language: str
    answerable: bool
    spans: tuple[GoldSpan, ...]
    gold: tuple[str, ...]
    kind: Literal["fact", "theme", "far", "service", "near"]


_LINE = TypeAdapter(GoldQuestion)


def read_gold(path: Path) -> tuple[GoldQuestion, ...]:
    """The gold questions of a JSONL file, in order; none if the file does not exist.

    Raises:
        InvalidGold: a line is no JSON object of the right keys.
    """
    if not path.exists():
        return ()
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            questions.append(_LINE.validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "la ligne"
            raise InvalidGold(f"{path}, ligne {number} : {where} : {first['msg']}. Corrigez cette ligne.") from error
    return tuple(questions)
