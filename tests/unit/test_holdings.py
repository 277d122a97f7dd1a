"""Documents added to a corpus, removed and restored, with `sources.toml` kept as its keeper wrote it."""

import errno
import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ingest import read_corpus
from ingest.errors import (
    DuplicateDocument,
    IngestError,
    InvalidEntry,
    NotWritten,
    UnknownDocument,
    UnreadableSource,
    UnsafeName,
)
from ingest.holdings import (
    add_document,
    describe_document,
    questions_aside,
    remove_document,
    removed_documents,
    restore_document,
)
from ingest.write_file import sweep_drafts, write_file

ROOT = Path(__file__).parents[2]
SOURCES = """\
# Nos documents.

["a.md"]
title = "A"  # à revoir
publisher = "Ville"
published = 2024-05-31

# Ce qui suit vient de la presse.
["presse/b.md"]
title = 'B'
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "presse").mkdir(parents=True)
    (folder / "a.md").write_text("Le texte de a.", encoding="utf-8")
    (folder / "presse" / "b.md").write_text("Le texte de b.", encoding="utf-8")
    (folder / "sources.toml").write_text(SOURCES, encoding="utf-8")
    return folder


def sources(corpus: Path) -> str:
    return (corpus / "sources.toml").read_text(encoding="utf-8")


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def packed(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return data.getvalue()


def test_a_document_is_added_with_its_section_and_nothing_else_moves(corpus: Path) -> None:
    path = add_document(
        corpus, "vie/c \u00ab1\u00bb.md", b"Un texte.", {"title": 'Le "C"', "published": "2025-01-02", "theme": ""}
    )
    assert path == "vie/c «1».md"
    assert sources(corpus) == SOURCES + '\n["vie/c «1».md"]\ntitle = "Le \\"C\\""\npublished = 2025-01-02\n'
    document = next(d for d in read_corpus(corpus).documents if d.source.path == path)
    assert (document.title, document.source.published, document.text) == ('Le "C"', "2025-01-02", "Un texte.")


def test_a_corpus_is_begun_by_its_first_document(tmp_path: Path) -> None:
    assert add_document(tmp_path / "neuf", "a.md", b"Un texte.") == "a.md"
    assert files(tmp_path / "neuf") == {"a.md": b"Un texte."}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../a.md", "sort du dossier"),
        ("vie/../../a.md", "sort du dossier"),
        ("/etc/a.md", "sort du dossier"),
        ("..\\a.md", "sort du dossier"),
        ("a//b.md", "sort du dossier"),
        ("lien/b.md", "sort du dossier"),
        (".cache.md", "est caché"),
        (".removed/x.md", "est caché"),
        (".md", "est caché"),
        ("originals/a.md", "« originals » n’est pas lu"),
        ("a.exe", "les formats lus sont .md"),
        ("a", "les formats lus sont .md"),
        ("a.doc", "Enregistrez-le en .docx ou .pdf."),
        ("sources.toml", "les formats lus sont .md"),
        ("é" * 120 + ".md", "trop long"),
        ("\ufeff\u200b.md", "est caché"),
    ],
)
def test_an_unsafe_name_is_refused(corpus: Path, name: str, message: str) -> None:
    (corpus / "lien").symlink_to(corpus.parent)
    before = files(corpus)
    with pytest.raises(UnsafeName, match=message):
        add_document(corpus, name, b"Un texte.")
    assert files(corpus) == before


def test_a_name_is_made_safe(corpus: Path) -> None:
    name = unicodedata.normalize("NFD", ' Vie\\Été \u200bà la "plage": 1?\t.md ')
    assert add_document(corpus, name, b"Un texte.") == "Vie/Été à la -plage-- 1- .md"


def test_what_is_there_already_is_said(corpus: Path) -> None:
    before = files(corpus)
    for name, data, message in [
        ("a.md", b"Autre.", r"a\.md : un autre document a déjà ce nom.*--replace"),
        ("A.txt", b"Autre.", r"A\.txt : a\.md est déjà dans le corpus, presque sous le même nom"),
        ("a.md", b"Le texte de a.", r"a\.md est déjà dans le corpus, exactement le même"),
        ("c.md", b"Le texte de b.", r"déjà dans le corpus sous le nom presse/b\.md, exactement le même"),
    ]:
        with pytest.raises(DuplicateDocument, match=message):
            add_document(corpus, name, data)
    assert files(corpus) == before


def test_what_is_replaced_is_kept_and_what_was_said_of_it_stays(corpus: Path) -> None:
    assert (
        add_document(corpus, "a.md", b"Nouveau.", {"url": "https://ville.fr/a", "title": "A2"}, replace=True) == "a.md"
    )
    new = SOURCES.replace('title = "A" ', 'title = "A2" ').replace(
        "published = 2024-05-31\n", 'published = 2024-05-31\nurl = "https://ville.fr/a"\n'
    )
    assert sources(corpus) == new
    assert [path.read_text() for path in removed_documents(corpus)] == ["Le texte de a."]
    assert add_document(corpus, "a.txt", b"Encore.", replace=True) == "a.txt"
    assert not (corpus / "a.md").exists()
    assert tomllib.loads(sources(corpus))["a.txt"] == tomllib.loads(new)["a.md"]
    assert [document.id for document in read_corpus(corpus).documents] == ["a", "presse-b"]


def test_what_does_not_read_is_refused_before_it_is_written(corpus: Path) -> None:
    before = files(corpus)
    for name, data, entry, error in [
        ("c.md", b"", {}, UnreadableSource),
        ("c.pdf", b"%PDF-1.7 rien", {}, UnreadableSource),
        ("c.zip", b"PK", {}, UnreadableSource),
        ("c.zip", packed(a_md=""), {}, UnreadableSource),
        ("c.md", b"Texte.", {"published": "hier"}, InvalidEntry),
        ("c.md", b"Texte.", {"titre": "C"}, InvalidEntry),
        ("c.md", b"Texte.", {"url": "mairie"}, InvalidEntry),
    ]:
        with pytest.raises(error):
            add_document(corpus, name, data, entry)
    assert files(corpus) == before


def test_a_file_that_was_put_there_by_hand_gets_its_section(corpus: Path) -> None:
    (corpus / "c.md").write_bytes(b"Un texte.")
    assert add_document(corpus, "c.md", b"Un texte.", {"title": "C"}) == "c.md"
    assert sources(corpus).endswith('\n\n["c.md"]\ntitle = "C"\n')


def test_a_document_is_removed_and_restored_with_its_section(corpus: Path) -> None:
    removed = remove_document(corpus, "a.md")
    assert removed.parent.parent == corpus / ".removed"
    assert sources(corpus) == "# Nos documents.\n\n# Ce qui suit vient de la presse.\n[\"presse/b.md\"]\ntitle = 'B'\n"
    assert [document.id for document in read_corpus(corpus).documents] == ["presse-b"]
    assert restore_document(corpus, removed) == "a.md"
    assert sources(corpus) == SOURCES
    assert (corpus / "a.md").read_text() == "Le texte de a."
    assert list((corpus / ".removed").iterdir()) == []


def question(name: str, *documents: str) -> str:
    spans = [{"document": document, "quote": f"Le texte de {document}."} for document in documents]
    return json.dumps({"id": name, "question": f"Où est « {name} » ?", "spans": spans}, ensure_ascii=False)


def asked(corpus: Path) -> list[str]:
    return (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()


def test_the_questions_on_a_document_go_with_it_and_come_back(corpus: Path) -> None:
    both, on_a, on_b = question("deux", "a", "presse-b"), question("un", "a"), question("trois", "presse-b")
    lines = [on_a, "{ceci n’est pas une question", on_b, both, question("quatre")]
    (corpus / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    removed = remove_document(corpus, "a.md")
    assert questions_aside(corpus, removed) == 2
    assert asked(corpus) == [lines[1], on_b, question("deux", "presse-b"), lines[4]]
    assert removed_documents(corpus) == [removed]
    assert restore_document(corpus, removed) == "a.md"
    assert asked(corpus) == lines
    assert list((corpus / ".removed").iterdir()) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["unix", "windows", "no end of the last line"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "a mark"])
def test_what_is_removed_and_restored_is_to_the_last_byte_what_it_was(corpus: Path, end: str, mark: str) -> None:
    lines = [question("un", "a"), "", question("deux", "a", "presse-b"), question("trois", "presse-b", "a"), "# rien"]
    text = (end or "\n").join([*lines, question("quatre", "a")]) + end
    (corpus / "questions.jsonl").write_bytes(f"{mark}{text}".encode())
    (corpus / "sources.toml").write_bytes(f"{mark}{SOURCES.replace(chr(10), end or chr(10))}".encode())
    before = files(corpus)
    first = remove_document(corpus, "a.md")
    between = {path: data for path, data in files(corpus).items() if not path.startswith(".removed")}
    restore_document(corpus, remove_document(corpus, "presse/b.md"))
    assert {path: data for path, data in files(corpus).items() if not path.startswith(".removed")} == between
    restore_document(corpus, first)
    assert files(corpus) == before


def test_each_document_of_our_own_corpus_can_go_and_come_back(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(ROOT / "corpus", corpus, ignore=shutil.ignore_patterns("originals"))
    before = files(corpus)
    documents = [path for path in before if path.endswith(".md")]
    assert len(documents) == 9
    for path in documents:
        removed = remove_document(corpus, path)
        assert (corpus / "sources.toml").read_bytes() != before["sources.toml"]
        restore_document(corpus, removed)
        assert files(corpus) == before, path


def test_a_question_comes_back_as_it_was_though_another_was_edited(corpus: Path) -> None:
    both = question("deux", "a", "presse-b")
    (corpus / "questions.jsonl").write_text(f"{both}\n{question('trois', 'presse-b')}\n", encoding="utf-8")
    removed = remove_document(corpus, "a.md")
    mine = question("trois", "presse-b").replace("Où est", "Où donc est")
    (corpus / "questions.jsonl").write_text(f"{question('deux', 'presse-b')}\n{mine}\n", encoding="utf-8")
    restore_document(corpus, removed)
    assert asked(corpus) == [both, mine]


def test_a_quote_of_a_document_that_is_out_waits_for_it(corpus: Path) -> None:
    (corpus / "questions.jsonl").write_text(f"{question('deux', 'a', 'presse-b')}\n", encoding="utf-8")
    first, second = remove_document(corpus, "a.md"), remove_document(corpus, "presse/b.md")
    assert asked(corpus) == []
    restore_document(corpus, first)
    assert asked(corpus) == [question("deux", "a")]
    restore_document(corpus, second)
    assert asked(corpus) == [question("deux", "a", "presse-b")]


def test_no_question_is_lost_whatever_its_line_holds(corpus: Path) -> None:
    same = [question("un", "a"), question("un", "a").replace("Où est", "Où donc est")]
    unnamed = [line.replace('"id": "un", ', "") for line in same]
    odd = ['{"id": ["x"], "spans": [{"document": ["a"]}, 3]}', '{"id": "\\ud800", "spans": [{"document": "a"}, 3]}']
    (corpus / "questions.jsonl").write_text("\n".join([*same, *unnamed, *odd]), encoding="utf-8")
    removed = remove_document(corpus, "a.md")
    assert questions_aside(corpus, removed) == 5
    assert asked(corpus) == [odd[0], '{"id": "\\ud800", "spans": [3]}']
    (corpus / "questions.jsonl").write_text("\n".join([*asked(corpus), question("six")]), encoding="utf-8")
    restore_document(corpus, removed)
    assert asked(corpus) == [*odd, question("six"), *same, *unnamed]


@contextmanager
def stopped(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """What changes a file's name or deletes it is stopped, once, before it did: its calls up to there."""
    calls: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        real = getattr(Path, name)

        def call(*given: object, **named: object) -> object:
            calls.append(name)
            if len(calls) == step:
                raise KeyboardInterrupt
            return real(*given, **named)

        return call

    with monkeypatch.context() as patched:
        for name in ("replace", "rename", "unlink"):
            patched.setattr(Path, name, counted(name))
        with suppress(KeyboardInterrupt):
            yield calls


@pytest.mark.parametrize("path", ["a.md", "presse/b.md", "c.md", "z.zip"])
def test_what_is_stopped_at_any_step_is_finished_by_the_same_command(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """With a section and without, first among the questions and last; as an archive whose document has a section."""
    add_document(corpus, "c.md", b"Le texte de c.")
    add_document(corpus, "z.zip", packed(x_md="Le texte de x."))
    describe_document(corpus, "z.zip/x.md", {"title": "X"})
    lines = [question("un", "a", "c", "z-zip-x", "presse-b"), *(question(n, n) for n in ("a", "c", "z-zip-x"))]
    (corpus / "questions.jsonl").write_text("\n".join([*lines, question("b", "presse-b")]), encoding="utf-8")
    before = files(corpus)
    steps = 0
    for change in ("remove", "restore"):
        for step in range(1, 20):
            copy = tmp_path / f"{change}-{step}"
            shutil.copytree(corpus, copy)
            if change == "remove":
                with stopped(monkeypatch, step) as calls:
                    remove_document(copy, path)
                removed = removed_documents(copy)[0] if not (copy / path).exists() else remove_document(copy, path)
                assert removed_documents(copy) == [removed]
                assert questions_aside(copy, removed) == 2
            else:
                removed = remove_document(copy, path)
                with stopped(monkeypatch, step) as calls:
                    restore_document(copy, removed)
                if len(calls) >= step:
                    assert removed_documents(copy) == [removed]
            if change == "remove" or len(calls) >= step:
                assert restore_document(copy, removed) == path
            assert files(copy) == before, (change, step, calls)
            assert removed_documents(copy) == []
            steps += 1
            if len(calls) < step:
                break
    assert steps > 10


def test_what_was_edited_after_a_restoring_that_was_stopped_is_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus / "questions.jsonl").write_text(f"{question('un', 'a')}\n{question('deux', 'a')}\n", encoding="utf-8")
    removed = remove_document(corpus, "a.md")
    with stopped(monkeypatch, 4) as calls:
        restore_document(corpus, removed)
    assert calls == ["rename", "replace", "replace", "unlink"]
    mine = question("un", "a").replace("Où est", "Où donc est")
    (corpus / "questions.jsonl").write_text(f"{mine}\n{question('deux', 'a')}\n", encoding="utf-8")
    describe_document(corpus, "a.md", {"title": "A2"})
    before = {path: data for path, data in files(corpus).items() if not path.startswith(".removed")}
    restore_document(corpus, remove_document(corpus, "a.md"))
    assert files(corpus) == before


def test_a_removing_that_was_stopped_can_be_taken_back(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (corpus / "questions.jsonl").write_text(question("un", "a"), encoding="utf-8")
    before = files(corpus)
    with stopped(monkeypatch, 6) as calls:
        remove_document(corpus, "a.md")
    assert calls == [*["replace"] * 5, "rename"]
    assert asked(corpus) == []
    (waiting,) = removed_documents(corpus)
    assert restore_document(corpus, waiting) == "a.md"
    assert files(corpus) == before


@pytest.mark.parametrize("name", ["questions.jsonl", "sources.toml"])
def test_nothing_changes_where_a_file_does_not_read(corpus: Path, name: str) -> None:
    (corpus / "questions.jsonl").write_text(question("un", "a"), encoding="utf-8")
    sound = (corpus / name).read_bytes()
    removed = remove_document(corpus, "a.md")
    (corpus / name).write_bytes("[été\n".encode("latin-1"))
    before = files(corpus)
    with pytest.raises(InvalidEntry, match=rf"{name} n’est pas enregistré en UTF-8. Rien n’a été changé"):
        restore_document(corpus, removed)
    with pytest.raises(InvalidEntry, match="Rien n’a été changé"):
        remove_document(corpus, "presse/b.md")
    assert files(corpus) == before
    (corpus / name).write_bytes(sound)
    restore_document(corpus, removed)
    assert (asked(corpus), tomllib.loads(sources(corpus))) == ([question("un", "a")], tomllib.loads(SOURCES))


def test_a_question_written_anew_meanwhile_is_not_overwritten(corpus: Path) -> None:
    (corpus / "questions.jsonl").write_text(question("un", "a"), encoding="utf-8")
    removed = remove_document(corpus, "a.md")
    mine = json.loads(question("un", "presse-b")) | {"question": "Autrement ?"}
    (corpus / "questions.jsonl").write_text(json.dumps(mine), encoding="utf-8")
    restore_document(corpus, removed)
    (found,) = map(json.loads, asked(corpus))
    assert (found["question"], [span["document"] for span in found["spans"]]) == ("Autrement ?", ["presse-b", "a"])


def test_questions_stay_where_another_document_has_the_id_and_go_with_an_archive(corpus: Path) -> None:
    add_document(corpus, "z.zip", packed(x_md="Le texte de x.", y_md="Le texte de y."))
    (corpus / "questions.jsonl").write_text(f"{question('un', 'a')}\n{question('zip', 'z-zip-x')}\n", encoding="utf-8")
    add_document(corpus, "a.txt", b"Nouveau.", replace=True)
    assert len(asked(corpus)) == 2
    removed = remove_document(corpus, "z.zip")
    assert (questions_aside(corpus, removed), asked(corpus)) == (1, [question("un", "a")])
    restore_document(corpus, removed)
    assert asked(corpus) == [question("un", "a"), question("zip", "z-zip-x")]


def test_a_removal_that_was_stopped_is_finished_with_its_questions(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus / "questions.jsonl").write_text(question("un", "a"), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("ingest.holdings.move_file", lambda *given: (_ for _ in ()).throw(NotWritten("plein")))
        with pytest.raises(NotWritten):
            remove_document(corpus, "a.md")
    removed = remove_document(corpus, "a.md")
    assert questions_aside(corpus, removed) == 1
    restore_document(corpus, removed)
    assert tomllib.loads(sources(corpus)) == tomllib.loads(SOURCES)
    assert asked(corpus) == [question("un", "a")]


def test_the_last_section_goes_and_the_folder_of_what_was_removed_can_be_given(corpus: Path) -> None:
    removed = remove_document(corpus, "presse/b.md")
    assert sources(corpus) == SOURCES[: SOURCES.index('\n["presse')] + "\n"
    assert restore_document(corpus, removed.parents[1]) == "presse/b.md"
    with pytest.raises(UnknownDocument, match="il n’y a plus de document"):
        restore_document(corpus, removed)
    with pytest.raises(UnknownDocument, match="n’est pas un document retiré"):
        restore_document(corpus, corpus / "a.md")


def test_what_is_not_there_is_not_removed_and_what_is_there_is_not_restored_over(corpus: Path) -> None:
    for path in ("c.md", "../a.md", "sources.toml", ""):
        with pytest.raises(UnknownDocument):
            remove_document(corpus, path)
    removed = remove_document(corpus, "a.md")
    add_document(corpus, "a.md", b"Nouveau.")
    with pytest.raises(DuplicateDocument, match="un autre document a ce nom"):
        restore_document(corpus, removed)
    assert ((corpus / "a.md").read_text(), removed.read_text()) == ("Nouveau.", "Le texte de a.")


def test_what_is_not_there_is_not_described(corpus: Path) -> None:
    add_document(corpus, "z.zip", packed(x_md="Le texte de x."))
    describe_document(corpus, "z.zip/x.md", {"title": "X"})
    assert tomllib.loads(sources(corpus))["z.zip/x.md"] == {"title": "X"}
    remove_document(corpus, "a.md")
    remove_document(corpus, "z.zip")
    before = files(corpus)
    for path in ("a.md", "z.zip/x.md", "z.zip", "presse", "../a.md", ""):
        with pytest.raises(UnknownDocument, match=r"n’est plus dans .* Rien n’a été changé"):
            describe_document(corpus, path, {"title": "A2"})
    assert files(corpus) == before
    assert [document.id for document in read_corpus(corpus).documents] == ["presse-b"]


def test_what_someone_else_said_meanwhile_is_not_lost(corpus: Path) -> None:
    shown = {"title": "A", "theme": "", "publisher": "Ville", "published": "2024-05-31"}
    describe_document(corpus, "a.md", {"theme": "Eau"}, shown)
    before = files(corpus)
    for path in ("a.md", "presse/b.md"):
        with pytest.raises(InvalidEntry, match=r"quelqu’un d’autre vient de modifier.*rouvrez le formulaire"):
            describe_document(corpus, path, {"title": "A2"}, shown)
    assert files(corpus) == before
    describe_document(corpus, "a.md", {"title": "A2", "publisher": ""}, {**shown, "theme": "Eau"})
    said = tomllib.loads(sources(corpus))["a.md"]
    assert (said["title"], said["theme"], "publisher" in said) == ("A2", "Eau", False)


def test_an_archive_is_one_holding_with_the_sections_of_its_documents(corpus: Path) -> None:
    assert (
        add_document(corpus, "z.zip", packed(x_md="Le texte de x.", y_md=""), {"theme": "Eau", "title": "Z"}) == "z.zip"
    )
    with (corpus / "sources.toml").open("a") as opened:
        opened.write('\n["z.zip/x.md"]\ntitle = "X"\n')
    document = next(d for d in read_corpus(corpus).documents if d.id == "z-zip-x")
    assert (document.title, document.theme) == ("X", "Eau")
    with pytest.raises(UnknownDocument, match=r"retirez l’archive entière, z\.zip"):
        remove_document(corpus, "z.zip/x.md")
    removed = remove_document(corpus, "z.zip")
    assert sources(corpus) == SOURCES
    restore_document(corpus, removed)
    assert set(tomllib.loads(sources(corpus))) == {"a.md", "presse/b.md", "z.zip", "z.zip/x.md"}


@pytest.mark.parametrize(
    "text",
    ['"a.md" = {title = "A"}\n', '"a.md".title = "A"\n', '["a.md"]\ntitle = """\n["presse/b.md"]\n"""\n', "[a.md"],
    ids=["inline", "dotted", "a header in a text", "no TOML"],
)
def test_a_layout_that_we_cannot_change_is_left_alone(corpus: Path, text: str) -> None:
    (corpus / "sources.toml").write_text(text)
    before = files(corpus)
    with pytest.raises(InvalidEntry, match="Rien n’a été changé"):
        remove_document(corpus, "a.md")
    with pytest.raises(InvalidEntry, match="Rien n’a été changé"):
        add_document(corpus, "a.md", b"Nouveau.", {"title": "B"}, replace=True)
    assert files(corpus) == before


def test_windows_line_ends_and_a_mark_are_taken(corpus: Path) -> None:
    (corpus / "sources.toml").write_bytes(b"\xef\xbb\xbf" + SOURCES.replace("\n", "\r\n").encode())
    add_document(corpus, "c.md", b"Un texte.", {"title": "C"})
    add_document(corpus, "a.md", b"Autre.", {"title": "A2", "url": "https://a.fr"}, replace=True)
    remove_document(corpus, "presse/b.md")
    tables = tomllib.loads((corpus / "sources.toml").read_bytes().decode())
    assert (corpus / "sources.toml").read_bytes().count(b"\r\n") == (corpus / "sources.toml").read_bytes().count(b"\n")
    assert (list(tables), tables["a.md"]["url"], tables["a.md"]["title"]) == (["a.md", "c.md"], "https://a.fr", "A2")


@pytest.mark.parametrize("step", range(1, 9))
def test_a_change_that_stops_anywhere_loses_nothing_and_is_finished_by_the_same_command(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The disk fills at each step that syncs, and the corpus reads all the same."""
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    for change in (
        lambda: add_document(corpus, "a.md", b"Nouveau.", {"title": "Neuf"}, replace=True),
        lambda: remove_document(corpus, "presse/b.md"),
    ):
        calls.clear()
        monkeypatch.setattr(os, "fsync", full)
        with suppress(NotWritten):
            change()
        monkeypatch.undo()
        assert {document.id for document in read_corpus(corpus).documents} >= {"a"}
        everything = b"".join(files(corpus).values()).decode()
        assert "Le texte de b." in everything
        assert "Le texte de a." in everything
        with suppress(UnknownDocument):  # it went in spite of the error
            change()
    assert not (corpus / "presse" / "b.md").exists()
    assert tomllib.loads(sources(corpus)).keys() == {"a.md"}
    assert tomllib.loads(sources(corpus))["a.md"]["title"] == "Neuf"
    assert (corpus / "a.md").read_text() == "Nouveau."
    assert not list(corpus.rglob("*.tmp"))


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritten, match=r"a\.md : .*plus de place sur le disque.*Vérifiez la place"):
        add_document(tmp_path, "a.md", b"Texte.")
    assert files(tmp_path) == {}
    (tmp_path / "corpus").write_text("")
    with pytest.raises(IngestError, match="ne s’ouvre pas"):
        add_document(tmp_path / "corpus", "a.md", b"Texte.")


WRITER = """
import os, sys
from pathlib import Path
from ingest import write_file
write_file.os.fsync = lambda _: (print("writing", flush=True), sys.stdin.read())
write_file.write_file(Path(sys.argv[1]), b"Le texte.", "c.md")
"""


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of writing a file."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def drafts(corpus: Path) -> list[str]:
    return sorted(path.parent.name for path in corpus.rglob("*.tmp"))


def test_what_a_killed_writer_leaves_is_no_document_and_goes_with_the_next_write_or_build(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = remove_document(corpus, "a.md")
    for folder in (corpus, corpus / "presse", removed.parent):
        with writing(folder / "c.md") as process:
            process.kill()
    assert len(drafts(corpus)) == 3
    assert [document.source.path for document in read_corpus(corpus).documents] == ["presse/b.md"]
    assert removed_documents(corpus) == [removed]
    with writing(corpus / "d.md"):
        monkeypatch.setattr("ingest.write_file._swept", {})
        add_document(corpus, "e.md", b"Un autre texte.")
        assert drafts(corpus) == sorted(["corpus", "presse", removed.parent.name]), "that of the one who writes stays"
        sweep_drafts(corpus)
        assert drafts(corpus) == ["corpus"]
    restore_document(corpus, removed)
    assert not removed.parent.exists()
    with writing(corpus / "d.md") as process:
        sweep_drafts(corpus)
        process.communicate("", timeout=30)
    assert (corpus / "d.md").read_bytes() == b"Le texte.", "who was writing all the time wrote it"
    assert drafts(corpus) == []


def test_restoring_leaves_no_draft_behind(corpus: Path) -> None:
    removed = remove_document(corpus, "a.md")
    with writing(removed.with_name("c.md")) as process:
        process.kill()
    restore_document(corpus, removed)
    assert not removed.parent.exists()
    assert drafts(corpus) == []


def test_two_who_write_a_file_at_once_do_not_write_into_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads have one process number, as two containers may: their drafts have the same name."""
    real, waits, path = fcntl.flock, threading.Event(), tmp_path / "c.md"
    second = threading.Thread(target=write_file, args=(path, b"Le second.", "c.md"))

    def flock(file: object, how: int) -> None:
        if threading.current_thread() is second:
            waits.set()
        real(file, how)  # type: ignore[arg-type]

    def meanwhile(descriptor: int) -> None:
        if threading.current_thread() is not second and not waits.is_set():
            second.start()
            assert waits.wait(30)
            assert os.fstat(descriptor).st_size == 100, "it opened the draft, and must not empty it"

    monkeypatch.setattr("ingest.write_file.fcntl.flock", flock)
    monkeypatch.setattr("ingest.write_file.os.fsync", meanwhile)
    write_file(path, b"x" * 100, "c.md")
    second.join(30)
    assert files(tmp_path) == {"c.md": b"Le second."}


def test_a_theme_is_kept_without_spaces_too_many(corpus: Path) -> None:
    add_document(corpus, "c.md", b"Le texte de c.", {"theme": " Vie  municipale\t"})
    assert 'theme = "Vie municipale"' in sources(corpus)


def test_what_never_came_in_is_not_to_be_taken_out(corpus: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"le fichier est vide\. Ajoutez-y du texte\.$"):
        add_document(corpus, "vide.md", b"")
    with pytest.raises(UnreadableSource, match=r"Ajoutez-y du texte\.$"):
        add_document(corpus, "a.md", b"", replace=True)
    (corpus / "vide.md").write_bytes(b"")
    with pytest.raises(UnreadableSource, match="ou retirez-le du corpus"):
        add_document(corpus, "vide.md", b"")
