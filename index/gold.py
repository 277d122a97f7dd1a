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
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidGold(
            f"{path} ne se lit pas ({error}). Enregistrez-le en UTF-8, une question par ligne."
        ) from error
    questions: dict[str, GoldQuestion] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _LINE.validate_json(line)
        except ValidationError as error:
            raise InvalidGold(f"{path}, ligne {number} : {_explain(error)}. Corrigez cette ligne.") from error
        if question.id in questions:
            raise InvalidGold(f"{path}, ligne {number} : l’identifiant « {question.id} » sert déjà. Changez-le.")
        questions[question.id] = question
    return tuple(questions.values())


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    problems = {
        "json_invalid": "ce n’est pas du JSON valide",
        "missing": f"« {name} » manque",
        "unexpected_keyword_argument": f"« {name} » est inconnu",
        "extra_forbidden": f"« {name} » est inconnu",
        "literal_error": f"« {name} » vaut {first['input']!r}, qui n’est pas un genre connu",
    }
    return problems.get(first["type"], f"« {name} » vaut {first['input']!r}, qui ne convient pas")
