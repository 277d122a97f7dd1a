"""Unit vectors into the rows nearest to a query. The only file that imports faiss.

Which kind of index is used, from how many vectors on, and with how many threads was measured: see
`docs/decisions/0003-vector-search.md`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import DimensionMismatch

__all__ = ["APPROXIMATE_FROM", "VectorIndex"]

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

APPROXIMATE_FROM = 100_000
"""From this many vectors on, candidates come from 8-bit codes: below, exact search takes 8 ms or less."""

_RERANK_DEPTH = 4
"""Candidates per wanted row whose similarity is computed again from the full vectors."""

_NO_ROW = -1
"""What faiss puts where it found no row."""

_NORM_TOLERANCE = 1e-3
"""Lets through the rounding of half-precision encoders, and no vector that was never normalised."""

_MEND = "Reconstruisez l’index avec « make build » (ou « loos build --full »)."


class VectorIndex:
    """Immutable index of unit vectors, searched by cosine similarity.

    Up to `APPROXIMATE_FROM` vectors the search is exact. From there on it scans 8-bit codes and ranks the best of them
    by the full vectors, so that similarities stay exact and only a row may be missed. It holds the vectors that it is
    given and no copy of them, so a table mapped from a file stays on the disk; the codes are made anew each time, the
    same from the same vectors. Any number of threads may search at once.
    """

    def __init__(self, vectors: FloatArray) -> None:
        """Index of the rows of `vectors`, numbered from 0 in their order.

        `vectors` is float32 `(n, d)` with unit rows, which nobody may change from then on.

        Raises:
            ValueError: there is no vector.
            DimensionMismatch: another shape or dtype, or a row whose norm is not 1.
        """
        _check(vectors, dimensions=2)
        if len(vectors) == 0:
            raise ValueError(
                "Aucun vecteur à indexer : le corpus n’a donné aucun passage. "
                "Ajoutez des documents au corpus, puis lancez « make build »."
            )
        self._vectors: FloatArray = np.ascontiguousarray(vectors)
        self._codes = _codes(self._vectors) if len(vectors) >= APPROXIMATE_FROM else None

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return int(self._vectors.shape[1])

    @property
    def is_approximate(self) -> bool:
        """Whether a near row may be missed."""
        return self._codes is not None

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, query: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Similarities and row numbers of the `k` rows nearest to `query`, best first.

        `query` is float32 `(d,)` of norm 1. Both arrays have the shape `(m,)`, where `m` is `k`, or less when the index
        holds fewer rows. Similarity is the cosine, in [-1, 1] but for rounding; rows of equal similarity come in the
        order of their numbers.

        Raises:
            ValueError: `k` is less than 1.
            DimensionMismatch: another shape or dtype, or a norm that is not 1.
        """
        if k < 1:
            raise ValueError(f"Le nombre de passages demandé doit être au moins 1, et non {k}.")
        _check(query, dimensions=1)
        if query.shape[0] != self.dimension:
            raise DimensionMismatch(
                f"La question est encodée en {query.shape[0]} dimensions, l’index en a {self.dimension} : "
                f"il a été fait avec un autre modèle. {_MEND}"
            )
        similarities, rows = self._nearest(np.ascontiguousarray(query[np.newaxis]), min(k, len(self)))
        order = np.lexsort((rows, -similarities))[:k]
        return similarities[order], rows[order]

    def _nearest(self, query: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """The `k` rows nearest to the one of `query` `(1, d)`, or more, in any order, with their similarities."""
        import faiss

        with _one_thread():
            if self._codes is None:
                similarities, rows = faiss.knn(query, self._vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
                return similarities[0], rows[0]
            _, found = self._codes.search(query, min(_RERANK_DEPTH * k, len(self)))
        rows = found[0][found[0] != _NO_ROW]
        return self._vectors[rows] @ query[0], rows


def _codes(vectors: FloatArray) -> Any:
    """faiss's index of 8-bit codes of the rows of `vectors`."""
    import faiss

    codes = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    with _one_thread():
        codes.train(vectors)
        codes.add(vectors)
    return codes


def _check(vectors: FloatArray, dimensions: int) -> None:
    if vectors.dtype != np.float32 or vectors.ndim != dimensions or vectors.shape[-1] == 0:
        expected = "(n, d)" if dimensions == 2 else "(d,)"
        raise DimensionMismatch(
            f"Vecteurs refusés : tableau {vectors.dtype} de forme {vectors.shape}, "
            f"alors qu’il faut float32 {expected}. "
            "Vérifiez le réglage « model »."
        )
    norms = np.sqrt(np.einsum("...i,...i->...", vectors, vectors)).reshape(
        -1
    )  # no copy of all vectors, as norm() makes
    wrong = np.flatnonzero(~(np.abs(norms - 1) <= _NORM_TOLERANCE))  # written so that NaN is wrong too
    if len(wrong):
        raise DimensionMismatch(
            f"Vecteurs refusés : {len(wrong)} sur {len(norms)} ne sont pas de norme 1 "
            f"(le premier, n° {wrong[0]}, a pour norme {norms[wrong[0]]:.4f}). "
            "Vérifiez le réglage « model »."
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps faiss to the calling thread, then gives the thread its OpenMP setting back.

    faiss and torch each bring a libgomp, and both spin while they wait: on two cores, a search on two threads took ten
    times as long as on one. When torch was imported first, faiss's setting is torch's too, so it has to be put back, or
    the encoder would be slowed down. The setting belongs to each thread, so that no other search is disturbed.
    """
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
