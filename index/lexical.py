"""Lexical search: BM25 over the passages' French tokens. Why so: docs/decisions/0004-lexical-search.md."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.analysis import analyse
from index.errors import CorruptIndex
from ingest.plain_words import system_reason

if TYPE_CHECKING:
    from bm25s import BM25

__all__ = ["LexicalIndex", "lexical_code", "terms"]

FloatArray = NDArray[np.float32]

_K1 = 0.6
_B = 0.75
_PREFIX = 5
"""A word also counts by its first letters, so that « solidaire » finds « solidarité »."""


class LexicalIndex:
    """BM25 scores of a fixed list of passages, known by their position. Reading is safe from several threads."""

    def __init__(self, bm25: "BM25") -> None:
        self._bm25 = bm25
        self._frequencies: NDArray[np.int64] = np.diff(bm25.scores["indptr"])

    @classmethod
    def build(cls, texts: Sequence[str]) -> "LexicalIndex":
        """The index of these passages, in their order; the same texts give the same index, byte for byte.

        Raises:
            ValueError: there is no text, or none holds a word that counts.
        """
        return cls.of_terms([terms(text) for text in texts])

    @classmethod
    def of_terms(cls, passages: Sequence[Sequence[str]]) -> "LexicalIndex":
        """The same of passages whose `terms` are known. Raises as `build`."""
        from bm25s import BM25

        # Sorted: left to itself bm25s numbers the words in the order of a set, which changes from run to run.
        vocabulary = {term: number for number, term in enumerate(sorted(set().union(*passages)))}
        if not vocabulary:
            raise ValueError(
                f"Aucun mot à indexer dans {len(passages)} passage(s). Vérifiez que le corpus contient du texte, "
                "puis reconstruisez l’index avec « make build »."
            )
        bm25 = BM25(k1=_K1, b=_B, method="lucene")
        numbered = [[vocabulary[term] for term in passage] for passage in passages]
        bm25.index((numbered, vocabulary), create_empty_token=False, show_progress=False)
        return cls(bm25)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """The index that `save` wrote, read into memory.

        Raises:
            CorruptIndex: a file is missing, unreadable, or does not fit the others.
        """
        from bm25s import BM25

        try:
            bm25 = BM25.load(folder, show_progress=False)
            _check(bm25)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            raise CorruptIndex(
                f"L’index lexical {folder} manque ou est abîmé ({system_reason(error)}). Reconstruisez-le avec « make "
                "build » (ou « loos build --full »)."
            ) from error
        return cls(bm25)

    def save(self, folder: Path) -> None:
        """Write the index as bm25s's own files into the folder, made if missing."""
        self._bm25.save(folder, show_progress=False)

    def __len__(self) -> int:
        return int(self._bm25.scores["num_docs"])

    def scores(self, question: str) -> FloatArray:
        """The BM25 score of every passage: float32 `(n,)`, at least 0, and 0 where no word of the question stands.

        A word said twice in the question counts once. Lucene's variant: Kamphuis et al., « Which BM25 Do You Mean? »
        (2020); a passage's words and their prefixes both count towards it.
        """
        numbers = self._numbers(_terms(list(dict.fromkeys(analyse(question)))))
        scores: FloatArray = self._bm25.get_scores_from_ids(numbers)
        return scores

    def idf(self, token: str) -> float:
        """How rare a token of `analyse` is here: log(1 + (n - f + 0.5) / (f + 0.5)), f of n passages holding it.

        Always above 0, and highest for a token that stands in no passage.
        """
        number = self._bm25.vocab_dict.get(token)
        frequency = 0 if number is None else int(self._frequencies[number])
        return log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def knows(self, token: str) -> bool:
        """Whether any passage holds a token of `analyse`."""
        return token in self._bm25.vocab_dict

    def coverage(self, question: str) -> FloatArray:
        """The share of the question's idf that each passage holds: float32 `(n,)` in [0, 1].

        Words count whole, not by their prefix. A word unknown to the corpus weighs the most and is covered by no
        passage. All 0 for a question without words or of stop words only.
        """
        covered = np.zeros(len(self), dtype=np.float64)
        tokens = set(analyse(question))
        if not tokens:
            return covered.astype(np.float32)
        rarity = {token: self.idf(token) for token in sorted(tokens)}
        starts, rows = self._bm25.scores["indptr"], self._bm25.scores["indices"]
        for token, idf in rarity.items():
            for number in self._numbers([token]):
                covered[rows[starts[number] : starts[number + 1]]] += idf
        return (covered / sum(rarity.values())).astype(np.float32).clip(0, 1)

    def _numbers(self, terms: Sequence[str]) -> list[int]:
        vocabulary = self._bm25.vocab_dict
        return [vocabulary[term] for term in terms if term in vocabulary]


def terms(text: str) -> list[str]:
    """What of a text is searched for by words."""
    return _terms(analyse(text))


@cache
def lexical_code() -> bytes:
    """Over what decides the `terms` of a text."""
    total = hashlib.sha256(version("PyStemmer").encode())
    for name in ("analysis.py", "lexical.py"):
        total.update(Path(__file__).with_name(name).read_bytes())
    return total.digest()


def _terms(tokens: Sequence[str]) -> list[str]:
    """Every token and, for words, the prefix, marked so that it is never taken for a token."""
    return [*tokens, *("^" + token[:_PREFIX] for token in tokens if token.isalpha())]


def _check(bm25: "BM25") -> None:
    """Raise ValueError unless the arrays and the vocabulary fit together: bm25s itself would answer with nonsense."""
    count, vocabulary = bm25.scores["num_docs"], bm25.vocab_dict
    scores, rows, starts = (bm25.scores[name] for name in ("data", "indices", "indptr"))
    if not (isinstance(count, int) and count > 0 and isinstance(vocabulary, dict) and vocabulary):
        raise ValueError("vocabulaire ou nombre de passages absent")
    if sorted(vocabulary.values()) != list(range(len(vocabulary))) or starts.shape != (len(vocabulary) + 1,):
        raise ValueError("le vocabulaire ne correspond pas aux listes de passages")
    if starts[0] != 0 or (np.diff(starts) < 0).any() or not starts[-1] == len(rows) == len(scores):
        raise ValueError("les listes de passages sont tronquées")
    if (rows < 0).any() or (rows >= count).any() or not np.isfinite(scores).all():
        raise ValueError("une liste nomme un passage inconnu ou un score faux")
