"""Our own questions on invented towns: to train the reader on, and on some towns to choose what comes after it.

They were written for this with a language model, so that the words that a question shares with its passage do not say
whether it answers: of both kinds, some are put in the passage's words and some in others. Towns, people and figures are
invented; well-known institutions are named.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from index.evaluate import Collection, CollectionQuestion, collection_document
from ingest import Passage
from ingest.sentences import sentence_spans

TOWNS = tuple(Path(__file__).with_name(name) for name in ("towns.jsonl", "more_towns.jsonl", "third_towns.jsonl"))
"""Passages, each with questions that it answers and questions on it that no passage answers. The second file, written
once the reader knew the first, has shorter towns, more genres (attributed statements, chronologies, minutes…), and more
questions in English and as people type them. The third asks more often for the right kind of thing of a wrong subject,
in fewer words, and for reasons and meanings; of each first word neither kind is much more frequent."""
UNSEEN_TOWNS = Path(__file__).with_name("unseen_towns.jsonl")
"""As the third file, of other towns and not balanced: to report on. Nothing is trained or chosen on it."""
TUNING_TOWNS = frozenset(
    (
        *("Brénovaux", "Ambrecourt", "Ensbruck-la-Forge", "Estreuvelles"),
        *("Grand-Pré-la-Garenne", "Harvain-les-Mines", "Montaubry-le-Château", "Montferrand-sur-Arve"),
        *("Cambevoise", "Esquirasse", "Hautefrigne", "Lézanne-Plage"),
        *("Orsicourt", "Roulécourt", "Thoirmont", "Vaugrelle-sous-Bois"),
    )
)
"""The towns whose questions are never trained on."""


def town_lines(paths: Iterable[Path] = TOWNS) -> Iterator[dict[str, Any]]:
    """The passages of these files, each with its `id`, `town`, `heading`, `text` and `questions`."""
    for path in paths:
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def town_passage(line: Mapping[str, str]) -> Passage:
    """A line of a file as towns.jsonl, as a passage under the town's name and its heading."""
    id, text = line["id"], line["text"]
    return Passage(id, id, (line["town"], line["heading"]), text, 0, len(text), None, tuple(sentence_spans(text)))


def tuning_collection() -> tuple[Collection, tuple[str, ...]]:
    """The tuning towns as a collection, each passage a document, and the questions that none of them answers."""
    documents, questions, judged, groups, unanswered = [], [], {}, {}, []
    for line in town_lines():
        if line["town"] not in TUNING_TOWNS:
            continue
        documents.append(collection_document(line["id"], f"{line['town']} – {line['heading']}", line["text"]))
        groups[line["id"]] = line["town"]
        for number, question in enumerate(line["questions"]):
            if question["answer"] is None:
                unanswered.append(question["question"])
                continue
            id = f"{line['id']}/{number}"
            questions.append(CollectionQuestion(id, question["question"], (question["answer"],)))
            judged[id] = {line["id"]: 1}
    return Collection(tuple(documents), groups, tuple(questions), judged), tuple(unanswered)
