import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest

from index.errors import DimensionMismatch
from index.vectors import APPROXIMATE_FROM, FloatArray, VectorIndex

# Cosines with (1, 0): 1, 0.8, 0.6, 0, -1.
FAN = np.array([[0.6, 0.8], [1, 0], [0, 1], [-1, 0], [0.8, 0.6]], dtype=np.float32)
EAST = np.array([1, 0], dtype=np.float32)


def unit_rows(count: int, dimension: int, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def many() -> FloatArray:
    return unit_rows(APPROXIMATE_FROM, 8)


@pytest.fixture(scope="module")
def approximate(many: FloatArray) -> VectorIndex:
    return VectorIndex(many)


def test_rows_come_best_first_with_their_cosine() -> None:
    similarities, rows = VectorIndex(FAN).search(EAST, 3)
    assert rows.tolist() == [1, 4, 0]
    assert similarities == pytest.approx([1, 0.8, 0.6])
    assert (similarities.dtype, rows.dtype) == (np.float32, np.int64)


def test_k_beyond_the_index_gives_every_row_and_no_padding() -> None:
    similarities, rows = VectorIndex(FAN).search(EAST, 50)
    assert rows.tolist() == [1, 4, 0, 2, 3]
    assert similarities == pytest.approx([1, 0.8, 0.6, 0, -1])


def test_one_vector_is_an_index() -> None:
    index = VectorIndex(FAN[:1])
    assert (len(index), index.dimension) == (1, 2)
    assert index.search(EAST, 1)[1].tolist() == [0]


def test_duplicates_are_all_found_in_the_order_of_their_rows() -> None:
    index = VectorIndex(np.vstack([FAN, FAN, FAN]))
    assert index.search(EAST, 4)[1].tolist()[:3] == [1, 6, 11]
    assert index.search(EAST, 15)[1].tolist() == [1, 6, 11, 4, 9, 14, 0, 5, 10, 2, 7, 12, 3, 8, 13]


def test_vectors_are_held_and_not_copied() -> None:
    index = VectorIndex(FAN)
    assert np.shares_memory(index._vectors, FAN)


@pytest.mark.parametrize("rows", [np.asfortranarray(FAN), np.repeat(FAN, 2, axis=0)[::2]], ids=["columns", "strided"])
def test_any_memory_layout_gives_the_same_rows(rows: FloatArray) -> None:
    assert VectorIndex(rows).search(EAST, 5)[1].tolist() == [1, 4, 0, 2, 3]


def test_stored_read_only_vectors_can_be_indexed_and_asked(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", FAN)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert VectorIndex(rows).search(rows[1], 2)[1].tolist() == [1, 4]


def test_no_vector_is_refused_in_french() -> None:
    with pytest.raises(ValueError, match=r"Aucun vecteur à indexer.*make build"):
        VectorIndex(np.empty((0, 384), dtype=np.float32))


@pytest.mark.parametrize(
    "vectors",
    [FAN.astype(np.float64), FAN[0], FAN[np.newaxis], np.empty((3, 0), dtype=np.float32)],
    ids=["float64", "one vector", "three axes", "no component"],
)
def test_another_shape_or_type_is_refused(vectors: FloatArray) -> None:
    with pytest.raises(DimensionMismatch, match=r"il faut float32 \(n, d\)"):
        VectorIndex(vectors)


@pytest.mark.parametrize("factor", [0, 1.01, 0.99, np.nan, np.inf])
def test_a_row_that_is_not_unit_is_named(factor: float) -> None:
    rows = FAN.copy()
    rows[3] *= np.float32(factor) if np.isfinite(factor) else 1
    if not np.isfinite(factor):
        rows[3, 0] = factor
    with pytest.raises(DimensionMismatch, match=r"1 sur 5 ne sont pas de norme 1 \(le premier, n° 3"):
        VectorIndex(rows)


def test_rounding_of_half_precision_is_let_through() -> None:
    rows = unit_rows(100, 384).astype(np.float16).astype(np.float32)
    assert len(VectorIndex(rows)) == 100


def test_questions_are_checked_like_rows() -> None:
    index = VectorIndex(FAN)
    with pytest.raises(DimensionMismatch, match=r"encodée en 8 dimensions, l’index en a 2.*make build"):
        index.search(unit_rows(1, 8)[0], 1)
    with pytest.raises(DimensionMismatch, match=r"float32 \(d,\)"):
        index.search(FAN, 1)
    with pytest.raises(DimensionMismatch, match="norme 1"):
        index.search(EAST * 2, 1)
    with pytest.raises(ValueError, match="au moins 1, et non 0"):
        index.search(EAST, 0)


def test_search_is_exact_below_the_threshold_and_approximate_from_it_on(
    many: FloatArray, approximate: VectorIndex
) -> None:
    below = VectorIndex(many[:-1])
    assert (len(below), below.is_approximate) == (APPROXIMATE_FROM - 1, False)
    assert (len(approximate), approximate.is_approximate) == (APPROXIMATE_FROM, True)


def test_an_approximate_index_gives_exact_cosines(many: FloatArray, approximate: VectorIndex) -> None:
    for query in unit_rows(20, 8, seed=1):
        similarities, rows = approximate.search(query, 10)
        assert similarities == pytest.approx(many[rows] @ query, abs=1e-6)
        assert similarities == pytest.approx(np.sort(many @ query)[::-1][:10], abs=1e-3)


def test_equal_approximate_rows_come_in_order() -> None:
    index = VectorIndex(np.tile(FAN, (APPROXIMATE_FROM // len(FAN), 1)))
    similarities, rows = index.search(EAST, 10)
    assert index.is_approximate
    assert (rows % len(FAN) == 1).all()
    assert (np.diff(rows) > 0).all()
    assert similarities == pytest.approx(np.ones(10))


def test_the_same_vectors_are_found_again_whatever_the_number_of_openmp_threads(many: FloatArray) -> None:
    answers = []
    before = faiss.omp_get_max_threads()
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        try:
            index = VectorIndex(many)
            assert faiss.omp_get_max_threads() == threads
            codes = faiss.serialize_index(index._codes).tobytes()
            answers.append((codes, [index.search(query, 10)[1].tolist() for query in unit_rows(20, 8, seed=3)]))
        finally:
            faiss.omp_set_num_threads(before)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("count", [5000, APPROXIMATE_FROM], ids=["exact", "approximate"])
def test_threads_search_at_once_with_the_answers_of_one(count: int, many: FloatArray) -> None:
    index = VectorIndex(many[:count])
    queries = unit_rows(200, 8, seed=2)
    alone = [index.search(query, 10)[1].tolist() for query in queries]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda query: index.search(query, 10)[1].tolist(), queries))
    assert together == alone


@pytest.mark.parametrize("imports", ["torch, faiss", "faiss, torch"])
def test_torch_keeps_its_threads_whichever_is_imported_first(imports: str) -> None:
    """Both bring an OpenMP runtime, and with torch first they share one setting: a process each."""
    program = f"""
import {imports}
import numpy as np
from index.vectors import VectorIndex

torch.set_num_threads(2)
faiss.omp_set_num_threads(2)
rows = np.eye(64, dtype=np.float32)
index = VectorIndex(rows)
for row in range(64):
    square = torch.ones(256, 256) @ torch.ones(256, 256)
    assert square[0, 0] == 256
    assert index.search(rows[row], 1)[1].tolist() == [row]
assert torch.get_num_threads() == 2, torch.get_num_threads()
assert faiss.omp_get_max_threads() == 2, faiss.omp_get_max_threads()
print("both work")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.returncode) == ("both work\n", 0), done.stderr
