"""BM25 scores and coverage on a corpus small enough to compute by hand."""

import json
import subprocess
import sys
from collections.abc import Callable
from math import log
from pathlib import Path

import numpy as np
import pytest

from index.errors import CorruptIndex
from index.lexical import LexicalIndex

ANIMALS = ["Le chat dort.", "Le chien dort.", "Un oiseau."]
TOWN = [
    "En 1998, la ville crée le chemin des terrils, un parcours à travers les anciens sites miniers.",
    "L'église Saint-Vaast porte deux cents mètres carrés de panneaux solaires depuis 2013.",
    "La base 11/19 abrite un centre de ressources sur le développement durable, soutenu par l'ADEME.",
    "Le plan solaire citoyen réunit des habitants actionnaires autour des toits de la commune.",
]


@pytest.fixture
def animals() -> LexicalIndex:
    return LexicalIndex.build(ANIMALS)


@pytest.fixture(scope="module")
def town() -> LexicalIndex:
    return LexicalIndex.build(TOWN)


def test_scores_are_bm25_over_words_and_their_prefixes(animals: LexicalIndex) -> None:
    # « chat » and « ^chat », each in one passage of three; lengths in terms are 4, 4 and 2.
    saturation = 1 / (1 + 0.6 * (1 - 0.75 + 0.75 * 4 / (10 / 3)))
    scores = animals.scores("Où est le chat ?")
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [2 * log(8 / 3) * saturation, 0, 0], rtol=1e-6)


def test_a_word_said_twice_counts_once(animals: LexicalIndex) -> None:
    np.testing.assert_array_equal(animals.scores("chat chats CHAT"), animals.scores("chat"))


def test_words_of_one_family_meet_by_their_prefix() -> None:
    index = LexicalIndex.build(["La solidarité pour tous", "Le budget de la commune"])
    scores = index.scores("solidaires")
    assert scores[0] > 0
    assert scores[1] == 0
    assert index.coverage("solidaires").tolist() == [0, 0]


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("Que trouve-t-on sur la base 11-19 ?", [2]),
        ("l’ademe", [2]),
        ("SOLAIRE", [3, 1]),
        ("Qui a posé des panneaux solaires sur l'eglise ?", [1, 3]),
        ("quand est né le chemin des terrils ?", [0]),
        ("habitant de la commune", [3]),
    ],
)
def test_the_best_passages_come_first(town: LexicalIndex, question: str, order: list[int]) -> None:
    scores = town.scores(question)
    found = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
    assert found == order


@pytest.mark.parametrize("question", ["", "   ", "Qui est-ce ?", "xyzzy"])
def test_a_question_without_known_words_scores_and_covers_nothing(town: LexicalIndex, question: str) -> None:
    for values in (town.scores(question), town.coverage(question)):
        assert values.dtype == np.float32
        assert values.tolist() == [0, 0, 0, 0]


def test_idf_is_lucenes_and_highest_for_unknown_tokens(animals: LexicalIndex) -> None:
    assert animals.idf("dort") == pytest.approx(log(1 + 1.5 / 2.5))
    assert animals.idf("chat") == pytest.approx(log(1 + 2.5 / 1.5))
    assert animals.idf("zebr") == pytest.approx(log(1 + 3.5 / 0.5))


def test_coverage_is_the_share_of_the_questions_idf(animals: LexicalIndex) -> None:
    chat, dort, zebra = log(8 / 3), log(1.6), log(8)
    whole = chat + dort + zebra
    np.testing.assert_allclose(
        animals.coverage("le chat dort, le zèbre dort"), [(chat + dort) / whole, dort / whole, 0], rtol=1e-6
    )
    assert animals.coverage("chat qui dort").tolist() == pytest.approx([1, dort / (chat + dort), 0])


def test_a_passage_without_words_is_kept_and_scores_nothing() -> None:
    index = LexicalIndex.build(["", "terril", "et la"])
    assert len(index) == 3
    assert (index.scores("terril") > 0).tolist() == [False, True, False]


@pytest.mark.parametrize("texts", [[], [""], ["et la", "qui"]])
def test_nothing_to_index_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match=f"Aucun mot à indexer dans {len(texts)} passage"):
        LexicalIndex.build(texts)


def test_what_is_loaded_answers_as_what_was_saved(town: LexicalIndex, tmp_path: Path) -> None:
    town.save(tmp_path / "lexical")
    loaded = LexicalIndex.load(tmp_path / "lexical")
    assert len(loaded) == len(town) == 4
    for question in ("panneaux solaires de la commune", "base 11/19", ""):
        np.testing.assert_array_equal(loaded.scores(question), town.scores(question))
        np.testing.assert_array_equal(loaded.coverage(question), town.coverage(question))
    assert loaded.idf("solair") == town.idf("solair")


def test_saved_bytes_do_not_depend_on_the_run(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from index.lexical import LexicalIndex; "
        "LexicalIndex.build(sys.argv[2:]).save(Path(sys.argv[1]))"
    )
    saved = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        path = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, str(folder), *TOWN], check=True, env=path)
        saved.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert saved[0] == saved[1]
    assert len(saved[0]) == 5


def _remove(file: Path) -> None:
    file.unlink()


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize("damage", [_remove, _empty, _cut])
@pytest.mark.parametrize(
    "name",
    ["data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy", "vocab.index.json", "params.index.json"],
)
def test_damaged_files_are_refused(
    town: LexicalIndex, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    town.save(tmp_path)
    damage(tmp_path / name)
    with pytest.raises(CorruptIndex, match="make build"):
        LexicalIndex.load(tmp_path)


def _shorten(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        np.save(folder / name, np.load(folder / name)[:-1])

    return damage


def _unknown_passage(folder: Path) -> None:
    rows = np.load(folder / "indices.csc.index.npy")
    rows[0] = 99
    np.save(folder / "indices.csc.index.npy", rows)


def _not_a_number(folder: Path) -> None:
    scores = np.load(folder / "data.csc.index.npy")
    scores[0] = np.nan
    np.save(folder / "data.csc.index.npy", scores)


def _lost_word(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.index.json").read_text("utf-8"))
    vocabulary.popitem()
    (folder / "vocab.index.json").write_text(json.dumps(vocabulary), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        _shorten("data.csc.index.npy"),
        _shorten("indices.csc.index.npy"),
        _shorten("indptr.csc.index.npy"),
        _unknown_passage,
        _not_a_number,
        _lost_word,
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    town: LexicalIndex, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    town.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(CorruptIndex, match="abîmé"):
        LexicalIndex.load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptIndex, match="manque ou est abîmé"):
        LexicalIndex.load(tmp_path / "rien")
