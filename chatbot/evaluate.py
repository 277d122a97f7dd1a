"""How good answers are: on the gold questions, and on a collection of passages with known answers.

Each question gives one `Outcome`; `summary` sums outcomes up, with 95 % bootstrap intervals. What is said of an
answer's text is said of the one that would be given if no question were declined, so that declining more does not look
like answering better.
"""

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.answer import Citation, Sentence
from chatbot.compose import compose
from chatbot.conversation import find
from index import Build, Hit, Searcher
from index.evaluate import Collection, CollectionQuestion
from index.gold import Half, Place, half, quote_places
from index.question import Question
from ingest import Document
from ingest.sentences import Span

__all__ = ["Outcome", "auc", "collection_outcomes", "gold_outcomes", "left_out", "risk_and_coverage", "summary"]

_DEPTH = 10
_SAMPLES = 1000
_SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question.

    `probability` is the service's own, that the passages answer; `answered` whether it gave the answer, `partial`
    whether it gave a partial one. `rank` is that
    of the first passage with a gold quote, from 1, and `sentence` the first of the answer's sentences to hold a gold
    answer, from 1; both are 0 where there is none. `precision` is the share of the cited characters that stand in the
    sentences of gold quotes, `recall` the share of the gold quote covered best. `words` says whether the words shown as
    the very answer are those of a gold answer, or a part of one, None where none are shown. `groups` are what it counts
    under.
    """

    id: str
    answerable: bool
    probability: float
    answered: bool
    partial: bool
    rank: int
    sentence: int
    precision: float
    recall: float
    words: bool | None
    milliseconds: float
    groups: tuple[str, ...]

    @property
    def correct(self) -> bool:
        """Whether the answer was given, holds a gold answer and cites a gold quote."""
        return self.answered and self.sentence > 0 and self.recall > 0


def gold_outcomes(searcher: Searcher, wanted: Half | None = None) -> list[Outcome]:
    """One outcome for each gold question of the build, or of one half.

    Grouped by half, kind, language, style and, where the documents answer, theme of the one that is quoted first.
    """
    documents = searcher.build.documents
    outcomes = []
    for gold in searcher.build.questions:
        of_half = half(gold, documents)
        if wanted and of_half != wanted:
            continue
        language = gold.language if gold.language in ("fr", "en") else "other"
        quoted = documents.get(gold.spans[0].document) if gold.spans else None
        groups = (of_half, gold.kind, language, gold.style, *([quoted.theme] if quoted and quoted.theme else []))
        started = time.perf_counter()
        (asked,) = searcher.encode([gold.question])
        outcomes.append(_outcome(gold.id, asked, searcher, quote_places(gold, documents), gold.gold, groups, started))
    return outcomes


def collection_outcomes(collection: Collection, searcher: Searcher, limit: int = 0) -> list[Outcome]:
    """Three outcomes for each question of a collection that the searcher's build was made of.

    Of all questions, or of `limit` of them that a fixed draw takes.

    As it is (`all`); with its own passages left out (`near`), unless another of their group holds its answer; and with
    their whole groups left out (`far`): the last two are unanswerable.
    """
    documents = searcher.build.documents
    questions = list(collection.questions)
    if limit and limit < len(questions):
        chosen = np.random.default_rng(_SEED).choice(len(questions), size=limit, replace=False)
        questions = [questions[position] for position in sorted(chosen)]
    outcomes = []
    for question, asked in zip(questions, searcher.encode([q.text for q in questions]), strict=True):
        own = sorted(_own(question, collection))
        whole = [(name, (0, len(documents[name].text))) for name in own if name in documents]
        for kind, without in left_out(question, collection, documents):
            places, answers = (whole, question.answers) if kind == "all" else ([], ())
            outcomes.append(_outcome(question.id, asked, searcher, places, answers, (kind,), without=without))
    return outcomes


def left_out(
    question: CollectionQuestion, collection: Collection, documents: Mapping[str, Document]
) -> Iterator[tuple[str, set[str]]]:
    """The kinds in which a question of a collection is asked, and the ids of the documents left out for each.

    `all`: none. `near`: those that answer it, unless another of their group holds its answer. `far`: their whole group.
    """
    own = _own(question, collection)
    groups = {collection.groups[name] for name in own}
    group = {name for name, of in collection.groups.items() if of in groups}
    yield "all", set()
    elsewhere = (documents[name].text for name in group - own if name in documents)
    if not any(answer in text for text in elsewhere for answer in question.answers):
        yield "near", own
    yield "far", group


def _own(question: CollectionQuestion, collection: Collection) -> set[str]:
    return {name for name, gain in collection.judged[question.id].items() if gain > 0}


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """What outcomes come to, for all and for each group: figures, those with an interval as `[value, low, high]`.

    For questions that are answerable: the share found at rank 1 and 5, MRR@10, the share whose first, first two, first
    three sentences hold a gold answer, those answered correctly, those refused, and the means of precision and recall
    of the answers given. For the others: the share answered. Between both, the AUC of the probability.
    """
    groups = dict.fromkeys(group for outcome in outcomes for group in outcome.groups)
    figures = {"all questions": _figures(outcomes)}
    for group in groups:
        figures[group] = _figures([outcome for outcome in outcomes if group in outcome.groups])
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    for kind in ("near", "far", "service"):
        against = [outcome for outcome in outcomes if kind in outcome.groups]
        if against and answerable:
            figures[kind]["auc"] = round(auc([*answerable, *against]), 4)
    return figures


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    others = [outcome for outcome in outcomes if not outcome.answerable]
    figures: dict[str, Any] = {"questions": len(outcomes)}
    if answerable:
        ranks = np.array([outcome.rank for outcome in answerable])
        first = np.array([outcome.sentence for outcome in answerable])
        given = [outcome for outcome in answerable if outcome.answered]
        columns = {
            "recall@1": ranks == 1,
            "recall@5": (ranks > 0) & (ranks <= 5),
            "mrr@10": np.where(ranks > 0, 1 / np.maximum(ranks, 1), 0),
            "first": first == 1,
            "first_two": (first > 0) & (first <= 2),
            "first_three": (first > 0) & (first <= 3),
            "correct": np.array([outcome.correct for outcome in answerable]),
            "false_refusals": np.array([not outcome.answered for outcome in answerable]),
            "partial": np.array([outcome.partial for outcome in answerable]),
            "citation_precision": np.array([outcome.precision for outcome in given]),
            "citation_recall": np.array([outcome.recall for outcome in given]),
            "words_shown": np.array([outcome.words is not None for outcome in given]),
            "words_right": np.array([outcome.words for outcome in given if outcome.words is not None]),
        }
        figures |= {name: _with_interval(values) for name, values in columns.items()}
    if others:
        figures["false_answers"] = _with_interval(np.array([outcome.answered for outcome in others]))
        figures["false_partial"] = _with_interval(np.array([outcome.partial for outcome in others]))
    milliseconds = np.array([outcome.milliseconds for outcome in outcomes])
    figures["median_ms"], figures["p95_ms"] = (round(float(np.quantile(milliseconds, q)), 1) for q in (0.5, 0.95))
    return figures


def auc(outcomes: Sequence[Outcome]) -> float:
    """The probability that an answerable question has a higher probability than one that is not, ties counting half.

    The area under the ROC curve by ranks, after Hanley and McNeil (1982).
    """
    probability = np.array([outcome.probability for outcome in outcomes])
    answerable = np.array([outcome.answerable for outcome in outcomes])
    low, high = probability[~answerable], probability[answerable]
    below = np.searchsorted(np.sort(low), high, side="left").sum()
    up_to = np.searchsorted(np.sort(low), high, side="right").sum()
    return float((below + up_to) / 2 / (len(low) * len(high)))


def risk_and_coverage(outcomes: Sequence[Outcome]) -> list[tuple[float, float, float]]:
    """For each threshold of the probability that changes anything, rising: the threshold, the share of answerable
    questions that are refused below it, and the share of the others that are answered from it on."""
    probability = np.array([outcome.probability for outcome in outcomes])
    answerable = np.array([outcome.answerable for outcome in outcomes])
    low, high = np.sort(probability[~answerable]), np.sort(probability[answerable])
    return [
        (
            float(threshold),
            float(np.searchsorted(high, threshold, side="left") / max(len(high), 1)),
            float(1 - np.searchsorted(low, threshold, side="left") / max(len(low), 1)),
        )
        for threshold in np.unique(probability)
    ]


def _outcome(
    question_id: str,
    asked: Question,
    searcher: Searcher,
    places: Sequence[Place],
    answers: Sequence[str],
    groups: tuple[str, ...],
    started: float | None = None,
    *,
    without: Set[str] = frozenset(),
) -> Outcome:
    """Ask, and judge what would be answered; documents `without` are as if they were not there."""
    started = time.perf_counter() if started is None else started
    found = find(asked, searcher, (lambda passage: passage.document_id in without) if without else None)
    sentences, citations = compose(asked, found.candidates, searcher) if found.candidates else ((), ())
    milliseconds = 1000 * (time.perf_counter() - started)
    precision, recall = _overlap(citations, places, searcher.build)
    return Outcome(
        id=question_id,
        answerable=bool(places),
        probability=found.probability,
        answered=found.is_answer,
        partial=found.is_partial,
        rank=_rank(found.hits, places),
        sentence=_first_holding(sentences, answers),
        precision=precision,
        recall=recall,
        words=_words(citations, answers),
        milliseconds=milliseconds,
        groups=groups,
    )


def _rank(hits: Sequence[Hit], places: Sequence[Place]) -> int:
    for rank, passage in enumerate((hit.passage for hit in hits[:_DEPTH]), start=1):
        spans = [span for document, span in places if document == passage.document_id]
        if any(_shared((passage.start, passage.end), span) for span in spans):
            return rank
    return 0


def _first_holding(sentences: Sequence[Sentence], answers: Sequence[str]) -> int:
    return next((n for n, s in enumerate(sentences, start=1) if any(answer in s.text for answer in answers)), 0)


def _words(citations: Sequence[Citation], answers: Sequence[str]) -> bool | None:
    """Whether the words that are shown as the answer hold a gold one, or are a part of it; None if none are shown."""
    for citation in citations:
        if citation.answer:
            start, end = (offset - citation.start for offset in citation.answer)
            said = citation.quote[start:end]
            return any(answer in said or said in answer for answer in answers)
    return None


def _overlap(citations: Sequence[Citation], places: Sequence[Place], build: Build) -> tuple[float, float]:
    """Of cited characters, the share in sentences of gold quotes; of the gold quote covered best, the share cited."""
    cited = [(citation.document_id, (citation.start, citation.end)) for citation in citations]
    sentences = {
        (passage.document_id, sentence)
        for passage in build.passages
        for document, span in places
        if document == passage.document_id
        for sentence in passage.sentences
        if _shared(sentence, span)
    }
    total = sum(end - start for _, (start, end) in cited)
    right = sum(_shared(span, sentence) for d, span in cited for e, sentence in sentences if d == e)
    recall = [sum(_shared(span, quote) for d, span in cited if d == e) / (quote[1] - quote[0]) for e, quote in places]
    return right / total if total else 0.0, min(1.0, max(recall, default=0.0))


def _shared(one: Span, other: Span) -> int:
    """How many characters two spans share."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _with_interval(values: NDArray[Any]) -> list[float]:
    """The mean and the 2.5 % and 97.5 % quantiles of the means of samples drawn with replacement (Efron, 1979)."""
    if not len(values):
        return [0.0, 0.0, 0.0]
    generator = np.random.default_rng(_SEED)
    drawn = generator.integers(0, len(values), size=(_SAMPLES, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)
    return [round(float(value), 4) for value in (np.mean(values), *np.quantile(means, (0.025, 0.975)))]
