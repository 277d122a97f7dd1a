import os
import unicodedata
from pathlib import Path

import pytest

from ingest.corpus import corpus_sha256, read_corpus, read_document
from ingest.errors import EmptyCorpus, InvalidEntry

CORPUS = Path(__file__).parents[2] / "corpus"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def towns_page():
    return next(d for d in read_corpus(CORPUS).documents if d.id == "resilience-et-transition")


def test_the_towns_page_is_word_for_word():
    page = towns_page()
    original = (CORPUS / "originals" / "resilience-et-transition.txt").read_text(encoding="utf-8")
    assert "".join(page.text.split()) == "".join(original.split())
    assert page.title == "Résilience & Transition"
    assert page.source.url == "https://villepilote.loos-en-gohelle.fr/resilience-et-transition"
    assert page.source.publisher == "Ville de Loos-en-Gohelle"


def test_the_raw_page_and_the_structured_one_hold_the_same_words():
    raw = read_corpus_of_one(CORPUS / "originals" / "resilience-et-transition.txt")
    page = towns_page()
    assert "".join(raw.text.split()) == "".join(page.text.split())


def read_corpus_of_one(path):
    return read_document(path.read_bytes(), path.name, {})


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
    write(tmp_path, "tableau.xls", "pas lu")
    write(tmp_path, "photo.jpg", "laissée là sans un mot")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["bon"]
    assert {item.path for item in corpus.skipped} == {"image.md", "titres.md", "enorme.md", "tableau.xls"}
    assert all(item.reason.startswith(item.path) for item in corpus.skipped)
    assert corpus.without_entry == ("bon.md",)
    assert {item.path: item.reason for item in corpus.skipped}["enorme.md"].startswith(
        "enorme.md : le fichier pèse 20,7 Mo, la limite est de 10 Mo."
    )
    assert corpus.sha256 == corpus_sha256(tmp_path)


@pytest.mark.parametrize(
    "matter", ["published: 2024-02-30", "published: 20240531", "kind: note", "title: [a", "title: " + "[" * 2000]
)
def test_a_wrong_front_matter_leaves_out_one_file(tmp_path, matter):
    write(tmp_path, "bon.md", "Un texte.")
    write(tmp_path, "faux.md", f"---\n{matter}\n---\nUn texte.")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["bon"]
    assert [item.path for item in corpus.skipped] == ["faux.md"]


@pytest.mark.parametrize("text", ["<div>" * 3000 + "Un texte.", "![" * 3000 + "a" + "](b)" * 3000])
def test_too_deep_a_file_never_stops_the_others(tmp_path, text):
    write(tmp_path, "bon.md", "Un texte.")
    write(tmp_path, "profond.md", text)
    assert "bon" in [document.id for document in read_corpus(tmp_path).documents]


def test_what_the_folder_hides_is_reported(tmp_path):
    folder, elsewhere = tmp_path / "corpus", tmp_path / "ailleurs"
    write(folder, "bon.md", "Un texte.")
    write(folder, "dossier.md/note.txt", "Une note.")
    write(elsewhere, "perdu.md", "Un texte.")
    before = corpus_sha256(folder)
    (folder / "absent.md").symlink_to(elsewhere / "rien.md")
    (folder / "boucle.md").symlink_to(folder / "boucle.md")
    (folder / "lié").symlink_to(elsewhere)
    (folder / ".caché").symlink_to(elsewhere)
    os.mkfifo(folder / "tuyau.md")
    corpus = read_corpus(folder)
    assert [document.source.path for document in corpus.documents] == ["bon.md", "dossier.md/note.txt"]
    assert {item.path: item.reason.split(" : ")[1][:27] for item in corpus.skipped} == {
        "absent.md": "le fichier ne se lit pas (l",
        "boucle.md": "le fichier ne se lit pas (d",
        "lié": "ce dossier est un lien symb",
        "tuyau.md": "ce n’est pas un fichier ord",
    }
    assert before != corpus.sha256 == corpus_sha256(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission_are_reported(tmp_path):
    write(tmp_path, "bon.md", "Un texte.")
    write(tmp_path, "secret.md", "Un texte.").chmod(0)
    write(tmp_path, "coffre/note.md", "Un texte.").parent.chmod(0)
    try:
        corpus = read_corpus(tmp_path)
        assert {item.path for item in corpus.skipped} == {"secret.md", "coffre"}
        assert corpus.sha256 == corpus_sha256(tmp_path)
    finally:
        (tmp_path / "coffre").chmod(0o700)


def test_a_file_name_that_is_no_utf_8_is_reported(tmp_path):
    write(tmp_path, "bon.md", "Un texte.")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("Un texte.", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    corpus = read_corpus(tmp_path)
    assert [(item.path, item.reason.split(". ")[-1]) for item in corpus.skipped] == [("caf\ufffd.md", "Renommez-le.")]
    assert corpus.sha256 == corpus_sha256(tmp_path)


def test_entries_in_a_folder_or_with_a_mark_or_of_other_accents(tmp_path):
    write(tmp_path, unicodedata.normalize("NFD", "été.md"), "Un texte.")
    write(tmp_path, "sources.toml", '\ufeff["été.md"]\ntitle = "L’été"\n')
    corpus = read_corpus(tmp_path)
    assert [document.title for document in corpus.documents] == ["L’été"]
    assert corpus.without_entry == ()
    (tmp_path / "sources.toml").unlink()
    (tmp_path / "sources.toml").mkdir()
    with pytest.raises(InvalidEntry, match=r"sources\.toml : le fichier ne se lit pas"):
        read_corpus(tmp_path)
    assert corpus_sha256(tmp_path)


def test_the_corpus_carries_the_checksum_of_what_was_read(tmp_path):
    write(tmp_path, "a.md", "Texte.")
    write(tmp_path, "sources.toml", '["a.md"]\ntitle = "A"')
    write(tmp_path, "questions.jsonl", "{}")
    read = read_corpus(tmp_path).sha256
    assert read == corpus_sha256(tmp_path)
    write(tmp_path, "a.md", "Texte changé.")
    assert corpus_sha256(tmp_path) != read


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ('["b.md"]\ntitle = "B"', "ce fichier n’existe pas"),
        ('["a.md"]\ntitre = "A"', "clé inconnue « titre »"),
        ('["a.md"]\npublished = "hier"', "« published » vaut « hier »"),
        ('["a.md"]\npublished = "20240531"', "« published » vaut « 20240531 »"),
        ('["a.md"]\npublished = 2024-05-31T10:00:00', "« published » vaut « 2024-05-31T10:00:00 »"),
        ('["a.md"]\ntitle = ""', "« title » est vide"),
        ('["a.md"]\nurl = "mairie"', "« url » vaut « mairie »"),
        ('["a.md"]\nkind = "note"', "« kind » vaut « note » : écrivez « original » ou « fiche »"),
        ('["a.md"]\ntitle = 3', "« title » doit être un texte"),
        ('["a.md"]\noriginal = "absent.txt"', "« absent.txt » (original)"),
        ('titre = "A"', "écrivez une section par document"),
        ("[a.md", "n’est pas un fichier TOML valide ("),
        ('["a.md"]\ntitle = "A\npublisher = "B"', 'ligne 2, « title = "A » ('),
        ("a = " + "[" * 2000, "n’est pas un fichier TOML valide"),
    ],
)
def test_a_wrong_entry_is_explained(tmp_path, sources, message):
    write(tmp_path, "a.md", "Texte.")
    write(tmp_path, "sources.toml", sources)
    with pytest.raises(InvalidEntry) as caught:
        read_corpus(tmp_path)
    assert message in str(caught.value)


def test_all_faults_of_the_entries_are_told_at_once(tmp_path):
    write(tmp_path, "bulletin.md", "Texte.")
    write(
        tmp_path,
        "sources.toml",
        'titre = "A"\n["buletin.md"]\npublished = "hier"\nurl = "mairie"\n["bulletin.md"]\ntitre = "A"\n',
    )
    with pytest.raises(InvalidEntry) as caught:
        read_corpus(tmp_path)
    told = str(caught.value).splitlines()
    assert len(told) == 5
    assert "« titre » : écrivez une section par document" in told[0]
    assert "Vouliez-vous dire « bulletin.md » ? Corrigez son chemin" in told[1]
    assert ["« url »" in told[2], "« published »" in told[3], "clé inconnue « titre »" in told[4]] == [True] * 3


def test_two_files_of_one_name_are_both_read(tmp_path):
    write(tmp_path, "a b.md", "Texte.")
    write(tmp_path, "a-b.txt", "Autre texte.")
    assert {d.source.path: d.id for d in read_corpus(tmp_path).documents} == {"a b.md": "a-b", "a-b.txt": "a-b-txt"}
    write(tmp_path, "a-b-txt.md", "Un autre encore.")
    write(tmp_path, "a_b.TXT", "Et un autre.")
    ids = {d.source.path: d.id for d in read_corpus(tmp_path).documents}
    assert ids == {"a b.md": "a-b", "a-b-txt.md": "a-b-txt", "a-b.txt": "a-b-txt-2", "a_b.TXT": "a-b-txt-3"}


def test_what_is_described_first_keeps_its_id(tmp_path):
    write(tmp_path, "a.md", "Texte.")
    write(tmp_path, "a.txt", "Autre texte.")
    write(tmp_path, "sources.toml", '["a.txt"]\ntitle = "A"\n["a.md"]\ntitle = "A"\n')
    documents = read_corpus(tmp_path).documents
    assert [(d.source.path, d.id) for d in documents] == [("a.md", "a-md"), ("a.txt", "a")]


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
