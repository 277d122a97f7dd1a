"""Gold questions: real questions with the exact quotes that answer them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from index.errors import InvalidGold
from ingest import Document, Passage, fold_for_search
from ingest.plain_words import system_reason
from ingest.sentences import Span

__all__ = [
    "GoldQuestion",
    "GoldResult",
    "GoldSpan",
    "Half",
    "Outcome",
    "Place",
    "gold_problems",
    "half",
    "holds_quote",
    "quote_places",
    "read_gold",
]

Half = Literal["choosing", "reporting"]
"""Settings are chosen on one half of the gold questions; figures are reported on the other."""

Place = tuple[str, Span]
"""A document's id and the offsets of a gold quote in its text."""

Style = Literal["formal", "familiar", "keywords", "misspelt"]


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
    `service` (of the town hall) and `near` are what the corpus does not answer. How a question is put stands at the
    end of its id, as `-formal` (which is also what an id without it means), `-familiar`, `-keywords` or `-misspelt`.
    """

    id: str
    question: str
    language: str
    answerable: bool
    spans: tuple[GoldSpan, ...]
    gold: tuple[str, ...]
    kind: Literal["fact", "theme", "far", "service", "near"]

    @property
    def style(self) -> Style:
        """How the question is put."""
        ending = self.id.rpartition("-")[2]
        return next((style for style in get_args(Style) if style == ending), "formal")


Outcome = Literal["right", "declined", "wrong"]
"""What the service does with a gold question: the right answer, none where there is one, or an answer that is none.

To decline is right where the documents do not answer."""


@dataclass(frozen=True, slots=True)
class GoldResult:
    """What became of one gold question on one build.

    `found` says whether a passage with a gold quote is among the five best; False where there is none to find.
    `outcome` is None where nobody judged the answer. `best` are the ids of the five best passages, best first, and
    `said` is the answer, empty where there was none: both explain what happened.
    """

    id: str
    question: str
    answerable: bool
    found: bool
    outcome: Outcome | None = None
    best: tuple[str, ...] = ()
    said: str = ""


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
            f"{path} ne se lit pas ({system_reason(error)}). Enregistrez-le en UTF-8, une question par ligne."
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
        "literal_error": f"« {name} » vaut {first['input']!r} ; les genres sont fact, theme, far, service et near",
    }
    return problems.get(first["type"], f"« {name} » vaut {first['input']!r}, qui ne convient pas")


def half(question: GoldQuestion, documents: Mapping[str, Document]) -> Half:
    """Which half a question belongs to, fixed by the section that its first quote stands in.

    So all questions on a section are in one half; what other documents say of it may be seen from both. A question that
    the corpus does not answer goes by its id.
    """
    key = _section(question.spans[0], documents) if question.spans else question.id
    return "choosing" if hashlib.sha256(key.encode("utf-8")).digest()[0] % 2 else "reporting"


def quote_places(question: GoldQuestion, documents: Mapping[str, Document]) -> list[Place]:
    """Where the gold quotes of a question stand, in order; a quote that is in no document is left out."""
    found = ((span.document, _place(span, documents)) for span in question.spans)
    return [(document, place) for document, place in found if place]


def holds_quote(passage: Passage, places: Sequence[Place]) -> bool:
    """Whether a passage holds a gold quote, or a part of one."""
    return any(
        document == passage.document_id and start < passage.end and passage.start < end
        for document, (start, end) in places
    )


def gold_problems(questions: Sequence[GoldQuestion], documents: Mapping[str, Document]) -> Iterator[str]:
    """What does not fit together in gold questions and the documents that they quote, in French."""
    headings = {
        fold_for_search(heading).lower().rstrip(" ?.!")
        for document in documents.values()
        for section in document.sections
        for heading in (document.title, *section.heading_path)
    }
    asked: dict[str, str] = {}
    for question in questions:
        named = f"{question.id}, « {question.question} »"
        text = fold_for_search(question.question).lower().rstrip(" ?.!")
        if (other := asked.setdefault(text, question.id)) != question.id:
            yield f"{named} : la même question que {other}. Retirez l’une des deux."
        if text in headings:
            yield f"{named} : la question est la copie d’un titre. Posez-la avec d’autres mots."
        of_answerable_kind = question.kind in ("fact", "theme")
        if not question.answerable == bool(question.spans) == of_answerable_kind:
            yield (
                f"{named} : une question de genre fact ou theme a « answerable » à true et des citations ; "
                "une question de genre far, service ou near l’a à false, sans citation."
            )
        for span in question.spans:
            if span.document not in documents:
                yield f"{named} : le document « {span.document} » n’existe pas. Retirez cette citation, ou corrigez-la."
            elif span.quote not in documents[span.document].text:
                yield (
                    f"{named} : « {span.quote} » n’est plus dans {documents[span.document].source.path}. "
                    "Recopiez la phrase actuelle mot à mot, ou retirez cette citation."
                )
            elif not any(gold in span.quote for gold in question.gold):
                yield f"{named} : « {span.quote} » ne contient aucun des textes attendus (gold). Corrigez-les."


def _section(span: GoldSpan, documents: Mapping[str, Document]) -> str:
    """A name for the section that holds a quote: its document and headings, or the quote where there is none."""
    place = _place(span, documents)
    for section in documents[span.document].sections if place else ():
        if place and section.start <= place[0] < section.end:
            return " › ".join((span.document, *section.heading_path))
    return f"{span.document} : {span.quote}"


def _place(span: GoldSpan, documents: Mapping[str, Document]) -> Span | None:
    document = documents.get(span.document)
    start = document.text.find(span.quote) if document else -1
    return (start, start + len(span.quote)) if start >= 0 else None
