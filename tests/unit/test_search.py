import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index.evaluate import InvalidDataset, evaluate_retrieval, score_ranking
from index.search import blend
from tests.word_encoder import WordEncoder


def test_blend_scales_both_scores_to_the_candidates():
    blended = blend(np.float32([0.8, 0.9, 0.7]), np.float32([10, 0, 5]), 0.6)
    assert blended == pytest.approx([0.6 * 0.5 + 0.4, 0.6, 0.4 * 0.5])


def test_a_score_that_is_the_same_for_all_counts_for_nothing():
    assert blend(np.float32([0.5, 0.5]), np.float32([1, 3]), 0.6) == pytest.approx([0, 0.4])
    assert blend(np.float32([]), np.float32([]), 0.6).shape == (0,)


def test_ranking_scores_by_hand():
    assert score_ranking(["b", "a"], {"a": 1}) == pytest.approx((1 / np.log2(3), 0.5, 0, 1, 1))
    assert score_ranking(["a", "b"], {"a": 2, "b": 1}) == pytest.approx((1, 1, 0.5, 1, 1))
    graded = (1 / np.log2(2) + 2 / np.log2(3)) / (2 / np.log2(2) + 1 / np.log2(3))
    assert score_ranking(["b", "a"], {"a": 2, "b": 1})[0] == pytest.approx(graded)
    assert score_ranking(["c"], {"a": 1}) == (0, 0, 0, 0, 0)


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "", "text": "Le soleil chauffe les toits."}\n'
        '{"_id": "d2", "title": "Eau", "text": "La pluie tombe. '
        + "Elle coule. " * 60
        + '"}\n{"_id": "d3", "text": "Les arbres poussent au bord du chemin."}\n',
        encoding="utf-8",
    )
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "toits soleil"}\n{"_id": "q2", "text": "pluie"}\n'
        '{"_id": "q3", "text": "sans jugement"}\n'
    )
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    return tmp_path


@pytest.mark.parametrize("system", ["hybrid", "dense", "lexical"])
def test_a_beir_folder_is_scored_by_documents(dataset, system):
    scores = evaluate_retrieval(dataset, WordEncoder(), system=system, max_passage_tokens=32)
    assert (scores.questions, scores.ndcg_at_10, scores.recall_at_1) == (2, 1.0, 1.0)
    assert scores.passages > 3  # the long document was split


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", None, "format BEIR"),
        ("qrels.tsv", None, "quel document répond"),
        ("queries.jsonl", '{"_id": 1}\n', "ligne 1"),
        ("qrels.tsv", "q1 d1 1\n", "ligne 1"),
        ("qrels.tsv", "q9\td1\t1\n", "aucune question"),
    ],
)
def test_a_folder_that_is_not_beir_is_explained(dataset, name, text, message):
    if text is None:
        (dataset / name).unlink()
    else:
        (dataset / name).write_text(text)
    with pytest.raises(InvalidDataset, match=message):
        evaluate_retrieval(dataset, WordEncoder(), max_passage_tokens=32)


def test_products_of_a_search_stay_on_one_thread_and_torch_keeps_its_own():
    """The setting is the process's: one of its own tells."""
    program = """
import torch
torch.set_num_threads(2)
from threadpoolctl import threadpool_info
from tests.word_encoder import WordEncoder
from index.search import Searcher
from types import SimpleNamespace
build = SimpleNamespace(documents={}, passages=())
Searcher(build, WordEncoder())
assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
assert torch.get_num_threads() == 2
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
