"""Fit, on a build's own gold questions, when the service answers. Why so: docs/decisions/0007."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.abstain import SCALES, SHIPPED, SHIPPED_READ, Evidence, calibration_of, values_of
from chatbot.compose import compose
from chatbot.conversation import Found, find
from index import Encoder, Searcher
from index.gold import GoldQuestion, GoldResult, Outcome, half, holds_quote, quote_places
from index.question import Question
from index.reader import READER_FILE, PassageReader
from index.readings import KeptReadings
from index.store import Calibration

__all__ = ["Calibrator", "fitted", "gold_evidence", "judged"]

_BEST = 5
"""A gold passage is found if it is among this many."""
_SAID = 300
"""How many characters of an answer are kept, to show what it was."""
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
        self,
        load_reader: Callable[[Encoder], PassageReader | None] | None = None,
        readings: Path | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._load_reader = load_reader
        self._readings = readings
        self._progress = progress
        self._kept: KeptReadings | None = None
        self._found: tuple[str, dict[str, Found]] = ("", {})  # on which build, and by the questions' ids

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
        questions = searcher.build.questions
        asked = searcher.encode([question.question for question in questions])
        searcher = searcher.remembering
        reader = self._reader(searcher.encoder)
        searchers = [searcher.unread, *([searcher.read_by(reader)] if reader else [])]
        needed = list(_needed(searchers, asked, self._progress))
        shipped = (SHIPPED, SHIPPED_READ)[: len(searchers)]
        if reader:
            self._found = (searcher.build.manifest.build_id, {each.gold.id: each.found[-1] for each in needed})
        return tuple(
            _calibrated(one, needed, number, values)
            for number, (one, values) in enumerate(zip(searchers, shipped, strict=True))
        )

    def judge(self, searcher: Searcher, gold: Sequence[GoldQuestion]) -> tuple[GoldResult, ...]:
        """What becomes of gold questions on a build, asked as the service is: an `index.build.Judge`."""
        reader = self._reader(searcher.encoder)
        searcher = searcher.read_by(reader) if reader else searcher
        build_id, known = self._found
        known = known if build_id == searcher.build.manifest.build_id else {}
        asked = searcher.encode([question.question for question in gold])
        results = []
        for done, (question, encoded) in enumerate(zip(gold, asked, strict=True), start=1):
            found = known.get(question.id) or find(encoded, searcher)
            found = replace(found, calibration=calibration_of(searcher.build, is_read=found.is_read))
            results.append(judged(question, encoded, found, searcher))
            if self._progress:
                self._progress("questions", done, len(gold))
        return tuple(results)

    def save(self) -> None:
        """Keep what was read since this was made, for the next build."""
        if self._kept:
            self._kept.save()

    def _reader(self, encoder: Encoder) -> PassageReader | None:
        if self._kept is None and self._load_reader and (reader := self._load_reader(encoder)):
            self._kept = KeptReadings(reader, self._readings)
        return self._kept


def judged(gold: GoldQuestion, asked: Question, found: Found, searcher: Searcher) -> GoldResult:
    """What becomes of a gold question for which that was found.

    Right is an answer that holds one of the gold texts and cites a gold quote; of what the documents do not answer, no
    full answer.
    """
    places = quote_places(gold, searcher.build.documents)
    is_found = any(holds_quote(hit.passage, places) for hit in found.hits[:_BEST])
    best = tuple(hit.passage.id for hit in found.hits[:_BEST])
    outcome: Outcome = "declined" if gold.answerable else "right"
    text = ""
    if found.is_answer:
        sentences, citations = compose(asked, found.candidates, searcher)
        text = " ".join(sentence.text for sentence in sentences)
        is_cited = any(
            citation.document_id == document and start < citation.end and citation.start < end
            for citation in citations
            for document, (start, end) in places
        )
        outcome = "right" if is_cited and any(expected in text for expected in gold.gold) else "wrong"
    return GoldResult(gold.id, gold.question, gold.answerable, is_found, outcome, best, text[:_SAID])


@dataclass(frozen=True, slots=True, eq=False)
class _Needed:
    """A gold question that a calibration needs, and what was found for it, by each searcher in turn.

    `without` is what was found without the passages that hold its quotes, none where it has none. `fold` is None where
    it teaches nothing: it may only be suggested.
    """

    gold: GoldQuestion
    asked: Question
    found: tuple[Found, ...]
    without: tuple[Found, ...]
    fold: int | None

    def evidence(self, number: int) -> Iterator[tuple[Evidence, str, int]]:
        """What it teaches with the searcher of this number."""
        if self.fold is not None:
            if evidence := self.found[number].evidence:
                yield evidence, "answerable" if self.gold.answerable else self.gold.kind, self.fold
            for without in self.without[number : number + 1]:
                if without.evidence:
                    yield without.evidence, "without", self.fold


def _needed(
    searchers: Sequence[Searcher],
    asked: Sequence[Question],
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[_Needed]:
    """The gold questions of the choosing half, and those that may be suggested, asked of searchers of one build."""
    build = searchers[0].build
    for done, (gold, encoded) in enumerate(zip(build.questions, asked, strict=True), start=1):
        places = quote_places(gold, build.documents)
        fold = None
        # Where its quotes are gone it is not known whether the documents still answer it.
        if half(gold, build.documents) == "choosing" and (places or not gold.answerable):
            key = gold.spans[0].quote if gold.spans else gold.id
            fold = hashlib.sha256(key.encode("utf-8")).digest()[1] % _FOLDS
        if fold is not None or _may_be_suggested(gold):
            found = tuple(find(encoded, searcher) for searcher in searchers)
            without: tuple[Found, ...] = ()
            if places and fold is not None:
                left_out = partial(holds_quote, places=places)
                without = tuple(find(encoded, searcher, left_out) for searcher in searchers)
            yield _Needed(gold, encoded, found, without, fold)
        if progress:
            progress("calibration", done, len(asked))


def gold_evidence(searcher: Searcher, asked: Sequence[Question]) -> Iterator[tuple[Evidence, str, int]]:
    """The evidence for each gold question of the choosing half, of which kind it is, and its fold.

    `asked` are all gold questions of the build, encoded. Answerable ones come twice: as they are (`answerable`), and as
    if the passages with their gold quotes were not there (`without`). The others are of their own kind. Those that rest
    on the same quote are in one fold.
    """
    for needed in _needed([searcher.remembering], asked):
        yield from needed.evidence(0)


def _calibrated(searcher: Searcher, needed: Sequence[_Needed], number: int, shipped: Calibration) -> Calibration:
    """The calibration of a build for the searcher of this number."""
    rows = [row for each in needed for row in each.evidence(number)]
    calibration = shipped
    if sum(kind == "answerable" for _, kind, _ in rows) >= _LEAST:
        values = np.array([values_of(found, shipped.evidence) for found, _, _ in rows])
        kinds, folds = (np.array([row[column] for row in rows]) for column in (1, 2))
        calibration = fitted(values, kinds, folds, shipped)
    return replace(calibration, answered=tuple(_answered(searcher, needed, number, calibration)))


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


def _may_be_suggested(gold: GoldQuestion) -> bool:
    """Whether it is well written and asks for a fact."""
    return gold.kind == "fact" and gold.style == "formal"


def _answered(searcher: Searcher, needed: Sequence[_Needed], number: int, calibration: Calibration) -> Iterator[str]:
    """The ids of the gold questions that may be suggested to people: those that get a right answer, too."""
    for each in needed:
        found = replace(each.found[number], calibration=calibration)
        if _may_be_suggested(each.gold) and found.is_answer:
            text = " ".join(sentence.text for sentence in compose(each.asked, found.candidates, searcher)[0])
            if any(expected in text for expected in each.gold.gold):
                yield each.gold.id
