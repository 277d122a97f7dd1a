"""Whether the passages found answer the question, as a probability. Why so: docs/decisions/0007."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from math import tanh

from chatbot.compose import Candidate
from chatbot.french import holds_what_is_asked, lacks_amount
from chatbot.language import detect_language
from chatbot.services import service_similarity
from index import Build, Hit, Searcher
from index.analysis import analyse
from index.question import Question
from index.store import Calibration

__all__ = [
    "SCALES",
    "SERVICE_MARGIN",
    "SHIPPED",
    "Evidence",
    "calibration_of",
    "evidence",
    "lacks_year",
    "probability_of",
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
    question in French, whose cosines to French passages are higher.
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


# A logistic regression over the evidence, in its order, fitted by tests/evaluation/fit_abstention.py on the gold
# questions' choosing half and on articles of PIAF. Builds fit it further on their own gold questions.
_WEIGHTS = (2.012, 19.236, 2.015, 2.782, -0.279, 1.213, -3.028, -0.591, -0.692, -6.435, -3.452, -1.32)
SHIPPED = Calibration(
    tuple(field.name for field in fields(Evidence)), _WEIGHTS, bias=-18.968, answer_from=0.37, partial_from=0.21
)
"""What holds for a build that has no calibration of its own."""
SCALES = (0.0261, 0.0248, 0.1013, 0.0997, 0.2491, 0.2338, 0.1878, 0.2919, 0.124, 0.0609, 0.0383, 0.176)
"""The standard deviation of each value of the evidence where the shipped weights were fitted."""
SERVICE_MARGIN = 0.08
"""A question that is nearer to the town hall's services than to any passage by this much is one for them."""

# A capitalised word that does not open the question, or one with a figure in it.
_NAME = re.compile(r"(?<!^)\b[A-ZÀ-Ý][\w’'-]*|(?<![\w-])[^\W\d_-]*\d(?:[\w/.,-]*\w)?")
# A year, but neither a decade nor a quantity: « les années 1990 », « 1500 m² ».
_YEAR = re.compile(
    r"(?<![\w/.,-])(?<!années )(?:1[5-9]|20)\d\d(?![\w/-])(?!\s?(?:m²|m2|km|€|%|euros?|habitants?|personnes?|hectares?"
    r"|tonnes?|logements?|arbres?|mineurs?)\b)(?!\s?[€%²])"
)


def calibration_of(build: Build) -> Calibration:
    """The calibration that a build stores, if it is one over this program's evidence; else the shipped one."""
    stored = build.manifest.calibration
    fits = stored and stored.evidence == SHIPPED.evidence and len(stored.weights) == len(SHIPPED.weights)
    return stored if stored and fits else SHIPPED


def probability_of(found: Evidence, calibration: Calibration) -> float:
    """The probability, in [0, 1], that the passages answer the question."""
    logit = sum(weight * value for weight, value in zip(calibration.weights, astuple(found), strict=True))
    return 0.5 + 0.5 * tanh((calibration.bias + logit) / 2)


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
    )
