"""What is measured of answers, against values worked out by hand."""

import json
from pathlib import Path

import pytest

from chatbot.evaluate import Outcome, auc, collection_outcomes, gold_outcomes, risk_and_coverage, summary
from index.build import make_build
from index.evaluate import build_collection, read_collection
from index.gold import GoldQuestion, GoldSpan
from index.search import Searcher
from ingest import Corpus, Source
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind
from tests.word_encoder import WordEncoder


def outcome(probability: float, answerable: bool, **changed: object) -> Outcome:
    values: dict[str, object] = {
        **{"id": "q", "answerable": answerable, "probability": probability, "answered": probability >= 0.5},
        **{
            "rank": 0,
            "sentence": 0,
            "precision": 0.0,
            "recall": 0.0,
            "partial": False,
            "words": None,
            "milliseconds": 1.0,
            "groups": ("fr",),
        },
    }
    return Outcome(**{**values, **changed})  # type: ignore[arg-type]


def test_the_area_under_the_curve_counts_pairs_in_order_and_ties_by_half() -> None:
    outcomes = [outcome(0.9, True), outcome(0.4, True), outcome(0.4, False), outcome(0.1, False)]
    assert auc(outcomes) == (1 + 1 + 0.5 + 1) / 4


def test_risk_and_coverage_follow_the_threshold() -> None:
    outcomes = [outcome(0.9, True), outcome(0.4, True), outcome(0.5, False), outcome(0.1, False)]
    assert risk_and_coverage(outcomes) == [(0.1, 0.0, 1.0), (0.4, 0.0, 0.5), (0.5, 0.5, 0.5), (0.9, 0.5, 0.0)]


def test_a_summary_has_the_means_of_each_group_within_their_intervals() -> None:
    right = outcome(0.9, True, rank=1, sentence=1, precision=0.5, recall=1.0)
    late = outcome(0.8, True, rank=4, sentence=3, precision=0.0, recall=0.0)
    refused = outcome(0.1, True, rank=0)
    figures = summary(
        [right, late, refused, outcome(0.7, False, groups=("near",)), outcome(0.2, False, groups=("near",))]
    )
    assert set(figures) == {"all questions", "fr", "near"}
    means = {name: value[0] for name, value in figures["fr"].items() if isinstance(value, list)}
    assert means == pytest.approx(
        {
            **{"recall@1": 1 / 3, "recall@5": 2 / 3, "mrr@10": 1.25 / 3, "first": 1 / 3, "first_two": 1 / 3},
            **{"first_three": 2 / 3, "correct": 1 / 3, "false_refusals": 1 / 3, "partial": 0},
            **{"citation_precision": 0.25, "citation_recall": 0.5, "words_shown": 0, "words_right": 0},
        },
        abs=1e-4,
    )
    assert figures["near"]["false_answers"][0] == 0.5
    assert figures["near"]["auc"] == pytest.approx(4 / 6, abs=1e-4)
    assert all(low <= mean <= high for mean, low, high in (v for v in figures["fr"].values() if isinstance(v, list)))
    assert summary([right, late, refused])["fr"] == figures["fr"], "the same in every run"


def test_gold_questions_are_judged_by_quote_and_by_answer() -> None:
    source = Source("a.md", "", "", "", "", "", "")
    paragraph = "Le verger compte cent pommiers. La haie est haute."
    document = assemble([ReadBlock(BlockKind.PARAGRAPH, paragraph)], title="A", theme="", source=source)
    gold = (
        GoldQuestion(
            "one",
            "Combien de pommiers compte le verger ?",
            "fr",
            True,
            (GoldSpan("a", "cent pommiers"),),
            ("cent",),
            "fact",
        ),
        GoldQuestion("two", "Qui chante ?", "fr", False, (), (), "far"),
    )
    encoder = WordEncoder()
    build, _, _ = make_build(Corpus((document,), (), ()), gold, encoder, "b", 64)
    one, two = gold_outcomes(Searcher(build, encoder))
    assert (one.id, one.answerable, one.rank, one.sentence, one.recall) == ("one", True, 1, 1, 1.0)
    assert 0.5 < one.precision <= 1.0
    assert one.groups[1:] == ("fact", "fr", "formal")
    assert (two.answerable, two.rank, two.sentence, two.precision, two.recall) == (False, 0, 0, 0.0, 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = {
        "a": ("Le verger compte cent pommiers.", "jardin"),
        "b": ("La haie est haute.", "jardin"),
        "c": ("Le four est chaud.", "pain"),
    }
    lines = [
        {"_id": n, "title": "", "text": text, "metadata": {"group": group}} for n, (text, group) in documents.items()
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    queries = [
        {"_id": "q", "text": "Combien de pommiers ?", "metadata": {"answers": ["cent pommiers"]}},
        {"_id": "r", "text": "?"},
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels.tsv").write_text("q\ta\t1\n")
    return tmp_path


def test_a_collection_asks_each_question_with_its_passage_without_it_and_without_its_group(folder: Path) -> None:
    collection = read_collection(folder)
    assert [question.id for question in collection.questions] == ["q"]
    assert collection.groups == {"a": "jardin", "b": "jardin", "c": "pain"}
    encoder = WordEncoder()
    searcher = Searcher(build_collection(collection, encoder, 64), encoder)
    whole, near, far = collection_outcomes(collection, searcher)
    assert (whole.groups, whole.answerable, whole.rank, whole.sentence) == (("all",), True, 1, 1)
    assert (near.groups, near.answerable, far.groups, far.answerable) == (("near",), False, ("far",), False)
    assert whole.probability >= near.probability
    assert len(collection_outcomes(collection, searcher, limit=1)) == 3


def test_an_answer_that_stands_elsewhere_in_its_group_is_no_near_miss(folder: Path) -> None:
    text = (folder / "corpus.jsonl").read_text().replace("La haie est haute.", "Il y a cent pommiers.")
    (folder / "corpus.jsonl").write_text(text)
    collection = read_collection(folder)
    encoder = WordEncoder()
    outcomes = collection_outcomes(collection, Searcher(build_collection(collection, encoder, 64), encoder))
    assert [outcome.groups for outcome in outcomes] == [("all",), ("far",)]
