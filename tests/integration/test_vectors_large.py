"""200,000 vectors grown from the corpus’s own; why they are a fair stand-in: docs/decisions/0003-vector-search.md."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from index.encoder import Encoder
from index.vectors import APPROXIMATE_FROM, FloatArray, VectorIndex

CORPUS = Path(__file__).parents[2] / "corpus" / "originals" / "resilience-et-transition.txt"
COUNT = 200_000
NEIGHBOUR_WEIGHT = 0.5  # a grown vector leans at most half-way from its real vector to another one
SPREAD = 0.7  # of the real vectors' own covariance, as Gaussian noise: the directions in which texts differ
ISOTROPIC = 0.007  # per component (norm 0.14): what no real vector of so small a sample shows


@pytest.fixture(scope="module")
def words() -> list[str]:
    return CORPUS.read_text(encoding="utf-8").split()


@pytest.fixture(scope="module")
def grown(encoder: Encoder, words: list[str]) -> FloatArray:
    real = encoder.encode_passages([" ".join(words[start : start + 30]) for start in range(0, len(words) - 30, 10)])
    random = np.random.default_rng(20)
    centred = (real - real.mean(axis=0)) / np.sqrt(np.float32(len(real)))
    own = np.arange(COUNT) % len(real)
    other = random.integers(0, len(real), COUNT)
    weight = NEIGHBOUR_WEIGHT * random.random((COUNT, 1), dtype=np.float32)
    vectors = real[own] * (1 - weight) + real[other] * weight
    vectors += SPREAD * (random.standard_normal((COUNT, len(real)), dtype=np.float32) @ centred)
    vectors += ISOTROPIC * random.standard_normal(vectors.shape, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


@pytest.fixture(scope="module")
def queries(encoder: Encoder, words: list[str]) -> FloatArray:
    """Short runs of words as questions: 200, from all over the text, none of them encoded as a passage."""
    starts = np.linspace(0, len(words) - 8, 200, dtype=int)
    return encoder.encode_queries([" ".join(words[start : start + 8]) for start in starts])


def test_large_corpus_recall_is_kept_and_similarities_stay_exact(grown: FloatArray, queries: FloatArray) -> None:
    index = VectorIndex(grown)
    assert index.is_approximate
    assert len(queries) >= 200
    found = 0
    for query in queries:
        exact = grown @ query
        nearest = set(np.argpartition(exact, -10)[-10:].tolist())
        similarities, rows = index.search(query, 10)
        assert all(better >= worse for better, worse in pairwise(similarities))
        assert similarities == pytest.approx(exact[rows], abs=1e-5)
        found += len(nearest & set(rows.tolist()))
    assert found / (10 * len(queries)) > 0.97


def test_the_kind_changes_at_the_threshold_and_the_best_rows_do_not(grown: FloatArray, queries: FloatArray) -> None:
    exact = VectorIndex(grown[: APPROXIMATE_FROM - 1])
    approximate = VectorIndex(grown[:APPROXIMATE_FROM])
    assert (exact.is_approximate, approximate.is_approximate) == (False, True)
    same = 0
    for query in queries:
        nearest = {row for row in approximate.search(query, 11)[1].tolist() if row != APPROXIMATE_FROM - 1}
        same += len(nearest & set(exact.search(query, 10)[1].tolist()))
    assert same / (10 * len(queries)) > 0.97
