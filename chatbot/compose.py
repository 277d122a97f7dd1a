"""Passages to an answer: which sentences, in which order, with which citations. Why so: docs/decisions/0006."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.answer import Citation, Sentence, cite
from index import Build, Hit, Searcher
from index.analysis import analyse
from index.question import Question
from ingest import Passage

__all__ = ["Candidate", "candidates", "compose", "has_answer_text", "is_complete", "leans"]

FloatArray = NDArray[np.float32]

MAX_SENTENCES = 4
PASSAGES_READ = 5
"""Sentences are taken from this many of the best passages."""

# What a sentence's score is made of: its own similarity to the question, the share of the question's words it holds,
# how good its passage is, and whether it holds what the question asks for (a date, a name, a figure).
_SIMILARITY_WEIGHT = 0.4
_COVERAGE_WEIGHT = 0.3
_PASSAGE_WEIGHT = 1.0
_FOCUS_WEIGHT = 0.5
"""Share of the question's focus in a sentence's similarity and coverage."""

_SUPPORT_MARGIN = 0.15
"""How far below the first sentence's score a further one may be."""
_SAME_SECTION = 0.15
"""What standing in the first sentence's section counts for in a further one: an answer reads better from one place."""
_SAME_SIMILARITY = 0.95
"""Two sentences whose vectors are closer than this say the same."""
_MAX_ANTECEDENTS = 2

_COMPLETE = re.compile(r"[.!…;]\s?[»”\"’)\]]*$")
_MIN_WORDS = 4

_MONTH = "(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)"
# What a sentence opens with when it leans on the one before it. « En 2014 » and « Ces 4 villes » stand alone.
_LEANS = re.compile(
    r"^(?:«\s*)?(?:"
    r"(?:Elles?|Ils?|Cela|Ça|Celles?|Celui|Ceux|Ce|Cet|Cette|Ces|C['’]|Sa|Son|Ses|Leurs?|Y)\b"
    r"|(?:Mais|Or|Donc|Puis|Ensuite|Ainsi|Cependant|Toutefois|Pourtant|Enfin|Concrètement|De plus|De même|En effet"
    r"|En outre|En revanche|Par ailleurs|Par conséquent|Au contraire|De l['’]autre côté|D['’]autre part|Pour autant"
    r"|Surtout|Tou(?:te)?s deux|Les deux|L['’]une?|L['’]enjeu|Accompagnée?s? par)\b"
    r"|(?:[\w’']+\s){1,3}(?:cette|cet|ces|celle-ci|celui-ci|cela)\b"
    r")"
)

# What asks, what a sentence that answers holds, and what holding it counts for.
_QUESTION_TYPES = (
    (
        re.compile(r"\b(?:quand|quelle (?:année|date)|quelle époque|when|what (?:year|date))\b", re.IGNORECASE),
        re.compile(rf"\b(?:1[5-9]|20)\d\d\b|\b\d{{1,2}}(?:er)? {_MONTH}\b|\bsiècle\b", re.IGNORECASE),
        0.2,
    ),
    (
        re.compile(r"^\W*(?:(?:à|de|par|avec|pour|chez) )?(?:qui|who|whom)\b", re.IGNORECASE),
        # Two capitalised words; after an article they name a place or a body (« le Bassin Minier »).
        re.compile(
            r"(?:\bM\.|\bMme|(?<!\b[Dd]u)(?<!\b[Ll][ea])(?<!\b[LlDd]es) [A-ZÀ-Ý][\w’-]+)"
            r" (?:d[eu]s? |van |von )?[A-ZÀ-Ý][\w’-]+"
        ),
        0.2,
    ),
    (
        re.compile(r"\b(?:combien|how (?:many|much))\b", re.IGNORECASE),
        re.compile(
            r"\d|\b(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante"
            r"|soixante|cent|mille|millions?|milliards?|moitié|tiers|quart|dizaine|vingtaine|centaine)s?\b",
            re.IGNORECASE,
        ),
        0.2,
    ),
)

_Place = tuple[Passage, int]
"""A passage and the position of one of its sentences."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A sentence that may answer, and how well it fits the question.

    `similarity` is the cosine to the question; `coverage`, in [0, 1], the share of the question's idf that the
    sentence holds; `score` the blend of both with its passage's rank, which orders candidates. `fits` says whether it
    holds what the question asks for: a date, a person's name, a figure.
    """

    passage: Passage
    position: int
    text: str
    vector: FloatArray
    similarity: float
    coverage: float
    score: float
    fits: bool


def candidates(question: Question, hits: Sequence[Hit], searcher: Searcher) -> tuple[Candidate, ...]:
    """All complete sentences of the best passages, best first, scored against the question.

    Empty where no passage holds a complete sentence.
    """
    rows = []
    for hit in hits[:PASSAGES_READ]:
        vectors = searcher.sentence_vectors(hit.passage)
        for position in range(len(hit.passage.sentences)):
            text = _text((hit.passage, position))
            if is_complete(text):
                rows.append((hit, position, text, vectors[position]))
    if not rows:
        return ()
    similarity = np.stack([row[3] for row in rows]) @ question.mixed(_FOCUS_WEIGHT)
    lowest, spread = float(similarity.min()), float(np.ptp(similarity)) or 1.0
    rarities = [_rarity(text, searcher) for text in (question.text, question.focus)]
    wanted = [(content, bonus) for asks, content, bonus in _QUESTION_TYPES if asks.search(question.text)]
    found = []
    for (hit, position, text, sentence_vector), cosine in zip(rows, similarity.tolist(), strict=True):
        tokens = set(analyse(text))
        whole, focused = (sum(idf for token, idf in rarity.items() if token in tokens) for rarity in rarities)
        coverage = (1 - _FOCUS_WEIGHT) * whole + _FOCUS_WEIGHT * focused
        score = (
            _SIMILARITY_WEIGHT * (cosine - lowest) / spread
            + _COVERAGE_WEIGHT * coverage
            + _PASSAGE_WEIGHT * hit.fused
            + max((bonus for content, bonus in wanted if content.search(text)), default=0.0)
        )
        fits = not wanted or any(content.search(text) for content, _ in wanted)
        found.append(Candidate(hit.passage, position, text, sentence_vector, cosine, coverage, score, fits))
    return tuple(sorted(found, key=lambda candidate: -candidate.score))


def is_complete(sentence: str) -> bool:
    """Whether a sentence can stand in an answer: it ends as a statement does, and is no fragment and no question."""
    return bool(_COMPLETE.search(sentence)) and len(sentence.split()) >= _MIN_WORDS


def has_answer_text(passage: Passage) -> bool:
    """Whether a passage holds any sentence that can stand in an answer."""
    return any(is_complete(_text((passage, position))) for position in range(len(passage.sentences)))


def leans(sentence: str) -> bool:
    """Whether a sentence opens on a pronoun or connector, so that it needs the one before it to be understood."""
    return bool(_LEANS.search(sentence))


def compose(found: Sequence[Candidate], build: Build) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """One to four sentences with their citations, from at least one candidate, best first.

    The best candidate opens, after the sentences it leans on; what completes it follows in the documents' order. A
    question for a date, a person or a figure gets a sentence that holds one, if there is any. No two say the same.
    Sentences that follow one another in a passage share one citation.
    """
    lead = found[0]
    opening = _with_antecedents((lead.passage, lead.position))
    chosen = list(opening)
    kept = [lead]
    fitting = next((candidate for candidate in found if candidate.fits), lead)
    support = sorted(found[1:], key=lambda candidate: -_support_score(candidate, lead))
    for candidate in dict.fromkeys((fitting, *support)):
        if candidate is not fitting and _support_score(candidate, lead) < lead.score - _SUPPORT_MARGIN:
            break
        places = _with_antecedents((candidate.passage, candidate.position))
        new = [place for place in places if place not in chosen]
        # One that needs two others to be understood costs more reading than it adds.
        if 0 < len(new) <= min(2, MAX_SENTENCES - len(chosen)) and not _repeats(candidate, kept):
            chosen += new
            kept.append(candidate)
    documents = list(dict.fromkeys(passage.document_id for passage, _ in chosen))
    rest = sorted(
        chosen[len(opening) :],
        key=lambda place: (documents.index(place[0].document_id), place[0].sentences[place[1]]),
    )
    return _cited([*opening, *rest], build)


def _support_score(candidate: Candidate, lead: Candidate) -> float:
    here = (lead.passage.document_id, lead.passage.heading_path)
    return candidate.score + _SAME_SECTION * ((candidate.passage.document_id, candidate.passage.heading_path) == here)


def _rarity(text: str, searcher: Searcher) -> dict[str, float]:
    """The share of a text's idf that each of its tokens has."""
    idf = {token: searcher.build.lexical.idf(token) for token in analyse(text)}
    total = sum(idf.values())
    return {token: value / total for token, value in idf.items()}


def _with_antecedents(place: _Place) -> list[_Place]:
    """A sentence after the sentences of its passage, at most two, that it leans on, in reading order."""
    passage, position = place
    places = [place]
    while position > 0 and len(places) <= _MAX_ANTECEDENTS and leans(_text(places[0])):
        position -= 1
        places.insert(0, (passage, position))
    return places


def _repeats(candidate: Candidate, kept: Sequence[Candidate]) -> bool:
    words = set(analyse(candidate.text))
    for other in kept:
        shared = words & set(analyse(other.text))
        if float(candidate.vector @ other.vector) > _SAME_SIMILARITY or len(shared) > 0.8 * len(words):
            return True
    return False


def _cited(places: Sequence[_Place], build: Build) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Sentences and citations, numbered in order; a run of neighbouring sentences is one quote."""
    runs: list[list[_Place]] = []
    for place in places:
        if runs and place == (runs[-1][-1][0], runs[-1][-1][1] + 1):
            runs[-1].append(place)
        else:
            runs.append([place])
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for number, run in enumerate(runs, start=1):
        passage = run[0][0]
        start, end = passage.sentences[run[0][1]][0], passage.sentences[run[-1][1]][1]
        citations.append(cite(number, build.documents[passage.document_id], passage, start, end))
        sentences += [Sentence(_text(place), (number,)) for place in run]
    return tuple(sentences), tuple(citations)


def _text(place: _Place) -> str:
    passage, position = place
    start, end = passage.sentences[position]
    return passage.text[start - passage.start : end - passage.start]
