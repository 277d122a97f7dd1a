"""Unit vectors into the rows nearest to a query. The only file that imports faiss.

Which kind of index is used, from how many vectors on, and with how many threads was measured: see
`docs/decisions/0003-vector-search.md`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import CorruptIndex, DimensionMismatch

__all__ = ["APPROXIMATE_FROM", "VectorIndex"]

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

APPROXIMATE_FROM = 100_000
"""From this many vectors on, candidates come from 8-bit codes: below, exact search takes 8 ms or less."""

_RERANK_DEPTH = 4
"""Candidates per wanted row whose similarity is computed again from the full vectors."""

_NO_ROW = -1
"""What faiss puts where it found no row."""

_CHECKSUM_BYTES = 32
"""Length of a SHA-256."""

_NORM_TOLERANCE = 1e-3
"""Lets through the rounding of half-precision encoders, and no vector that was never normalised."""

_MEND = "Reconstruisez l’index avec « make build » (ou « loos build --full »)."


class VectorIndex:
    """Immutable index of unit vectors, searched by cosine similarity.

    Up to `APPROXIMATE_FROM` vectors the search is exact. From there on it scans 8-bit codes and ranks the best of them
    by the full vectors, so that similarities stay exact and only a row may be missed. The same vectors give the same
    file, byte for byte. Any number of threads may search at once.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: FloatArray) -> "VectorIndex":
        """Index of the rows of `vectors`, numbered from 0 in their order.

        `vectors` is float32 `(n, d)` with unit rows; it is copied.

        Raises:
            ValueError: there is no vector.
            DimensionMismatch: another shape or dtype, or a row whose norm is not 1.
        """
        import faiss

        _check(vectors, dimensions=2)
        count, dimension = vectors.shape
        if count == 0:
            raise ValueError(
                "Aucun vecteur à indexer : le corpus n’a donné aucun passage. "
                "Ajoutez des documents au corpus, puis lancez « make build »."
            )
        rows = np.ascontiguousarray(vectors)
        index: Any = faiss.IndexFlatIP(dimension)
        if count >= APPROXIMATE_FROM:
            eight_bits = faiss.ScalarQuantizer.QT_8bit
            codes = faiss.IndexScalarQuantizer(dimension, eight_bits, faiss.METRIC_INNER_PRODUCT)
            index = faiss.IndexRefineFlat(codes)
            index.k_factor = _RERANK_DEPTH
        with _one_thread():
            index.train(rows)
            index.add(rows)
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """The index that `save` wrote to `path`.

        Raises:
            CorruptIndex: the file is missing, cut short or changed, or `save` did not write it.
        """
        import faiss

        if not path.is_file():
            raise CorruptIndex(f"L’index des vecteurs manque : « {path} » n’existe pas. {_MEND}")
        if not _is_whole(path):
            raise CorruptIndex(f"L’index des vecteurs « {path} » est incomplet ou abîmé. {_MEND}")
        try:
            return cls(faiss.read_index(str(path)))
        except RuntimeError as error:
            raise CorruptIndex(
                f"L’index des vecteurs « {path} » ne se lit pas avec cette version de faiss. {_MEND}"
            ) from error

    def save(self, path: Path) -> None:
        """Writes the index to `path`, replacing what is there; not atomic.

        The file is faiss's own, with its checksum after it, which faiss does not read. Without one, a damaged length
        makes faiss fill gigabytes of memory, or accept parts of different lengths.

        Raises:
            OSError: the file cannot be written.
        """
        import faiss

        with path.open("wb"):  # an unwritable place gives Python's own error, not faiss's
            pass
        faiss.write_index(self._index, str(path))
        with path.open("rb+") as file:
            checksum = file_digest(file, "sha256").digest()
            file.write(checksum)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return int(self._index.d)

    @property
    def is_approximate(self) -> bool:
        """Whether a near row may be missed."""
        import faiss

        return not isinstance(self._index, faiss.IndexFlatIP)

    def __len__(self) -> int:
        return int(self._index.ntotal)

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
        with _one_thread():
            found = self._index.search(np.ascontiguousarray(query[np.newaxis]), min(k, len(self)))
        similarities: FloatArray = found[0][0]
        rows: IntArray = found[1][0]
        real = rows != _NO_ROW
        similarities, rows = similarities[real], rows[real]
        order = np.lexsort((rows, -similarities))
        return similarities[order], rows[order]


def _is_whole(path: Path) -> bool:
    """Whether the file at `path` ends with the checksum of what comes before."""
    if path.stat().st_size <= _CHECKSUM_BYTES:
        return False
    content = np.memmap(path, dtype=np.uint8, mode="r")
    return sha256(content[:-_CHECKSUM_BYTES].data).digest() == content[-_CHECKSUM_BYTES:].tobytes()


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
