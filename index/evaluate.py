"""Retrieval quality on a folder in BEIR's layout: how well passages find the documents that are known to answer."""

import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from index.build import Progress, make_build
from index.encoder import Encoder
from index.errors import IndexStoreError
from index.reader import PassageReader
from index.search import Searcher, System
from index.store import Build
from ingest import Corpus, Document, Source
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind
from ingest.plain_words import system_reason

__all__ = [
    "Collection",
    "CollectionQuestion",
    "InvalidDataset",
    "RetrievalScores",
    "build_collection",
    "collection_document",
    "evaluate_retrieval",
    "mean_scores",
    "read_collection",
    "score_ranking",
]

_DEPTH = 10
_REQUIRED = {"corpus.jsonl": ("_id", "text"), "queries.jsonl": ("_id", "text")}


class InvalidDataset(IndexStoreError):
    """A folder does not hold a data set in BEIR's layout."""


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Means over all judged questions, in [0, 1]; `questions` and `passages` are counts, `seconds` wall time."""

    ndcg_at_10: float
    mrr_at_10: float
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    questions: int
    passages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CollectionQuestion:
    """A judged question; `answers` are texts that answer it, empty where the collection does not say."""

    id: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A data set in BEIR's layout: documents, the questions that are judged, and the gain of each document for each.

    `groups` names what each document is a part of (an article, for passages), the document's own id where the
    collection does not say.
    """

    documents: tuple[Document, ...]
    groups: Mapping[str, str]
    questions: tuple[CollectionQuestion, ...]
    judged: Mapping[str, Mapping[str, int]]


def read_collection(folder: Path) -> Collection:
    """Read `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`. Questions without any judged document are left out.

    What BEIR has no key for stands under its `metadata`: `group` of a document, `answers` (a list) of a question.

    Raises:
        InvalidDataset: a file is missing or has a wrong line, or there is nothing to judge.
    """
    lines = [line for line in _read_lines(folder, "corpus.jsonl") if line["text"].strip()]
    judged = _read_qrels(folder)
    questions = tuple(
        CollectionQuestion(line["_id"], line["text"], tuple(map(str, _metadata(line, "answers", []))))
        for line in _read_lines(folder, "queries.jsonl")
        if judged.get(line["_id"])
    )
    if not questions:
        raise InvalidDataset(f"{folder} : aucune question de queries.jsonl n’est jugée dans qrels.tsv.")
    if not lines:
        raise InvalidDataset(f"{folder / 'corpus.jsonl'} ne contient aucun texte.")
    groups = {line["_id"]: str(_metadata(line, "group", line["_id"])) for line in lines}
    documents = (collection_document(line["_id"], str(line.get("title") or ""), line["text"]) for line in lines)
    return Collection(tuple(documents), groups, questions, judged)


def build_collection(
    collection: Collection, encoder: Encoder, max_passage_tokens: int, progress: Progress | None = None
) -> Build:
    """A build in memory of a collection's documents, split as the product splits them."""
    corpus = Corpus(collection.documents, (), ())
    return make_build(corpus, (), encoder, "evaluation", max_passage_tokens, None, progress)[0]


def evaluate_retrieval(
    folder: Path,
    encoder: Encoder,
    *,
    system: System = "hybrid",
    max_passage_tokens: int,
    progress: Progress | None = None,
    reader: PassageReader | None = None,
) -> RetrievalScores:
    """Scores of one system on a collection. A document's score is that of its best passage. `reader` serves "hybrid".

    Raises:
        InvalidDataset: as `read_collection`.
    """
    started = time.perf_counter()
    collection = read_collection(folder)
    searcher = Searcher(build_collection(collection, encoder, max_passage_tokens, progress), encoder, reader=reader)
    ndcg, mrr, recall_1, recall_5, recall_10 = mean_scores(collection, searcher, system)
    seconds = time.perf_counter() - started
    counts = (len(collection.questions), len(searcher.build.passages))
    return RetrievalScores(ndcg, mrr, recall_1, recall_5, recall_10, *counts, seconds)


def mean_scores(collection: Collection, searcher: Searcher, system: System = "hybrid") -> list[float]:
    """The means of `score_ranking` over a collection's questions, in its order, from the build made of it."""
    scores = []
    texts = [question.text for question in collection.questions]
    for question, encoded in zip(collection.questions, searcher.encode(texts), strict=True):
        hits = searcher.search(encoded, _DEPTH * 10, system)
        ranking = list(dict.fromkeys(hit.passage.document_id for hit in hits))[:_DEPTH]
        scores.append(score_ranking(ranking, collection.judged[question.id]))
    means: list[float] = np.mean(scores, axis=0).tolist()
    return means


def score_ranking(ranking: Sequence[str], relevant: Mapping[str, int]) -> tuple[float, float, float, float, float]:
    """nDCG@10, MRR@10, recall@1, recall@5 and recall@10 of one ranking, best first, against graded judgements.

    nDCG uses the gain itself and the discount log2(rank + 1): Järvelin and Kekäläinen, « Cumulated gain-based
    evaluation of IR techniques » (2002), as in trec_eval.
    """
    gains = np.array([relevant.get(document, 0) for document in ranking[:_DEPTH]], dtype=np.float64)
    discounts = 1 / np.log2(np.arange(2, _DEPTH + 2))
    ideal = np.sort(np.array([gain for gain in relevant.values() if gain > 0], dtype=np.float64))[::-1][:_DEPTH]
    ndcg = float(gains @ discounts[: len(gains)]) / float(ideal @ discounts[: len(ideal)])
    found = np.flatnonzero(gains > 0)
    mrr = 1 / (int(found[0]) + 1) if len(found) else 0.0
    count = sum(gain > 0 for gain in relevant.values())
    recall_1, recall_5, recall_10 = (float((found < depth).sum()) / count for depth in (1, 5, 10))
    return ndcg, mrr, recall_1, recall_5, recall_10


def collection_document(document_id: str, title: str, text: str) -> Document:
    """A document of a collection: `text` in paragraphs under a title, which may be empty."""
    source = Source(document_id, "", "", "", "", "", "")
    blocks = [ReadBlock(BlockKind.PARAGRAPH, part) for part in text.split("\n\n")]
    return replace(assemble(blocks, title=title or "-", theme="", source=source), id=document_id, title=title)


def _metadata(line: Mapping[str, Any], key: str, default: Any) -> Any:
    metadata = line.get("metadata")
    return metadata.get(key, default) if isinstance(metadata, dict) else default


def _read_lines(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a file, each with its required keys as texts."""
    path = folder / name
    if not path.is_file():
        raise InvalidDataset(
            f"{path} n’existe pas. Il faut un dossier au format BEIR : corpus.jsonl, queries.jsonl et qrels.tsv."
        )
    lines = []
    for number, text in enumerate(_read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            lines.append({**line, **{key: str(line[key]) for key in _REQUIRED[name]}})
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidDataset(f"{path}, ligne {number} : il faut un objet JSON avec {_REQUIRED[name]}.") from error
    return lines


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDataset(f"{path} ne se lit pas ({system_reason(error)}). Enregistrez-le en UTF-8.") from error


def _read_qrels(folder: Path) -> dict[str, dict[str, int]]:
    path = next((path for path in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if path.is_file()), None)
    if path is None:
        raise InvalidDataset(f"{folder / 'qrels.tsv'} n’existe pas : il dit quel document répond à quelle question.")
    judged: dict[str, dict[str, int]] = {}
    rows = csv.reader(_read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, start=1):
        if number == 1 and len(row) == 3 and not row[-1].lstrip("-").isdigit():
            continue  # the header
        try:
            question, document, gain = row
            judged.setdefault(question, {})[document] = int(gain)
        except ValueError as error:
            raise InvalidDataset(
                f"{path}, ligne {number} : il faut question, document et note, séparés par des tabulations."
            ) from error
    return {question: gains for question, gains in judged.items() if any(gain > 0 for gain in gains.values())}
