"""Fit, on a build's own gold questions, when the service answers. Why so: docs/decisions/0007."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.abstain import SCALES, SHIPPED, SHIPPED_READ, Evidence, values_of
from chatbot.compose import compose
from chatbot.conversation import find
from index import Encoder, Searcher
from index.gold import half, holds_quote, quote_places
from index.question import Question
from index.reader import READER_FILE, PassageReader
from index.readings import KeptReadings
from index.store import Calibration

__all__ = ["Calibrator", "fitted", "gold_evidence"]

_LEAST = 20
"""With fewer answerable gold questions to learn from, the shipped calibration stays as it is."""
_PULL = 30.0
"""How strongly the weights are held near the shipped ones: the inverse of their prior variance, in `SCALES`."""
_NOT_IN_FULL, _REFUSED = 0.1, 0.03
"""Of the answerable gold questions, the shares that may get no full answer, and not even a partial one."""
_UNRELATED = 0.03
"""Of the questions on other matters that get no full answer, the share that may get a partial one."""
_FOLDS = 5
_STEPS = 30
_DECIDE = ("abstain", "calibrate", "compose", "conversation", "french", "language", "services")

Array = NDArray[np.float64]


class Calibrator:
    """Fits the calibrations of a build, one without a reader and one with it: an `index.build.Calibrator`.

    `load_reader`, None where nothing is to be read, gives the reader that the service uses with an encoder, if there is
    one; what it reads is kept in the file `readings` for the next build.
    """

    def __init__(
        self, load_reader: Callable[[Encoder], PassageReader | None] | None = None, readings: Path | None = None
    ) -> None:
        self._load_reader = load_reader
        self._readings = readings

    @cached_property
    def version(self) -> str:
        """A checksum of the code that makes the evidence and decides on it, and of the reader where there is one."""
        total = hashlib.sha256()
        if self._load_reader and READER_FILE.is_file():
            total.update(READER_FILE.read_bytes())  # not its checksum: a damaged file is no reader
        for name in _DECIDE:
            total.update(Path(__file__).with_name(f"{name}.py").read_bytes())
        return total.hexdigest()

    def __call__(self, searcher: Searcher) -> tuple[Calibration, ...]:
        """What the gold questions' choosing half teaches. The reporting half stays unseen, so that it can judge."""
        asked = searcher.encode([question.question for question in searcher.build.questions])
        unread = _calibrated(searcher.unread, asked, SHIPPED)
        reader = self._load_reader(searcher.encoder) if self._load_reader else None
        if reader is None:
            return (unread,)
        kept = KeptReadings(reader, self._readings) if self._readings else None
        read = _calibrated(Searcher(searcher.build, searcher.encoder, reader=kept or reader), asked, SHIPPED_READ)
        if kept:
            kept.save()
        return unread, read


def _calibrated(searcher: Searcher, asked: Sequence[Question], shipped: Calibration) -> Calibration:
    rows = list(gold_evidence(searcher, asked))
    calibration = shipped
    if sum(kind == "answerable" for _, kind, _ in rows) >= _LEAST:
        values = np.array([values_of(found, shipped.evidence) for found, _, _ in rows])
        kinds, folds = (np.array([row[column] for row in rows]) for column in (1, 2))
        calibration = fitted(values, kinds, folds, shipped)
    return replace(calibration, answered=tuple(_answered(searcher, asked, calibration)))


def gold_evidence(searcher: Searcher, asked: Sequence[Question]) -> Iterator[tuple[Evidence, str, int]]:
    """The evidence for each gold question of the choosing half, of which kind it is, and its fold.

    `asked` are all gold questions of the build, encoded. Answerable ones come twice: as they are (`answerable`), and as
    if the passages with their gold quotes were not there (`without`). The others are of their own kind. Those that rest
    on the same quote are in one fold.
    """
    documents = searcher.build.documents
    for gold, encoded in zip(searcher.build.questions, asked, strict=True):
        if half(gold, documents) != "choosing":
            continue
        key = gold.spans[0].quote if gold.spans else gold.id
        fold = hashlib.sha256(key.encode("utf-8")).digest()[1] % _FOLDS
        places = quote_places(gold, documents)
        if gold.answerable and not places:
            continue  # its quotes are gone: whether the documents still answer it is not known
        found = find(encoded, searcher)
        if found.evidence:
            yield found.evidence, "answerable" if gold.answerable else gold.kind, fold
        if places and (without := find(encoded, searcher, partial(holds_quote, places=places)).evidence):
            yield without, "without", fold


def fitted(
    values: Array, kinds: NDArray[np.str_], folds: NDArray[np.int64], shipped: Calibration = SHIPPED
) -> Calibration:
    """The shipped calibration moved towards these questions: `values` `(n, m)` of its evidence, kinds and folds as
    `gold_evidence` has them.

    A logistic regression with a Gaussian prior around the shipped weights. Thresholds are chosen on probabilities that
    each fold gets from the others.
    """
    answerable = kinds == "answerable"
    probability = np.empty(len(values))
    for fold in range(_FOLDS):
        taught = folds != fold
        weights, bias = _regression(values[taught], answerable[taught], shipped)
        probability[~taught] = _sigmoid(bias + values[~taught] @ weights)
    weights, bias = _regression(values, answerable, shipped)
    partial_from, answer_from = np.quantile(probability[answerable], (_REFUSED, _NOT_IN_FULL))
    if (unrelated := np.isin(kinds, ("far", "service")) & (probability < answer_from)).any():
        partial_from = max(partial_from, np.quantile(probability[unrelated], 1 - _UNRELATED))
    partial_from = min(partial_from, answer_from)
    return Calibration(
        shipped.evidence,
        tuple(round(float(weight), 4) for weight in weights),
        round(bias, 4),
        round(float(answer_from), 4),
        round(float(partial_from), 4),
        questions=int(answerable.sum()),
    )


def _regression(values: Array, answerable: NDArray[np.bool_], shipped: Calibration) -> tuple[Array, float]:
    """Weights and bias of most posterior probability, by Newton's method with steps that never make it worse."""
    mean = values.mean(axis=0)
    scales = np.array(SCALES[: len(shipped.weights)])
    inputs = np.column_stack(((values - mean) / scales, np.ones(len(values))))
    start = np.array([*np.multiply(shipped.weights, scales), 0.0])
    pull = np.array([_PULL] * len(scales) + [1e-2])

    def loss(weights: Array) -> float:
        logit = inputs @ weights
        return float(np.logaddexp(0, np.where(answerable, -logit, logit)).sum() + pull @ (weights - start) ** 2 / 2)

    moved = start.copy()
    for _ in range(_STEPS):
        probability = _sigmoid(inputs @ moved)
        gradient = inputs.T @ (probability - answerable) + pull * (moved - start)
        curvature = (inputs.T * (probability * (1 - probability))) @ inputs + np.diag(pull)
        step = np.linalg.solve(curvature, gradient)
        while np.abs(step).max() > 1e-9 and loss(moved - step) > loss(moved):
            step /= 2
        moved -= step
        if np.abs(step).max() < 1e-8:
            break
    weights = moved[:-1] / scales
    return weights, float(moved[-1] - weights @ mean)


def _sigmoid(logit: Array) -> Array:
    """The logistic function, by one that never overflows."""
    probability: Array = 0.5 + 0.5 * np.tanh(logit / 2)
    return probability


def _answered(searcher: Searcher, asked: Sequence[Question], calibration: Calibration) -> Iterator[str]:
    """The ids of the well-written gold questions that get a right answer: those that may be suggested to people."""
    for gold, encoded in zip(searcher.build.questions, asked, strict=True):
        if gold.kind == "fact" and gold.style == "formal":
            found = replace(find(encoded, searcher), calibration=calibration)
            if found.is_answer:
                text = " ".join(sentence.text for sentence in compose(encoded, found.candidates, searcher)[0])
                if any(expected in text for expected in gold.gold):
                    yield gold.id
