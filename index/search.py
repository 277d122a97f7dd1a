"""A question to ranked passages: dense and lexical similarity, blended, then late interaction, then reading."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import accumulate
from math import tanh
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoded, Encoder
from index.late import TokenHead, load_head
from index.question import Question, focus
from index.reader import PassageReader, Reading
from index.spelling import Spelling
from index.store import Build
from ingest import Passage, fold_for_search
from ingest.passages import heading_text
from ingest.sentences import Span

__all__ = [
    "DENSE_WEIGHT",
    "Hit",
    "Searcher",
    "System",
    "blend",
    "embedded_sentences",
    "embedded_text",
    "scaled",
    "sigmoid",
    "weighted",
]

DENSE_WEIGHT = 0.6
"""Share of the dense similarity in the blend; the lexical score has the rest. Chosen in docs/decisions/0005."""

FOCUS_WEIGHT = 0.4
"""Share of the question's focus in its scores; the whole question has the rest."""

REORDERED = 50
"""How many of the passages that the two searches rank first are compared with the question token by token."""

PASSAGE_WEIGHTS = (0.2, 0.11, 0.7)
"""What dense similarity, the lexical score and late interaction count for in the rank of these. docs/decisions/0011."""

READ = 4
"""How many of the best passages are read, where there is a reader and time enough."""

READ_WEIGHT = 1.0
"""What the reader's relevance counts for in the rank of a passage, beside the blend's 1. docs/decisions/0014."""

POOL = 100
"""How many passages each of the two searches brings into the blend."""

System = Literal["hybrid", "dense", "lexical"]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question.

    `rank` counts from 1. `similarity` is the cosine of passage and question, `lexical` the passage's BM25 score, both
    with the focus's share in them; `late` and `late_low` say how near its tokens are to the question's, on average and
    the worst matched. `fused`, in [0, 1], is the blend that decides which passages are read; `reading` is what that
    gave, None where a passage was not read. Both decide the rank.
    """

    passage: Passage
    rank: int
    similarity: float
    lexical: float
    late: float
    late_low: float
    fused: float
    reading: Reading | None = None


@dataclass(slots=True)
class _Notes:
    question: Question | None = None
    found: dict[Any, Any] = field(default_factory=dict)


class Searcher:
    """A loaded build and its encoder: finds passages. It writes nothing, so threads may share it.

    With a `reader`, it reads the best of them, for at most `reading_s` seconds a question if that is given.
    """

    def __init__(
        self,
        build: Build,
        encoder: Encoder,
        head: TokenHead | None = None,
        *,
        reader: PassageReader | None = None,
        reading_s: float | None = None,
    ) -> None:
        _keep_blas_to_one_thread()
        self.build = build
        self.encoder = encoder
        self.reader = reader
        self._reading_s = reading_s
        self._noted: _Notes | None = None
        self._head = head or load_head(encoder.revision)
        self._spelling = Spelling(document.text for document in build.documents.values())
        counts = (len(passage.sentences) for passage in build.passages)
        rows = accumulate(counts, initial=0)
        self._row = {passage.id: row for row, passage in enumerate(build.passages)}
        self._first_sentence_row = {passage.id: row for passage, row in zip(build.passages, rows, strict=False)}

    @property
    def unread(self) -> "Searcher":
        """The same without a reader."""
        searcher = copy(self)
        searcher.reader = None
        return searcher

    def read_by(self, reader: PassageReader) -> "Searcher":
        """The same with another reader."""
        searcher = copy(self)
        searcher.reader = reader
        return searcher

    @property
    def remembering(self) -> "Searcher":
        """The same for one thread that asks each question in several ways: it keeps what it finds out for one until the
        next. Those that are made of it share that."""
        searcher = copy(self)
        searcher._noted = _Notes()
        return searcher

    def notes(self, question: Question) -> dict[Any, Any]:
        """Where to write what is found out for a question on this build, to be found when it is asked in another way.

        An empty one, thrown away, unless this is `remembering`.
        """
        if self._noted is None:
            return {}
        if self._noted.question is not question:
            self._noted.question, self._noted.found = question, {}
        return self._noted.found

    def encode(self, texts: Sequence[str]) -> tuple[Question, ...]:
        """Questions with their vectors, in order, their spelling repaired: one call of the encoder."""
        texts = [self._spelling.repaired(text, self.build.lexical.knows, self._is_word) for text in texts]
        focuses = [focus(text) for text in texts]
        distinct = list(dict.fromkeys(fold_for_search(text) for text in (*texts, *focuses)))
        read = dict(zip(distinct, self.encoder.read_queries(distinct), strict=True))
        return tuple(
            self._question(text, focused, read[fold_for_search(text)], read[fold_for_search(focused)])
            for text, focused in zip(texts, focuses, strict=True)
        )

    def _is_word(self, word: str) -> bool:
        # The model's tokenizer keeps the words of its many texts whole, and takes what is misspelt to pieces.
        return self.encoder.count_tokens(word) == 1

    def _question(self, text: str, focused: str, whole: Encoded, of_focus: Encoded) -> Question:
        weights = self._head.weights(whole.tokens)
        if focused != text:  # the focus is how the question begins
            weights = np.where(whole.spans[:, 0] < len(fold_for_search(focused)) - 2, 1, 1 - FOCUS_WEIGHT) * weights
            weights = (weights / weights.sum()).astype(np.float32)
        return Question(text, focused, whole.vector, of_focus.vector, self._head.project(whole.tokens), weights)

    def search(
        self,
        question: Question,
        count: int = 10,
        system: System = "hybrid",
        is_left_out: Callable[[Passage], bool] | None = None,
    ) -> tuple[Hit, ...]:
        """The `count` best passages for a question, best first, at most `REORDERED`; equal scores in corpus order.

        `system` leaves out one of the two similarities, to measure what each brings; passages that are `is_left_out`
        are not found.
        """
        notes = self.notes(question)
        if "pool" not in notes:
            notes["pool"] = self._pool(question, POOL)
        rows, similarity, lexical = notes["pool"]
        if is_left_out:
            stay = np.array([not is_left_out(self.build.passages[row]) for row in rows], dtype=np.bool_)
            rows, similarity, lexical = rows[stay], similarity[stay], lexical[stay]
        weight = {"hybrid": DENSE_WEIGHT, "dense": 1.0, "lexical": 0.0}[system]
        fused = blend(similarity, lexical, weight)
        best = np.argsort(-fused, kind="stable")[:REORDERED]
        late = self._late(question, rows[best].tolist())
        fused = fused[best]
        if system == "hybrid":
            fused = weighted(np.column_stack((similarity[best], lexical[best], late[:, 0])), PASSAGE_WEIGHTS)
        found = zip(rows[best], similarity[best], lexical[best], late[:, 0], late[:, 1], fused, strict=True)
        ordered = sorted(found, key=lambda values: -values[-1])
        hits = [
            Hit(self.build.passages[row], rank, *(float(value) for value in values))  # type: ignore[arg-type]  # five
            for rank, (row, *values) in enumerate(ordered, start=1)
        ]
        return self._read(question, hits)[:count] if system == "hybrid" else tuple(hits[:count])

    def _read(self, question: Question, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """The hits with what reading the best gave, and their ranks by it."""
        if not self.reader:
            return tuple(hits)
        readings = self.reader.read(question.text, [hit.passage for hit in hits[:READ]], self._reading_s)
        read = [replace(hit, reading=reading) for hit, reading in zip(hits, readings, strict=False)]
        ordered = sorted((*read, *hits[len(read) :]), key=rank_after_reading)
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered, start=1))

    def sentence_vectors(self, passage: Passage) -> FloatArray:
        """The vectors of a passage's sentences, in their order: unit rows, float32 `(sentences, d)`.

        Raises:
            KeyError: the passage is not of this build.
        """
        first = self._first_sentence_row[passage.id]
        return self.build.sentence_vectors[first : first + len(passage.sentences)]

    def sentence_similarity(self, question: Question, passage: Passage) -> FloatArray:
        """How near the tokens of a passage's sentences are to the question's, on average and the worst matched.

        Float32 `(sentences, 2)`, in their order. Raises KeyError as `sentence_vectors`.
        """
        return self.build.tokens.sentence_similarity(
            question.tokens,
            question.weights,
            self._row[passage.id],
            self._first_sentence_row[passage.id],
            len(passage.sentences),
        )

    def passage_before(self, passage: Passage) -> Passage | None:
        """The passage before this one in its document, None for a document's first."""
        row = self._row[passage.id]
        previous = self.build.passages[row - 1] if row else None
        return previous if previous and previous.document_id == passage.document_id else None

    def coverage(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """For each passage of this build, the share, in [0, 1], of the question's idf that it holds."""
        covered = self.build.lexical.coverage(question)
        return [float(covered[self._row[passage.id]]) for passage in passages]

    def _lexical(self, question: Question) -> FloatArray:
        scores = self.build.lexical.scores(question.text)
        if question.focus != question.text:
            scores = (1 - FOCUS_WEIGHT) * scores + FOCUS_WEIGHT * self.build.lexical.scores(question.focus)
        return scores

    def _pool(self, question: Question, size: int) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
        """The rows that either search finds, in order, with their similarities and lexical scores."""
        vector, lexical = question.mixed(FOCUS_WEIGHT), self._lexical(question)
        _, dense_rows = self.build.vectors.search(vector, size)
        lexical_rows = np.argpartition(-lexical, min(size, len(lexical)) - 1)[:size]
        rows = np.union1d(dense_rows, lexical_rows[lexical[lexical_rows] > 0]).astype(np.int64)
        return rows, self.build.passage_vectors[rows] @ vector, lexical[rows]

    def _late(self, question: Question, rows: Sequence[int]) -> FloatArray:
        known = self.notes(question).setdefault("late", {})
        new = [row for row in rows if row not in known]
        known.update(zip(new, self.build.tokens.similarity(question.tokens, question.weights, new), strict=True))
        return np.array([known[row] for row in rows], np.float32).reshape(-1, 2)


@cache
def _keep_blas_to_one_thread() -> None:
    """Keep numpy's products to the thread that asks for them, for the whole process; torch has threads of its own.

    Those here are small and many, fifty a question. On two busy cores each waited for its second thread to be given
    a core: what takes 4 ms took 30, and half a second one time in twenty. docs/decisions/0019.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")


def rank_after_reading(hit: Hit) -> float:
    """What hits are sorted by once the best were read: the least first."""
    return -hit.fused - (READ_WEIGHT * sigmoid(hit.reading.relevance) if hit.reading else 0.0)


def blend(dense: FloatArray, lexical: FloatArray, dense_weight: float) -> FloatArray:
    """Both scores, each scaled to [0, 1] over the candidates of this question, as a weighted mean: float32 `(n,)`.

    Min-max scaling and a convex combination, after Bruch, Gai and Ingber, « An Analysis of Fusion Functions for Hybrid
    Retrieval » (2023). A score that is the same for all candidates counts as 0.
    """
    return weighted(np.column_stack((dense, lexical)), (dense_weight, 1 - dense_weight))


def weighted(values: FloatArray, weights: Sequence[float]) -> FloatArray:
    """The weighted mean of the columns of `values` `(n, m)`, each scaled to [0, 1]: float32 `(n,)`."""
    mean: FloatArray = (scaled(values) @ np.array(weights) / sum(weights)).astype(np.float32)
    return mean


def sigmoid(logit: float) -> float:
    """The logistic function, by one that never overflows."""
    return 0.5 + 0.5 * tanh(logit / 2)


def scaled(values: FloatArray) -> FloatArray:
    """The columns of `values` `(n, m)`, each scaled to [0, 1]; a column of one value is 0."""
    if not len(values):
        return values
    spread = np.ptp(values, axis=0)
    in_range: FloatArray = (values - values.min(axis=0)) / np.where(spread > 0, spread, 1)
    return in_range


def embedded_text(passage: Passage) -> str:
    """What is encoded for a passage: its headings, then its text, folded for search."""
    return fold_for_search(f"{heading_text(passage.heading_path)}\n{passage.text}")


def embedded_sentences(passage: Passage) -> tuple[Span, ...]:
    """Where a passage's sentences stand in its embedded text."""
    before = len(embedded_text(passage)) - len(fold_for_search(passage.text))

    def place(offset: int) -> int:
        # Folding drops the white space at the ends of what it is given, hence the letters.
        return before + len(fold_for_search(f"a{passage.text[: offset - passage.start]}a")) - 2

    return tuple((place(start), place(end)) for start, end in passage.sentences)
