"""One question to one reply: checked, searched, composed, or declined."""

import re
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.abstain import SERVICE_MARGIN, Evidence, calibration_of, evidence, lacks_year, probability_of
from chatbot.answer import Abstention, Answer, Citation, Reason, Reply
from chatbot.compose import Candidate, candidates, compose, has_answer_text, nearest_quotes
from chatbot.errors import InvalidQuestion
from chatbot.follow_up import Turn, asks_for_more, understand
from chatbot.language import detect_language
from chatbot.messages import messages_for
from chatbot.settings import Settings
from chatbot.small_talk import small_talk
from index import Build, Hit, Searcher
from index.gold import GoldQuestion
from index.question import Question
from index.store import Calibration
from ingest import Passage, fold_for_search
from ingest.normalise import normalise_block

__all__ = ["Found", "check_question", "contact", "find", "reply_to", "theme_questions"]

FloatArray = NDArray[np.float32]

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SEARCHED = 20
"""Passages kept of those found, once those that hold only a question or a label are dropped."""
_SUGGESTIONS = 3
_SEE_ALSO = 1
"""A partial answer shows this many quotes."""
_SUGGESTED_SIMILARITY = 0.87
"""A question less like the one asked is suggested only after those that the page begins with."""
_MORE_MARGIN = 0.25
"""How far below the best sentence's score those that say more may be."""


def check_question(question: str, language: str | None, settings: Settings) -> None:
    """Raise InvalidQuestion, in the question's language, if it is blank or longer than the settings allow."""
    messages = messages_for(language or detect_language(question[:1000]))
    limit = settings.max_question_characters
    if not question.strip():
        raise InvalidQuestion(messages.question_empty)
    if len(question) > limit:
        raise InvalidQuestion(messages.question_too_long.format(length=len(question), limit=limit))


def reply_to(
    question: str, searcher: Searcher, settings: Settings, language: str | None = None, turns: Sequence[Turn] = ()
) -> Reply:
    """The answer to a question in the documents' words, or an abstention if they do not answer it.

    `language` is that of the words around the quotes; by default the question's own. `turns` are what was asked before,
    in order: a question that does not stand alone is understood by the last of them.
    """
    started = time.perf_counter()
    question = normalise_block(question)
    language = language or detect_language(question)
    whole = understand(question, turns)
    fixed = small_talk(question) if _LETTER_OR_DIGIT.search(question) else Reason.NO_WORDS
    if not fixed and asks_for_more(question):
        fixed = Reason.NO_WORDS  # of what was not said; where something was, it is made whole
    if fixed and not whole:
        return _fixed(fixed, question, language, searcher, settings)
    (asked,) = searcher.encode([whole.question if whole else question])
    encoded = time.perf_counter()
    found = find(asked, searcher)
    if whole and whole.more:
        found = found.without(" ".join(turn.answer for turn in turns if turn.question == whole.question))
    timings_ms = {"encode": 1000 * (encoded - started), "search": 1000 * (time.perf_counter() - encoded)}
    reply: dict[str, Any] = {
        "question": question,
        "understood": asked.text if asked.text != question else None,
        "language": language,
        "confidence": found.probability,
        "timings_ms": timings_ms,
        "build_id": searcher.build.manifest.build_id,
    }
    if found.is_answer:
        sentences, citations = compose(asked, found.candidates, searcher)
        timings_ms["total"] = 1000 * (time.perf_counter() - started)
        return Answer(sentences=sentences, citations=citations, hits=found.hits, **reply)
    hits = found.hits or searcher.unread.search(asked, _SEARCHED)
    nearest: tuple[Citation, ...]
    if found.is_service:
        reason, nearest = Reason.TOWN_SERVICE, ()
    elif whole and whole.more and not found.candidates:
        reason, nearest = Reason.NOTHING_MORE, ()
    elif found.is_partial:
        nearest = tuple(replace(c, answer=None) for c in compose(asked, found.candidates, searcher)[1][:_SEE_ALSO])
        reason = Reason.NOT_SAID
    else:
        reason, nearest = Reason.NOT_IN_CORPUS, nearest_quotes(found.candidates, searcher.build)
    messages = messages_for(language)
    text: str = getattr(messages, reason.value)
    suggestions = _suggestions(asked, hits, language, searcher)
    timings_ms["total"] = 1000 * (time.perf_counter() - started)
    return Abstention(
        reason=reason,
        text=text.format(contact=contact(settings), themes=messages.between.join(_themes(searcher.build))),
        nearest=nearest,
        suggestions=suggestions,
        **reply,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The passages found for a question, their sentences, and what these are worth: None without any sentence.

    `lacks_year` says that a year is asked for of which the best passage does not speak, `is_offered` that the page
    itself offers the question: whoever wrote it knows that the documents answer it.
    """

    hits: tuple[Hit, ...]
    candidates: tuple[Candidate, ...]
    evidence: Evidence | None
    lacks_year: bool
    is_offered: bool
    calibration: Calibration

    @property
    def is_read(self) -> bool:
        """Whether any of the passages was read."""
        return any(hit.reading for hit in self.hits)

    @property
    def probability(self) -> float:
        """The probability, in [0, 1], that the passages answer the question."""
        return probability_of(self.evidence, self.calibration) if self.evidence else 0.0

    def without(self, said: str) -> "Found":
        """The same without the sentences that were already said: what says more of it, if anything does."""
        best = self.candidates[0].score if self.candidates else 0.0
        said = _letters(said)
        left = (c for c in self.candidates if _letters(c.text) not in said and c.score > best - _MORE_MARGIN)
        return replace(self, candidates=tuple(left))

    @property
    def is_service(self) -> bool:
        """Whether the question is one for the town hall's services."""
        return self.evidence is not None and self.evidence.service_margin >= SERVICE_MARGIN

    @property
    def is_answer(self) -> bool:
        """Whether that is enough for an answer."""
        enough = self.probability >= self.calibration.answer_from and not self.lacks_year and not self.is_service
        return bool(self.candidates) and (enough or self.is_offered)

    @property
    def is_partial(self) -> bool:
        """Whether that is no answer, but speaks of what is asked."""
        enough = self.probability >= self.calibration.partial_from
        return enough and not self.is_answer and not self.is_service


def find_passages(
    asked: Question, searcher: Searcher, count: int, is_left_out: Callable[[Passage], bool] | None = None
) -> tuple[Hit, ...]:
    """The best passages with a sentence that can stand in an answer: reading others would be time lost."""

    has_text = searcher.notes(asked).setdefault("has text", {})

    def has_none(passage: Passage) -> bool:
        if passage.id not in has_text:
            has_text[passage.id] = has_answer_text(passage)
        return not has_text[passage.id] or bool(is_left_out and is_left_out(passage))

    return searcher.search(asked, count, is_left_out=has_none)


def find(asked: Question, searcher: Searcher, is_left_out: Callable[[Passage], bool] | None = None) -> Found:
    """What the passages hold for a question; to measure, as if some passages were not there."""
    hits = find_passages(asked, searcher, _SEARCHED, is_left_out)
    found = candidates(asked, hits, searcher)
    return Found(
        hits,
        found,
        evidence(asked, hits, found, searcher) if found else None,
        bool(found) and lacks_year(asked.text, found[0]),
        fold_for_search(asked.text) in _offered(searcher),
        calibration_of(searcher.build, is_read=any(hit.reading for hit in hits)),
    )


def _offered(searcher: Searcher) -> set[str]:
    """The questions that the page offers as buttons, folded."""
    return {fold_for_search(gold.question) for gold in searcher.build.questions if gold.kind == "theme"}


def _letters(text: str) -> str:
    """A text without what stands between its words: citation marks, line breaks, the dashes of a list."""
    return " ".join(re.findall(r"[^\W\d_]+", text))


def _themes(build: Build) -> Sequence[str]:
    """What the documents are about, in their order."""
    return list(dict.fromkeys(document.theme for document in build.documents.values() if document.theme))


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
        understood=None,
        language=language,
        reason=reason,
        text=text.format(example=example, contact=contact(settings)),
        nearest=(),
        suggestions=() if reason in (Reason.THANKS, Reason.GOODBYE) else tuple(suggestions),
        confidence=0.0,
        timings_ms={"total": 0.0},
        build_id=searcher.build.manifest.build_id,
    )


def _suggestions(asked: Question, hits: Sequence[Hit], language: str, searcher: Searcher) -> tuple[str, ...]:
    """Questions that the corpus answers: gold ones, or, without any, on the nearest sections.

    Of the gold questions those most like the one asked, and where none is like it those that the page begins with.
    """
    build = searcher.build
    similarity = build.question_vectors @ asked.vector
    if rows := sorted(_answered(searcher, language), key=lambda row: -float(similarity[row])):
        like = [build.questions[row].question for row in rows if similarity[row] >= _SUGGESTED_SIMILARITY]
        answered = {build.questions[row].id for row in rows}
        first = sorted(
            theme_questions(build.questions, answered, build.questions[rows[0]].language),
            key=lambda question: -float(similarity[_row(build, question)]),
        )
        return tuple(islice(dict.fromkeys((*like[:_SUGGESTIONS], *first)), _SUGGESTIONS))
    template = messages_for(language).question_about
    texts = dict.fromkeys(template.format(heading=hit.passage.heading_path[-1]) for hit in hits)
    others = (q for q in searcher.encode(list(texts)) if q.text != asked.text)
    unread = searcher.unread  # the time for reading is the question's own
    return tuple(islice((q.text for q in others if find(q, unread).is_answer), _SUGGESTIONS))


def _row(build: Build, question: str) -> int:
    return next(row for row, gold in enumerate(build.questions) if gold.question == question)


def theme_questions(
    questions: Sequence[GoldQuestion],
    answered: Set[str],
    language: str,
    similarity: Sequence[float] | None = None,
    before: Set[str] = frozenset(),
) -> tuple[str, ...]:
    """One question for each document that a gold question of the kind `theme` quotes first, in their order.

    Of the gold questions in this language on that document, with ids in `answered` or themselves of that kind,
    the first by `similarity`, one value a question, and none of those asked `before`. Without similarities the first of
    the kind `theme` comes first. A theme of which nothing is left to ask is left out.
    """
    offered = []
    themes = dict.fromkeys(gold.spans[0].document for gold in questions if gold.kind == "theme" and gold.spans)
    for document in themes:
        about = [
            (gold.kind != "theme" if similarity is None else -similarity[row], row)
            for row, gold in enumerate(questions)
            if gold.language == language
            and gold.spans
            and gold.spans[0].document == document
            and (gold.id in answered or gold.kind == "theme")
            and gold.question not in before
        ]
        if about:
            offered.append(questions[min(about)[1]].question)
    return tuple(offered)


def _answered(searcher: Searcher, language: str) -> list[int]:
    """The rows of gold questions that this build answers: in this language if there are some, else French."""
    build = searcher.build
    answered = set(calibration_of(build, is_read=searcher.reader is not None).answered)
    for wanted in (language, "fr"):
        rows = [row for row, gold in enumerate(build.questions) if gold.id in answered and gold.language == wanted]
        if len(rows) > 1:
            return rows
    return []
