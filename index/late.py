"""Late interaction: every token of a question against every token of the passages. Why so: docs/decisions/0011.

After Khattab and Zaharia, « ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
BERT » (2020): a passage is as near to a question as, on average, its nearest token is to each of the question's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoded
from ingest.sentences import Span

__all__ = ["HEAD_FILE", "PLAIN", "PassageTokens", "TokenHead", "load_head", "quantised", "sentence_rows"]

HEAD_FILE = Path(__file__).with_name("late.safetensors")
"""What tests/evaluation/train_ranker.py learned for one encoder."""

_LOW = 0.2
"""Quantile that says how well the question's worst matched tokens are matched."""
_STEPS = 127  # of int8, for numbers in [-1, 1]

FloatArray = NDArray[np.float32]
Int8Array = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class TokenHead:
    """What turns the encoder's token vectors into those that are compared.

    `projection`, float32 `(d, k)`, keeps the directions that count; `importance`, float32 `(d,)`, tells how much a
    token of a question counts. Without them, vectors are compared as they are, and all tokens count alike. `name`
    changes with the numbers: a build is made with one head.
    """

    name: str
    projection: FloatArray | None = None
    importance: FloatArray | None = None

    def project(self, tokens: FloatArray) -> FloatArray:
        """Token vectors `(n, d)`, unit rows, as they are compared: unit rows, float32 `(n, k)`."""
        if self.projection is None:
            return tokens
        projected = tokens @ self.projection
        unit: FloatArray = projected / np.linalg.norm(projected, axis=1, keepdims=True).clip(1e-9)
        return unit

    def weights(self, tokens: FloatArray) -> FloatArray:
        """How much each token `(n, d)` of a question counts: float32 `(n,)`, above 0, of sum 1."""
        if self.importance is None:
            weights = np.ones(len(tokens))
        else:
            weights = np.logaddexp(0, tokens @ self.importance + _NEUTRAL)
        normed: FloatArray = (weights / weights.sum()).astype(np.float32)
        return normed


_NEUTRAL = float(np.log(np.e - 1))
"""With this, a token of no learned importance counts 1."""

PLAIN = TokenHead("plain")


@cache
def load_head(revision: str) -> TokenHead:
    """The head that was trained for an encoder of this revision, else the plain one."""
    from safetensors import safe_open

    if HEAD_FILE.is_file():
        with safe_open(HEAD_FILE, framework="numpy") as file:
            metadata = file.metadata()
            if metadata["revision"] == revision:
                projection, importance = (file.get_tensor(name) for name in ("projection", "importance"))
                return TokenHead(metadata["name"], projection.astype(np.float32), importance.astype(np.float32))
    return PLAIN


class TokensOfPassages(Protocol):
    """The token vectors of each passage, int8 `(tokens, k)`, by its number."""

    def __len__(self) -> int:
        """How many passages there are."""

    def __getitem__(self, passage: int, /) -> Int8Array:
        """Those of one passage."""


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Passages' token vectors in one table: passage `i` has the rows from `starts[i]` to `starts[i + 1]`."""

    rows: Int8Array
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, passage: int) -> Int8Array:
        return self.rows[self.starts[passage] : self.starts[passage + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class PassageTokens:
    """The token vectors of a build's passages: int8, in 127ths, each passage's headings' first.

    `sentences`, int32 `(s, 2)`, are the rows of each sentence, counted from its passage's first. Passages that are
    taken over from another build stay where they are: a copy of all would take the memory that they have once more.
    """

    passages: TokensOfPassages
    sentences: NDArray[np.int32]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each passage's tokens begin in a table of all, and where the last end: int64 `(passages + 1,)`."""
        lengths = (len(self.passages[number]) for number in range(len(self.passages)))
        return np.cumsum([0, *lengths], dtype=np.int64)

    @classmethod
    def load(cls, rows: Int8Array, starts: NDArray[np.int64], sentences: NDArray[np.int32]) -> "PassageTokens":
        """Those of three tables that `save` wrote. Raises ValueError where they do not fit together."""
        in_order = starts.ndim == 1 and len(starts) and starts[0] == 0 and (np.diff(starts) >= 0).all()
        if not in_order or starts[-1] != len(rows):
            raise ValueError(f"vecteurs de mots : {len(rows)} lignes ne sont pas celles des passages")
        return cls(_Table(rows, starts), sentences)

    def save(self, rows: Path, starts: Path, sentences: Path) -> None:
        """Write three tables, as numpy does, without holding the first in memory."""
        all_starts = self.starts
        with rows.open("wb") as file:
            shape = (int(all_starts[-1]), self.passages[0].shape[1])
            np.lib.format.write_array_header_1_0(file, {"descr": "|i1", "fortran_order": False, "shape": shape})
            for number in range(len(self.passages)):
                file.write(np.ascontiguousarray(self.passages[number]).data)
        np.save(starts, all_starts, allow_pickle=False)
        np.save(sentences, self.sentences, allow_pickle=False)

    def match(self, question: FloatArray, passage: int) -> FloatArray:
        """Cosines of a question's tokens `(n, k)` and a passage's: float32 `(n, tokens)`."""
        rows = self.passages[passage]
        cosines: FloatArray = question @ (rows.T.astype(np.float32) / np.float32(_STEPS))
        return cosines

    def similarity(self, question: FloatArray, weights: FloatArray, passages: Sequence[int]) -> FloatArray:
        """Of each passage, the weighted mean over the question's tokens of their best cosine, and the low quantile of
        these: float32 `(passages, 2)`. All 0 where the question or a passage has no token."""
        rows = [_summed(self.match(question, passage), weights) for passage in passages]
        return np.array(rows, np.float32).reshape(-1, 2)

    def sentence_similarity(
        self, question: FloatArray, weights: FloatArray, passage: int, first: int, count: int
    ) -> FloatArray:
        """The same of the `count` sentences of a passage, whose rows in `sentences` begin at `first`: `(count, 2)`."""
        cosines = self.match(question, passage)
        spans = self.sentences[first : first + count]
        return np.array([_summed(cosines[:, start:end], weights) for start, end in spans], np.float32)


def quantised(vectors: FloatArray) -> Int8Array:
    """Unit rows in 127ths."""
    return np.rint(vectors * _STEPS).astype(np.int8)


def sentence_rows(encoded: Encoded, sentences: Sequence[Span]) -> NDArray[np.int32]:
    """Which tokens of a text stand for each of its sentences, given by their offsets in it: int32 `(s, 2)`."""
    starts, ends = encoded.spans[:, 0], encoded.spans[:, 1]
    rows = [(int((ends <= start).sum()), int((starts < end).sum())) for start, end in sentences]
    return np.array(rows, dtype=np.int32).reshape(-1, 2)


def _summed(cosines: FloatArray, weights: FloatArray) -> tuple[float, float]:
    if not cosines.size:
        return 0.0, 0.0
    best = cosines.max(axis=1)
    return float(weights @ best), float(np.sort(best)[int(_LOW * (len(best) - 1))])
