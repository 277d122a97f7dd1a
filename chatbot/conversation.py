"""One question to one reply: checked, searched, composed, or declined."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from chatbot.abstain import SERVICE_MARGIN, THRESHOLD, Evidence, evidence, probability_of
from chatbot.answer import Abstention, Answer, Citation, Reason, Reply, cite
from chatbot.compose import Candidate, candidates, compose, has_answer_text
from chatbot.errors import InvalidQuestion
from chatbot.language import detect_language
from chatbot.messages import messages_for
from chatbot.settings import Settings
from chatbot.small_talk import small_talk
from index import Hit, Searcher
from index.question import Question, focus
from ingest import Passage
from ingest.normalise import normalise_block

__all__ = ["Found", "check_question", "contact", "find", "reply_to"]

FloatArray = NDArray[np.float32]

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SEARCHED = 20
"""Passages searched for: enough for ten to be left once those that hold only a question or a label are dropped."""
_SEARCHED_WITHOUT = 150
_NEAREST = 3
_SUGGESTIONS = 3
_TRIED = 12
"""Of the nearest gold questions, at most this many are tried until enough are answered."""


def check_question(question: str, language: str | None, settings: Settings) -> None:
    """Raise InvalidQuestion, in the question's language, if it is blank or longer than the settings allow."""
    messages = messages_for(language or detect_language(question[:1000]))
    limit = settings.max_question_characters
    if not question.strip():
        raise InvalidQuestion(messages.question_empty)
    if len(question) > limit:
        raise InvalidQuestion(messages.question_too_long.format(length=len(question), limit=limit))


def reply_to(question: str, searcher: Searcher, settings: Settings, language: str | None = None) -> Reply:
    """The answer to a question in the documents' words, or an abstention if they do not answer it.

    `language` is that of the words around the quotes; by default the question's own.
    """
    started = time.perf_counter()
    question = normalise_block(question)
    language = language or detect_language(question)
    build_id = searcher.build.manifest.build_id
    fixed = small_talk(question) if _LETTER_OR_DIGIT.search(question) else Reason.NO_WORDS
    if fixed:
        return _fixed(fixed, question, language, searcher, settings)
    (asked,) = searcher.encode([question])
    encoded = time.perf_counter()
    found = find(asked, searcher)
    timings_ms = {"encode": 1000 * (encoded - started), "search": 1000 * (time.perf_counter() - encoded)}
    if found.is_answer:
        sentences, citations = compose(asked, found.candidates, searcher)
        timings_ms["total"] = 1000 * (time.perf_counter() - started)
        return Answer(question, language, sentences, citations, found.hits, found.probability, timings_ms, build_id)
    messages = messages_for(language)
    hits = found.hits or searcher.search(asked, _SEARCHED)
    nearest = () if found.is_service else _nearest(hits, searcher)
    suggestions = _suggestions(asked, hits, language, searcher)
    timings_ms["total"] = 1000 * (time.perf_counter() - started)
    return Abstention(
        question=question,
        language=language,
        reason=Reason.TOWN_SERVICE if found.is_service else Reason.NOT_IN_CORPUS,
        text=(messages.town_service if found.is_service else messages.not_in_corpus).format(contact=contact(settings)),
        nearest=nearest,
        suggestions=suggestions,
        confidence=found.probability,
        timings_ms=timings_ms,
        build_id=build_id,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The passages found for a question, their sentences, and what these are worth: None without any sentence."""

    hits: tuple[Hit, ...]
    candidates: tuple[Candidate, ...]
    evidence: Evidence | None

    @property
    def probability(self) -> float:
        """The probability, in [0, 1], that the passages answer the question."""
        return probability_of(self.evidence) if self.evidence else 0.0

    @property
    def is_service(self) -> bool:
        """Whether the question is one for the town hall's services."""
        return self.evidence is not None and self.evidence.service_margin >= SERVICE_MARGIN

    @property
    def is_answer(self) -> bool:
        """Whether that is enough for an answer."""
        return self.probability >= THRESHOLD and not self.is_service


def find(asked: Question, searcher: Searcher, is_left_out: Callable[[Passage], bool] | None = None) -> Found:
    """What the passages hold for a question; to measure, as if some passages were not there."""
    searched = searcher.search(asked, _SEARCHED_WITHOUT if is_left_out else _SEARCHED)
    kept = (hit for hit in searched if has_answer_text(hit.passage) and not (is_left_out and is_left_out(hit.passage)))
    hits = tuple(islice(kept, _SEARCHED))
    found = candidates(asked, hits, searcher)
    return Found(hits, found, evidence(asked, hits, found, searcher) if found else None)


def contact(settings: Settings) -> str:
    """How to reach the town hall, on one line, from what the settings hold."""
    details = (settings.contact_name, settings.contact_phone, settings.contact_email, settings.contact_url)
    return ", ".join(detail for detail in details if detail)


def _fixed(reason: Reason, question: str, language: str, searcher: Searcher, settings: Settings) -> Abstention:
    """The reply to what no document answers by its nature, with questions that they do answer."""
    rows = _answered(searcher, language)[:_SUGGESTIONS]
    suggestions = [searcher.build.questions[row].question for row in rows]
    messages = messages_for(language)
    example = suggestions[0] if suggestions else messages.example_question
    text: str = getattr(messages, reason.value)
    return Abstention(
        question=question,
        language=language,
        reason=reason,
        text=text.format(example=example, contact=contact(settings)),
        nearest=(),
        suggestions=() if reason is Reason.THANKS else tuple(suggestions),
        confidence=0.0,
        timings_ms={"total": 0.0},
        build_id=searcher.build.manifest.build_id,
    )


def _nearest(hits: tuple[Hit, ...], searcher: Searcher) -> tuple[Citation, ...]:
    """The best passage of each of the nearest sections."""
    nearest: dict[tuple[str, tuple[str, ...]], Hit] = {}
    for hit in hits:
        nearest.setdefault((hit.passage.document_id, hit.passage.heading_path), hit)
    chosen = list(nearest.values())[:_NEAREST]
    documents = searcher.build.documents
    return tuple(
        cite(number, documents[hit.passage.document_id], hit.passage, hit.passage.start, hit.passage.end)
        for number, hit in enumerate(chosen, start=1)
    )


def _answered(searcher: Searcher, language: str) -> list[int]:
    """The rows of well-written gold questions that the corpus answers: in this language if there are, else French."""
    for wanted in (language, "fr"):
        rows = [
            row
            for row, question in enumerate(searcher.build.questions)
            if question.kind == "fact" and question.style == "formal" and question.language == wanted
        ]
        if len(rows) > 1:
            return rows
    return []


def _suggestions(asked: Question, hits: Sequence[Hit], language: str, searcher: Searcher) -> tuple[str, ...]:
    """Questions that the corpus answers: the nearest gold ones, or, without any, on the nearest sections."""
    build = searcher.build
    similarity = build.question_vectors @ asked.vector
    rows = sorted(_answered(searcher, language), key=lambda row: -similarity[row])
    if rows:
        answered = (row for row in rows[:_TRIED] if find(_gold_question(row, searcher), searcher).is_answer)
        return tuple(build.questions[row].question for row in islice(answered, _SUGGESTIONS))
    template = messages_for(language).question_about
    texts = dict.fromkeys(template.format(heading=hit.passage.heading_path[-1]) for hit in hits)
    others = (q for q in searcher.encode(list(texts)) if q.text != asked.text)
    return tuple(islice((q.text for q in others if find(q, searcher).is_answer), _SUGGESTIONS))


def _gold_question(row: int, searcher: Searcher) -> Question:
    """A gold question as it would be asked; encoded again only where it holds more than its focus."""
    text, vector = searcher.build.questions[row].question, searcher.build.question_vectors[row]
    return Question(text, text, vector, vector) if focus(text) == text else searcher.encode([text])[0]
