"""Passages to an answer: which sentences, in which order, with which citations. Why so: docs/decisions/0006."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.answer import Citation, Sentence, cite
from chatbot.french import (
    asks_chronology,
    counts_what_is_asked,
    denies,
    goes_on,
    holds_what_is_asked,
    is_complete,
    leans,
    year_of,
)
from index import Build, Hit, Searcher
from index.analysis import analyse
from index.question import Question
from index.reader import Reading
from index.search import scaled
from ingest import Passage, Reference
from ingest.sentences import Span

__all__ = ["Candidate", "candidates", "compose", "has_answer_text", "nearest_quotes"]

FloatArray = NDArray[np.float32]

MAX_SENTENCES = 4
PASSAGES_READ = 15
"""Sentences are taken from this many of the best passages."""

SENTENCE_WEIGHTS = (0.23, 0.21, 0.15, 0.1, 0.2, 0.11)
READ_WEIGHTS = (0.23, 0.14, 0.08, 0.04, 0.2, 0.06, 0.26)
"""What counts for how much in a sentence's score, in the order of `Candidate.values`: without and with a reader."""
COUNTED = 0.15
"""What a sentence gains that puts a number to what the question asks how many there are of."""
_COUNTED_COVERAGE = 0.6
"""Where several sentences count the same, each that holds this share of the question's idf is told."""
_FOCUS_WEIGHT = 0.5
"""Share of the question's focus in a sentence's similarity and coverage."""

_SUPPORT_MARGIN = 0.08
"""How far below the first sentence's score a further one may be."""
_SUPPORT_COVERAGE = 0.35
"""To an open question, a further sentence that itself holds this share of it may be, however its passage ranks."""
_SAME_SIMILARITY = 0.95
"""Two sentences whose vectors are closer than this say the same."""
_SURE = 0.7
"""From this probability on, the reader's exact words are shown."""
_AROUND_WORDS = " \u00a0\u202f,;:."
_MAX_ANTECEDENTS = 2
_MAX_DATED = 6
_NEAREST = 3
_DATED_MARGIN = 0.4
"""How far below the best sentence's score one may be that joins a chronology."""

_Place = tuple[Passage, int]
"""A passage and the position of one of its sentences."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A sentence that may answer, and how well it fits the question.

    `similarity` is the cosine to the question; `late` says how near its tokens are to the question's on average;
    `coverage`, in [0, 1], is the share of the question's idf that the sentence holds. `values` are what the `score`,
    which orders candidates, weighs: similarity, late interaction's mean and low quantile, these three scaled to [0, 1]
    over the candidates, coverage, the passage's score, and whether it holds the date, person or figure that is asked
    for; where passages were read, also the probability that the reader gives to the answer's being here. `reading` is
    that of the passage, None where it was not read.
    """

    passage: Passage
    position: int
    text: str
    vector: FloatArray
    similarity: float
    late: float
    coverage: float
    values: tuple[float, ...]
    score: float
    reading: Reading | None = None


def candidates(question: Question, hits: Sequence[Hit], searcher: Searcher) -> tuple[Candidate, ...]:
    """All complete sentences of the best passages, best first, scored against the question.

    Empty where no passage holds a complete sentence.
    """
    notes = searcher.notes(question)
    known = notes.setdefault("compared", {})
    for hit in hits[:PASSAGES_READ]:
        if hit.passage.id not in known:
            known[hit.passage.id] = _compared(question, hit.passage, searcher, notes)
    rows = [(hit, sentence) for hit in hits[:PASSAGES_READ] for sentence in known[hit.passage.id]]
    if not rows:
        return ()
    of_all = scaled(np.stack([sentence.near for _, sentence in rows])).tolist()
    weights = READ_WEIGHTS if any(hit.reading for hit in hits) else SENTENCE_WEIGHTS
    found = []
    for (hit, sentence), near in zip(rows, of_all, strict=True):
        place = hit.passage, sentence.position
        mass = hit.reading.mass(_within(place)) if hit.reading else 0.0
        values = (*near, sentence.coverage, hit.fused, float(sentence.holds), mass)[: len(weights)]
        score = sum(weight * value for weight, value in zip(weights, values, strict=True))
        score += COUNTED * sentence.counts
        similarity, late = sentence.near[:2].tolist()
        coverage, text, vector = sentence.coverage, sentence.text, sentence.vector
        found.append(Candidate(*place, text, vector, similarity, late, coverage, values, score, hit.reading))
    return tuple(sorted(found, key=lambda candidate: -candidate.score))


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """A sentence and what it has to do with a question, whatever else was found: as `Candidate` has it.

    `near` are cosine, late interaction's mean and low quantile; `holds` and `counts` whether it holds what is asked,
    or puts a number to it.
    """

    position: int
    text: str
    vector: FloatArray
    near: FloatArray
    coverage: float
    holds: bool
    counts: bool


def _compared(question: Question, passage: Passage, searcher: Searcher, notes: dict[str, Any]) -> list[_Compared]:
    """The complete sentences of a passage, in order, compared with the question, of which `notes` are."""
    if "asks" not in notes:
        rarities = [_rarity(text, searcher) for text in (question.text, question.focus)]
        asks = (question.mixed(_FOCUS_WEIGHT), rarities, holds_what_is_asked(question.text))
        notes["asks"] = (*asks, counts_what_is_asked(question.text))
    vector, rarities, holds, counts = notes["asks"]
    vectors = searcher.sentence_vectors(passage)
    compared = np.column_stack((vectors @ vector, searcher.sentence_similarity(question, passage)))
    found = []
    for position, last in _units(passage):
        text = _text((passage, position))
        tokens = set(analyse(text))
        whole, focused = (sum(idf for token, idf in rarity.items() if token in tokens) for rarity in rarities)
        coverage = (1 - _FOCUS_WEIGHT) * whole + _FOCUS_WEIGHT * focused
        near = compared[position : last + 1].max(axis=0)  # a list is as near as the nearest of its items
        is_held, is_counted = bool(holds and holds(text)), bool(counts and counts(text))
        found.append(_Compared(position, text, vectors[position], near, coverage, is_held, is_counted))
    return found


def has_answer_text(passage: Passage) -> bool:
    """Whether a passage holds any sentence or list that can stand in an answer."""
    return next(_units(passage), None) is not None


def compose(
    question: Question, found: Sequence[Candidate], searcher: Searcher
) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """One to four sentences with their citations, from at least one candidate, best first.

    The best opens, after the sentences it leans on; what completes it follows: what stands further down in its section,
    then what stands elsewhere, in the documents' order. A question for a date, a person or a figure gets a sentence
    that holds one, if any does; one that asks for none of these may also get what other sections say that covers a good
    part of it. A question for a chronology gets a list of dated sentences, in the order of their years. No two say the
    same. Sentences that follow one another in a passage and rest on the same sources share
    a citation.
    """
    if asks_chronology(question.text) and len(dated := _dated(found)) > 1:
        return _cited(dated, searcher.build, as_items=True)
    lead = found[0]
    chosen = _with_antecedents((lead.passage, lead.position), searcher)
    groups = [chosen]
    vectors = [lead.vector]
    holds, counts = holds_what_is_asked(question.text), counts_what_is_asked(question.text)
    fitting = next((candidate for candidate in found if holds and holds(candidate.text)), lead)
    for candidate in dict.fromkeys((fitting, *found[1:])):
        if candidate is not fitting and (
            not (_supports(candidate, lead, holds is None) or (counts and _counts_too(candidate, counts)))
            or _stands_before(candidate, lead)
        ):
            continue  # what stands before, read after what follows it in the document, would seem to go back
        group = _with_antecedents((candidate.passage, candidate.position), searcher)
        if any(place in chosen for place in group):
            # What it leans on is there: it can only go on where that stands last.
            before = next((g for g in groups if g[-1:] == group[-2:-1]), None)
            new = group[-1:] if before and group[-1] not in chosen else []
        else:
            before, new = None, group
        # One that needs two others to be understood costs more reading than it adds.
        if not 0 < len(new) <= min(2, MAX_SENTENCES - len(chosen)) or _repeat(new, candidate.vector, chosen, vectors):
            continue
        if before:
            before += new
        else:
            groups.append(list(new))
        chosen = [place for g in groups for place in g]
        vectors.append(candidate.vector)
    sentences, citations = _cited(_in_order(groups), searcher.build)
    return sentences, tuple(_with_answer(citation, lead) for citation in citations)


def nearest_quotes(found: Sequence[Candidate], build: Build) -> tuple[Citation, ...]:
    """Of each of the nearest sections the best sentence that stands alone, best first: three at most.

    Where none does, those that lean on others.
    """
    sections: dict[tuple[str, tuple[str, ...]], _Place] = {}
    for candidate in [c for c in found if not leans(c.text)] or found:
        sections.setdefault(_section(candidate.passage), (candidate.passage, candidate.position))
    places = list(sections.values())[:_NEAREST]
    return tuple(
        cite(number, build.documents[place[0].document_id], place[0], *_span(place))
        for number, place in enumerate(places, start=1)
    )


def _with_answer(citation: Citation, lead: Candidate) -> Citation:
    """The citation with the exact words of the answer, if it quotes the sentence that leads and the reader is sure."""
    if lead.reading is None or citation.document_id != lead.passage.document_id:
        return citation
    sure, (start, end) = lead.reading.best(_within((lead.passage, lead.position)))
    words = lead.passage.text[start:end]
    start += lead.passage.start + len(words) - len(words.lstrip(_AROUND_WORDS))
    end += lead.passage.start - len(words) + len(words.rstrip(_AROUND_WORDS))
    if sure < _SURE or not citation.start <= start < end <= citation.end:
        return citation
    return replace(citation, answer=(start, end))


def _dated(found: Sequence[Candidate]) -> list[_Place]:
    """The best sentences that name a year and stand alone, in the order of their years: a few, without repeats."""
    chosen: list[Candidate] = []
    for candidate in found:
        if candidate.score < found[0].score - _DATED_MARGIN or len(chosen) == _MAX_DATED:
            break
        place = (candidate.passage, candidate.position)
        before = [(other.passage, other.position) for other in chosen]
        repeats = _repeat([place], candidate.vector, before, [other.vector for other in chosen])
        if year_of(candidate.text) and not leans(candidate.text) and not repeats:
            chosen.append(candidate)
    chosen.sort(key=lambda candidate: year_of(candidate.text) or 0)
    return [(candidate.passage, candidate.position) for candidate in chosen]


def _in_order(groups: Sequence[list[_Place]]) -> list[_Place]:
    """The first group, then the others: those of its section first, by document in order of appearance, by place."""
    lead = groups[0][0][0]
    documents = list(dict.fromkeys(group[0][0].document_id for group in groups))

    def key(group: list[_Place]) -> tuple[bool, int, int]:
        passage, position = group[0]
        elsewhere = _section(passage) != _section(lead)
        return elsewhere, documents.index(passage.document_id), passage.sentences[position][0]

    return [place for group in (groups[0], *sorted(groups[1:], key=key)) for place in group]


def _stands_before(candidate: Candidate, lead: Candidate) -> bool:
    if _section(candidate.passage) != _section(lead.passage):
        return False
    return candidate.passage.sentences[candidate.position] < lead.passage.sentences[lead.position]


def _section(passage: Passage) -> tuple[str, tuple[str, ...]]:
    return passage.document_id, passage.heading_path


def _supports(candidate: Candidate, lead: Candidate, is_open: bool) -> bool:
    close = candidate.score >= lead.score - _SUPPORT_MARGIN
    return close or (is_open and candidate.coverage >= _SUPPORT_COVERAGE)


def _counts_too(candidate: Candidate, counts: Callable[[str], bool]) -> bool:
    """Whether it puts a number to the very thing: « trois terrils » beside « huit terrils », of which one can judge."""
    return candidate.coverage >= _COUNTED_COVERAGE and counts(candidate.text)


def _rarity(text: str, searcher: Searcher) -> dict[str, float]:
    """The share of a text's idf that each of its tokens has."""
    idf = {token: searcher.build.lexical.idf(token) for token in analyse(text)}
    total = sum(idf.values())
    return {token: value / total for token, value in idf.items()}


def _with_antecedents(place: _Place, searcher: Searcher) -> list[_Place]:
    """A sentence after those of its section, at most two, that it leans on, in reading order.

    A connector brings the sentence before it; a pronoun also what that one's pronoun speaks of.
    """
    places = [place]
    while len(places) <= _MAX_ANTECEDENTS and leans(_text(places[0])):
        by_connector = goes_on(_text(places[0]))
        before = _before(places[0], searcher)
        if (by_connector and len(places) > 1) or before is None or not (is_complete(_text(before)) or _list(before)):
            break
        places.insert(0, before)
        if by_connector:
            break
    return places


def _before(place: _Place, searcher: Searcher) -> _Place | None:
    """The sentence before this one in its section."""
    passage, position = place
    if position > 0:
        return _opening((passage, position - 1))
    previous = searcher.passage_before(passage)
    if previous is None or _section(previous) != _section(passage):
        return None
    return _opening((previous, len(previous.sentences) - 1))


def _opening(place: _Place) -> _Place | None:
    """The place itself, or the sentence that introduces the list that it is an item of; None for a loose item."""
    passage, position = place
    span = passage.sentences[position]
    if span in passage.loose_items:
        return None
    for (start, _), *items in passage.lists:
        if items[0][0] <= span[0] < items[-1][1]:
            return passage, next(p for p, sentence in enumerate(passage.sentences) if sentence[0] == start)
    return place


def _repeat(new: Sequence[_Place], vector: FloatArray, chosen: Sequence[_Place], vectors: Sequence[FloatArray]) -> bool:
    """Whether a new sentence says what a chosen one says. A figure of its own, or a negation, says something else."""
    alike = any(float(vector @ other) > _SAME_SIMILARITY for other in vectors)
    for text in map(_text, new):
        words, figures = set(analyse(text)), _figures(text)
        for other in map(_text, chosen):
            shared = words & set(analyse(other))
            same_claim = figures <= _figures(other) and denies(text) == denies(other)
            if same_claim and (len(shared) > 0.8 * len(words) or (alike and text == _text(new[-1]))):
                return True
    return False


def _figures(text: str) -> set[str]:
    return {token for token in analyse(text) if any(character.isdigit() for character in token)}


def _cited(
    places: Sequence[_Place], build: Build, *, as_items: bool = False
) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Sentences and citations, numbered in order; neighbouring sentences that rest on the same are one quote."""

    def references(place: _Place) -> tuple[Reference, ...]:
        passage, _ = place
        return build.documents[passage.document_id].references(*_span(place))

    runs: list[list[_Place]] = []
    for place in places:
        last = runs[-1][-1] if runs else None
        goes_on = last and place == (last[0], last[1] + 1) and not as_items and not _list(last)
        if last and goes_on and references(place) == references(last):
            runs[-1].append(place)
        else:
            runs.append([place])
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for number, run in enumerate(runs, start=1):
        passage = run[0][0]
        start, end = _span(run[0])[0], _span(run[-1])[1]
        citations.append(cite(number, build.documents[passage.document_id], passage, start, end))
        for place in run:
            first, *items = _list(place) or (_span(place),)
            text = build.documents[passage.document_id].text
            sentences.append(Sentence(text[slice(*first)], (number,), as_items))
            sentences += [Sentence(text[slice(*item)], (number,), is_item=True) for item in items]
    return tuple(sentences), tuple(citations)


def _units(passage: Passage) -> Iterator[tuple[int, int]]:
    """What may answer of a passage: the positions of each complete sentence twice, of each list's first and last."""
    starts = [start for start, _ in passage.sentences]
    position = 0
    while position < len(starts):
        spans = _list((passage, position))
        last = position if not spans else max(p for p, start in enumerate(starts) if start < spans[-1][1])
        is_loose = passage.sentences[position] in passage.loose_items
        if spans or (is_complete(_text((passage, position))) and not is_loose):
            yield position, last
        position = last + 1


def _list(place: _Place) -> tuple[Span, ...]:
    """The list that a sentence introduces, that sentence's offsets first; empty for any other sentence."""
    passage, position = place
    return next((spans for spans in passage.lists if spans[0] == passage.sentences[position]), ())


def _span(place: _Place) -> Span:
    """The offsets of a sentence, or of a whole list with the sentence that introduces it."""
    passage, position = place
    start, end = passage.sentences[position]
    spans = _list(place)
    return start, spans[-1][1] if spans else end


def _text(place: _Place) -> str:
    passage, _ = place
    return passage.text[slice(*_within(place))]


def _within(place: _Place) -> Span:
    """The offsets of a sentence or list in its passage's text."""
    passage, _ = place
    start, end = _span(place)
    return start - passage.start, end - passage.start
