"""Our own questions on invented towns: to train the reader on, and on one town to choose what comes after it.

They were written for this with a language model, so that the words that a question shares with its passage do not say
whether it answers: of both kinds, some are put in the passage's words and some in others. Nothing in them is real.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from index.evaluate import Collection, CollectionQuestion, collection_document
from ingest import Passage
from ingest.sentences import sentence_spans

TOWNS = Path(__file__).with_name("towns.jsonl")
"""Passages, each with questions that it answers and questions on it that no passage answers."""
TUNING_TOWN = "Brénovaux"
"""The town whose questions are never trained on."""


def town_passage(line: Mapping[str, str]) -> Passage:
    """A line of a file as towns.jsonl, as a passage under the town's name and its heading."""
    id, text = line["id"], line["text"]
    return Passage(id, id, (line["town"], line["heading"]), text, 0, len(text), None, tuple(sentence_spans(text)))


def tuning_collection() -> tuple[Collection, tuple[str, ...]]:
    """The tuning town as a collection, each passage a document, and the questions that none of them answers."""
    documents, questions, judged, unanswered = [], [], {}, []
    for line in map(json.loads, TOWNS.read_text(encoding="utf-8").splitlines()):
        if line["town"] != TUNING_TOWN:
            continue
        documents.append(collection_document(line["id"], f"{line['town']} – {line['heading']}", line["text"]))
        for number, question in enumerate(line["questions"]):
            if question["answer"] is None:
                unanswered.append(question["question"])
                continue
            id = f"{line['id']}/{number}"
            questions.append(CollectionQuestion(id, question["question"], (question["answer"],)))
            judged[id] = {line["id"]: 1}
    groups = {document.id: TUNING_TOWN for document in documents}
    return Collection(tuple(documents), groups, tuple(questions), judged), tuple(unanswered)
