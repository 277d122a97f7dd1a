"""A small town's documents: twelve of them, one of which changes, and a question whose quote never does."""

import json
from pathlib import Path

from index.search import Searcher
from index.store import Store
from tests.word_encoder import WordEncoder

__all__ = ["ANSWER", "KEEP", "QUESTION", "answer", "leftovers", "listed_builds_are_whole", "write_town"]

QUESTION = "Combien de pommiers compte le verger communal ?"
ANSWER = "Le verger communal compte quarante pommiers anciens."
KEEP = 3
"""How many builds the operators of these tests keep."""

_SUBJECTS = (
    *("la piscine", "le marché", "la médiathèque", "le stade", "la mare", "le terril"),
    *("la gare", "le théâtre", "la crèche", "le chemin", "la salle des fêtes"),
)
_GOLD = {
    "id": "verger",
    "question": QUESTION,
    "language": "fr",
    "answerable": True,
    "spans": [{"document": "verger", "quote": ANSWER}],
    "gold": ["quarante"],
    "kind": "fact",
}


def write_town(folder: Path, version: int = 0) -> Path:
    """The town's documents in a folder, in one of their versions."""
    folder.mkdir(exist_ok=True)
    orchard = f"# Le verger\n\n{ANSWER} Il a été planté en 2010 par les habitants.\n"
    files = {"verger.md": orchard, "questions.jsonl": json.dumps(_GOLD) + "\n", "journal.md": journal(version)}
    for number, subject in enumerate(_SUBJECTS):
        lines = (f"Près de {subject}, on a posé {n} bancs en {1990 + number + n}." for n in range(3, 9))
        files[f"lieu-{number}.md"] = f"# Autour de {subject}\n\n{' '.join(lines)}\n"
    for name, text in files.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return folder


def journal(version: int) -> str:
    """The document that changes."""
    return f"# Journal\n\nLe numéro {version} du journal parle de {version * 7} sujets. Il paraît chaque mois.\n"


def answer(store: Store) -> str:
    """The passage that the live build gives to the question, checked to be a slice of its document.

    Raises as `Store.load`: then nothing is served.
    """
    build = store.load()
    searcher = Searcher(build, WordEncoder())
    passage = searcher.search(*searcher.encode([QUESTION]))[0].passage
    text = build.documents[passage.document_id].text[passage.start : passage.end]
    assert text == passage.text
    return text


def listed_builds_are_whole(store: Store) -> bool:
    """Whether each build that an operator could publish is sound."""
    return all(store.problems(build_id) == () for build_id in store.build_ids())


def leftovers(store: Store) -> list[str]:
    """What is in the index folder that nobody will read: drafts, and builds on their way out."""
    hidden = (path for path in store.folder.rglob(".*") if path.suffix != ".lock" and path.name != ".lock")
    return sorted(path.name for path in hidden)
