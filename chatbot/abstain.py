"""Whether the passages found answer the question, as a probability. Why so: docs/decisions/0007."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp

from chatbot.compose import Candidate
from index import Hit, Searcher
from index.analysis import analyse

__all__ = ["Evidence", "answer_probability", "evidence"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells whether passages answer a question. All but the last grow with the evidence.

    `passage_similarity` and `sentence_similarity` are the best cosines; `coverage`, in [0, 1], the largest share of the
    question's idf that one passage holds; `missing_names`, in [0, 1], the share of the question's idf on names and
    figures that the first sentence's passage lacks.
    """

    passage_similarity: float
    sentence_similarity: float
    coverage: float
    missing_names: float


@dataclass(frozen=True, slots=True)
class _Model:
    """A logistic regression over the evidence, and the probability from which the service answers."""

    weights: tuple[float, ...]
    bias: float
    threshold: float


# Fitted by tests/evaluation/fit_abstention.py on half of PIAF's articles. The threshold is higher
# than PIAF asks for, since a town's corpus is more alike throughout than Wikipedia.
_FRENCH = _Model(weights=(15.526, 31.658, 3.238, -1.927), bias=-42.059, threshold=0.27)
# A question in another language shares with French passages only names, figures and a few words, which say the more.
# Set by hand on twenty English questions: PIAF has none.
_OTHER = _Model(weights=(24.107, 23.104, 20.0, 0.0), bias=-39.3, threshold=0.27)

# A capitalised word that does not open the question, or one with a figure in it.
_NAME = re.compile(r"(?<!^)\b[A-ZÀ-Ý][\w’'-]*|(?<![\w-])[^\W\d_-]*\d[\w-]*")


def answer_probability(
    question: str, language: str, hits: Sequence[Hit], found: Sequence[Candidate], searcher: Searcher
) -> tuple[float, float]:
    """The probability, in [0, 1], that the passages answer a question in `language`, and the least one to answer at.

    0 where there is no candidate sentence.
    """
    model = _FRENCH if language == "fr" else _OTHER
    if not found:
        return 0.0, model.threshold
    values = astuple(evidence(question, hits, found, searcher))
    return 1 / (1 + exp(-model.bias - sum(w * x for w, x in zip(model.weights, values, strict=True)))), model.threshold


def evidence(question: str, hits: Sequence[Hit], found: Sequence[Candidate], searcher: Searcher) -> Evidence:
    """The evidence for a question in the passages found and in their sentences, of which there is at least one."""
    lexical = searcher.build.lexical
    rarity = {token: lexical.idf(token) for token in analyse(question)}
    names = {token for name in _NAME.findall(question) for token in analyse(name)} & rarity.keys()
    lacking = names - set(analyse(" ".join((*found[0].passage.heading_path, found[0].passage.text))))
    read = {candidate.passage.id: candidate.passage for candidate in found}
    return Evidence(
        passage_similarity=max(hit.similarity for hit in hits),
        sentence_similarity=max(candidate.similarity for candidate in found),
        coverage=max(searcher.coverage(question, list(read.values()))),
        missing_names=sum(rarity[token] for token in lacking) / (sum(rarity.values()) or 1.0),
    )
