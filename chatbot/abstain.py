"""Whether the passages found answer the question, as a probability. Why so: docs/decisions/0007."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from chatbot.compose import Candidate
from chatbot.french import holds_what_is_asked, lacks_amount
from chatbot.language import detect_language
from chatbot.services import service_similarity
from index import Build, Hit, Searcher
from index.analysis import analyse
from index.question import Question
from index.search import sigmoid
from index.store import Calibration

__all__ = [
    "SCALES",
    "SERVICE_MARGIN",
    "SHIPPED",
    "SHIPPED_READ",
    "Evidence",
    "calibration_of",
    "evidence",
    "lacks_year",
    "probability_of",
    "values_of",
]

_READ = 3
"""The evidence is looked for in the passages of this many of the best sentences."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells whether passages answer a question.

    `passage_similarity` and `sentence_similarity` are the best cosines, `late` and `sentence_late` the best
    of late interaction; `coverage` and `sentence_coverage`, in [0, 1], the largest shares of the question's idf that a
    passage and a sentence hold. `missing_names`, in [0, 1], is the share of its idf on names and figures that the best
    sentence's passage and headings lack; `missing_word`, in [0, 1], the idf of the rarest word that the best passages
    lack, over that of its rarest word. `lacks_kind` is 1 where a date, a person or a figure is asked for
    and the best sentences hold none, `lacks_amount` where a sum of money is. `service_margin` is how
    much nearer the question is to one for the town hall's services than to the best passage. `is_french` is 1 for a
    question in French, whose cosines to French passages are higher. The last ones are the reader's, 0 where nothing was
    read: the largest logits of relevance and answerability, and the answerability of the passage that was first before
    it was read.
    """

    passage_similarity: float
    sentence_similarity: float
    late: float
    sentence_late: float
    coverage: float
    sentence_coverage: float
    missing_names: float
    missing_word: float
    lacks_kind: float
    lacks_amount: float
    service_margin: float
    is_french: float
    relevance: float = 0.0
    answerability: float = 0.0
    first_answerability: float = 0.0


# A logistic regression over the evidence, in its order, fitted by tests/evaluation/fit_abstention.py on the gold
# questions' choosing half, on articles of PIAF and on invented towns. Builds fit it further on their own gold
# questions.
_WEIGHTS = (2.191, 25.533, 2.103, 0.941, 0.152, 0.462, -3.524, -0.725, -0.099, -3.445, -2.695, -1.553)
_NAMES = tuple(field.name for field in fields(Evidence))
_UNREAD = _NAMES[: _NAMES.index("relevance")]
SHIPPED = Calibration(_UNREAD, _WEIGHTS, bias=-23.007, answer_from=0.385, partial_from=0.27)
"""What holds for a build that has no calibration of its own, where nothing was read."""
_READ_WEIGHTS = (
    *(10.372, 14.229, -3.074, 3.126, -0.558, 0.242, -0.748, -0.554, 0.65, -1.86, -7.472, -1.061),
    *(-0.301, 0.734, 0.236),
)
SHIPPED_READ = Calibration(_NAMES, _READ_WEIGHTS, bias=-18.09, answer_from=0.398, partial_from=0.254)
"""The same where passages were read."""
SCALES = (
    *(0.026, 0.026, 0.0933, 0.0925, 0.2735, 0.2498, 0.1438, 0.3264, 0.1031, 0.0668, 0.0346, 0.2996),
    *(2.6349, 2.3941, 2.6305),
)
"""The standard deviation of each value of the evidence where the weights for what was read were fitted."""
SERVICE_MARGIN = 0.08
"""A question that is nearer to the town hall's services than to any passage by this much is one for them."""

# A capitalised word that does not open the question, or one with a figure in it.
_NAME = re.compile(r"(?<!^)\b[A-ZÀ-Ý][\w’'-]*|(?<![\w-])[^\W\d_-]*\d(?:[\w/.,-]*\w)?")
# A year, but neither a decade nor a quantity: « les années 1990 », « 1500 m² ».
_YEAR = re.compile(
    r"(?<![\w/.,-])(?<!années )(?:1[5-9]|20)\d\d(?![\w/-])(?!\s?(?:m²|m2|km|€|%|euros?|habitants?|personnes?|hectares?"
    r"|tonnes?|logements?|arbres?|mineurs?)\b)(?!\s?[€%²])"
)


def calibration_of(build: Build, *, is_read: bool) -> Calibration:
    """The calibration that a build stores for what was read, or not, if it is one over this program's evidence; else
    the shipped one."""
    shipped = SHIPPED_READ if is_read else SHIPPED
    stored = (c for c in build.manifest.calibrations if c.evidence == shipped.evidence)
    return next((c for c in stored if len(c.weights) == len(shipped.weights)), shipped)


def values_of(found: Evidence, names: Sequence[str]) -> tuple[float, ...]:
    """The values of the evidence of these names."""
    return tuple(getattr(found, name) for name in names)


def probability_of(found: Evidence, calibration: Calibration) -> float:
    """The probability, in [0, 1], that the passages answer the question."""
    values = values_of(found, calibration.evidence)
    return sigmoid(calibration.bias + sum(w * value for w, value in zip(calibration.weights, values, strict=True)))


def lacks_year(question: str, best: Candidate) -> bool:
    """Whether a question names a year that neither the best sentence's passage nor its headings name.

    What they say is then of another year.
    """
    years = _YEAR.findall(question)
    return bool(years) and not _words_of(best) >= set(years)


def _words_of(candidate: Candidate) -> set[str]:
    """The tokens of a sentence's passage and its headings."""
    return set(analyse(" ".join((*candidate.passage.heading_path, candidate.passage.text))))


def evidence(question: Question, hits: Sequence[Hit], found: Sequence[Candidate], searcher: Searcher) -> Evidence:
    """The evidence for a question in the passages found and in their sentences, of which there is at least one."""
    lexical = searcher.build.lexical
    best = found[:_READ]
    rarity = {token: lexical.idf(token) for token in analyse(question.text)}
    tokens = [_words_of(candidate) for candidate in best]
    held = set().union(*tokens)
    names = {token for name in _NAME.findall(question.text) for token in analyse(name)} & rarity.keys()
    holds = holds_what_is_asked(question.text)
    passage_similarity = max(hit.similarity for hit in hits)
    readings = [hit.reading for hit in sorted(hits, key=lambda hit: -hit.fused) if hit.reading]
    return Evidence(
        passage_similarity=passage_similarity,
        sentence_similarity=max(candidate.similarity for candidate in found),
        late=max(hit.late for hit in hits),
        sentence_late=max(candidate.late for candidate in found),
        coverage=max(searcher.coverage(question.text, [candidate.passage for candidate in found])),
        sentence_coverage=max(candidate.coverage for candidate in found),
        missing_names=sum(rarity[token] for token in names - tokens[0]) / (sum(rarity.values()) or 1.0),
        missing_word=max((idf for token, idf in rarity.items() if token not in held), default=0.0)
        / (max(rarity.values(), default=0.0) or 1.0),
        lacks_kind=float(holds is not None and not any(holds(candidate.text) for candidate in best)),
        lacks_amount=float(lacks_amount(question.text, [candidate.text for candidate in best])),
        service_margin=service_similarity(question, searcher.encoder) - passage_similarity,
        is_french=float(detect_language(question.text) == "fr"),
        relevance=max((reading.relevance for reading in readings), default=0.0),
        answerability=max((reading.answerability for reading in readings), default=0.0),
        first_answerability=readings[0].answerability if readings else 0.0,
    )
