from pathlib import Path

import pytest

from ingest.corpus import corpus_sha256, read_corpus
from ingest.errors import DuplicateDocument, EmptyCorpus, InvalidEntry

CORPUS = Path(__file__).parents[2] / "corpus"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_towns_page_is_word_for_word():
    (page,) = (d for d in read_corpus(CORPUS).documents if d.id == "resilience-et-transition")
    original = (CORPUS / "originals" / "resilience-et-transition.txt").read_text(encoding="utf-8")
    assert "".join(page.text.split()) == "".join(original.split())
    assert page.title == "Résilience & Transition"
    assert page.source.url == "https://villepilote.loos-en-gohelle.fr/resilience-et-transition"
    assert page.source.publisher == "Ville de Loos-en-Gohelle"


def test_the_raw_page_and_the_structured_one_hold_the_same_words():
    raw = read_corpus_of_one(CORPUS / "originals" / "resilience-et-transition.txt")
    page = read_corpus(CORPUS).documents[0]
    assert "".join(raw.text.split()) == "".join(page.text.split())


def read_corpus_of_one(path):
    from ingest.corpus import read_document

    return read_document(path, path.name, {})


def test_entries_win_over_front_matter_and_file_names_give_what_is_missing(tmp_path):
    write(tmp_path, "a.md", "---\ntitle: Titre du fichier\npublisher: Fichier\n---\nTexte.")
    write(tmp_path, "mes-notes.txt", "Un texte sans titre.")
    write(tmp_path, "sources.toml", '["a.md"]\ntitle = "Titre de la fiche"\nretrieved = 2026-01-31\n')
    first, second = read_corpus(tmp_path).documents
    assert (first.title, first.source.publisher, first.source.retrieved) == (
        "Titre de la fiche",
        "Fichier",
        "2026-01-31",
    )
    assert (second.id, second.title) == ("mes-notes", "Mes notes")


def test_an_unreadable_file_is_reported_and_the_others_go_on(tmp_path):
    write(tmp_path, "bon.md", "Un texte.")
    (tmp_path / "image.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00" + bytes(range(256)) * 10)
    write(tmp_path, "titres.md", "# Rien\n\n## que des titres\n")
    (tmp_path / "enorme.md").write_bytes(b"Bonjour. " * 2_300_000)
    write(tmp_path, "tableau.xlsx", "pas lu")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["bon"]
    assert {item.path for item in corpus.skipped} == {"image.md", "titres.md", "enorme.md"}
    assert all(item.reason.startswith(item.path) for item in corpus.skipped)
    assert corpus.without_entry == ("bon.md",)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ('["b.md"]\ntitle = "B"', "ce fichier n’existe pas"),
        ('["a.md"]\ntitre = "A"', "clé inconnue « titre »"),
        ('["a.md"]\npublished = "hier"', "« published » vaut « hier »"),
        ('["a.md"]\ntitle = 3', "« title » doit être un texte"),
        ('["a.md"]\noriginal = "absent.txt"', "« absent.txt » (original)"),
        ('titre = "A"', "écrivez une section par document"),
        ("[a.md", "n’est pas un fichier TOML valide"),
    ],
)
def test_a_wrong_entry_is_explained(tmp_path, sources, message):
    write(tmp_path, "a.md", "Texte.")
    write(tmp_path, "sources.toml", sources)
    with pytest.raises(InvalidEntry) as caught:
        read_corpus(tmp_path)
    assert message in str(caught.value)


def test_two_files_of_one_id_are_refused(tmp_path):
    write(tmp_path, "a b.md", "Texte.")
    write(tmp_path, "a-b.txt", "Texte.")
    with pytest.raises(DuplicateDocument, match="Renommez"):
        read_corpus(tmp_path)


def test_an_empty_or_missing_or_unreadable_corpus_is_named(tmp_path):
    with pytest.raises(EmptyCorpus, match="n’existe pas"):
        read_corpus(tmp_path / "absent")
    with pytest.raises(EmptyCorpus, match="Le corpus est vide"):
        read_corpus(tmp_path)
    write(tmp_path, "vide.md", "")
    with pytest.raises(EmptyCorpus, match=r"vide\.md : le fichier est vide"):
        read_corpus(tmp_path)


def test_the_checksum_follows_documents_entries_and_questions_only(tmp_path):
    write(tmp_path, "a.md", "Texte.")
    seen = {corpus_sha256(tmp_path)}
    write(tmp_path, "originals/a.txt", "brut")
    write(tmp_path, "image.png", "x")
    assert {corpus_sha256(tmp_path)} == seen
    for name in ("a.md", "sources.toml", "questions.jsonl", "b.txt"):
        write(tmp_path, name, "changé")
        seen.add(corpus_sha256(tmp_path))
    assert len(seen) == 5
