"""Archives, and a corpus of all formats: each file is read or named, and the others go on."""

import io
import struct
import zipfile

import docx
import openpyxl
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.check import check_documents
from ingest.corpus import corpus_sha256, read_corpus
from ingest.errors import EmptyCorpus, InvalidEntry, UnreadableSource
from ingest.read_zip import MAX_MEMBERS, read_members


def packed(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def a_pdf(text="Le plan climat de la ville tient en dix mesures."):
    file = io.BytesIO()
    canvas = Canvas(file, invariant=1)
    canvas.drawString(72, 700, text)
    canvas.save()
    return file.getvalue()


def a_docx():
    document = docx.Document()
    document.add_paragraph("Le verger est au pied du terril.")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def an_xlsx():
    book = openpyxl.Workbook()
    book.active.append(["Nom", "Rue"])
    book.active.append(["Le Chêne", "rue Basse"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_members_are_documents_under_their_archive(tmp_path):
    members = [
        ("plans/climat.pdf", a_pdf()),
        ("été.txt", "L’été, la ville arrose ses arbres la nuit."),
        ("photo.jpg", b"\xff\xd8"),
        ("__MACOSX/._climat.pdf", b"x"),
        ("sources.toml", ""),
        ("plans/ancien.doc", b"x"),
        ("plans/autre.zip", packed([("a.txt", "Un texte.")])),
        ("../../etc/passwd.txt", "root"),
        ("/absolu.md", "Un texte."),
        ("C:\\temp\\a.md", "Un texte."),
        ("vide.md", ""),
    ]
    (tmp_path / "archive.zip").write_bytes(packed(members))
    (tmp_path / "sources.toml").write_text('["archive.zip/été.txt"]\ntitle = "L’été en ville"\npublisher = "Ville"\n')
    corpus = read_corpus(tmp_path)
    assert [(d.id, d.title, d.source.path) for d in corpus.documents] == [
        ("archive-zip-plans-climat", "Climat", "archive.zip/plans/climat.pdf"),
        ("archive-zip-ete", "L’été en ville", "archive.zip/été.txt"),
    ]
    assert corpus.documents[0].sections[0].page == 1
    assert {item.path.removeprefix("archive.zip/"): item.reason.split(" : ")[1][:31] for item in corpus.skipped} == {
        "../../etc/passwd.txt": "ce nom sort du dossier de l’arc",
        "/absolu.md": "ce nom sort du dossier de l’arc",
        "C:\\temp\\a.md": "ce nom sort du dossier de l’arc",
        "plans/ancien.doc": "ce format n’est pas lu. Enregis",
        "plans/autre.zip": "une archive dans une archive n’",
        "vide.md": "le fichier est vide. Ajoutez-y ",
    }
    assert corpus.without_entry == ("archive.zip/plans/climat.pdf",)
    assert corpus.sha256 == corpus_sha256(tmp_path)
    assert not (tmp_path.parent / "etc").exists()
    problems = [str(problem) for problem in check_documents(tmp_path, corpus, [])]
    assert (
        "archive.zip/plans/climat.pdf : pas de paragraphe dans sources.toml. Ajoutez-le, avec son éditeur." in problems
    )


def bomb(size):
    return packed([("a.txt", bytes(size))])


def locked():
    data = bytearray(packed([("a.txt", "Un texte.")]))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "le fichier est vide"),
        (b"PK\x03\x04" + bytes(100), "le fichier est abîmé ou n’a pas la bonne extension"),
        (packed([]), "aucun document dans cette archive"),
        (packed([("photo.jpg", b"x")]), "aucun document dans cette archive"),
        (bomb(40_000_000), "il pèserait 40 Mo une fois ouvert, la limite est de 10 Mo"),
        (packed([(str(n), b"") for n in range(MAX_MEMBERS + 1)]), "il contient 5001 fichiers, la limite est de 5000"),
        (locked(), "il est protégé par un mot de passe"),
    ],
)
def test_archives_that_are_not_opened_say_why(data, message):
    with pytest.raises(UnreadableSource) as caught:
        list(read_members(data, "a.zip"))
    assert str(caught.value).startswith("a.zip : ")
    assert message in str(caught.value)


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said():
    data = bytearray(packed([("a.txt", b"a" * 1_000_000), ("b.txt", "Un texte.")]))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 10)
    members = list(read_members(bytes(data), "a.zip"))
    assert members[0].problem.startswith("a.zip/a.txt : ce fichier de l’archive est abîmé")
    assert members[1].data == b"Un texte."


def test_members_that_are_too_large_or_packed_otherwise_are_named():
    members = list(
        read_members(packed([("a.txt", b"a\n" * 5_100_000), ("b.txt", b"b" * 9)] * 1, zipfile.ZIP_STORED), "a.zip")
    )
    assert members[0].problem == (
        "a.zip/a.txt : le fichier pèse 10,2 Mo, la limite est de 10 Mo. Découpez-le en plusieurs fichiers."
    )
    assert members[1].data == b"b" * 9
    (member,) = read_members(packed([("a.txt", "Un texte.")], zipfile.ZIP_LZMA), "a.zip")
    assert "compressé autrement" in member.problem


def test_a_folder_of_all_formats_is_read_and_what_is_not_is_named(tmp_path):
    files = {
        "climat.pdf": a_pdf(),
        "verger.docx": a_docx(),
        "macros.docm": a_docx(),
        "chene.xlsx": an_xlsx(),
        "rues.csv": "Rue;Arbres\nrue Basse;12\n".encode("cp1252"),
        "note.txt": b"Un texte court.",
        "tout.zip": packed([("verger.docx", a_docx())]),
        "casse.pdf": a_pdf()[:300],
        "casse.docx": a_docx()[:900],
        "ancien.doc": b"x",
        "bombe.zip": bomb(40_000_000),
        "bilan.ods": b"x",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with (tmp_path / "enorme.pdf").open("wb") as huge:
        huge.truncate(300_000_000)
    corpus = read_corpus(tmp_path)
    assert {d.source.path: d.text for d in corpus.documents} == {
        "climat.pdf": "Le plan climat de la ville tient en dix mesures.",
        "verger.docx": "Le verger est au pied du terril.",
        "macros.docm": "Le verger est au pied du terril.",
        "chene.xlsx": "Nom : Le Chêne ; Rue : rue Basse",
        "rues.csv": "Rue : rue Basse ; Arbres : 12",
        "note.txt": "Un texte court.",
        "tout.zip/verger.docx": "Le verger est au pied du terril.",
    }
    reasons = {item.path: item.reason.removeprefix(f"{item.path} : ") for item in corpus.skipped}
    assert reasons == {
        "casse.pdf": "ce n’est pas un PDF, ou il est abîmé. Enregistrez-le à nouveau en PDF depuis son application.",
        "casse.docx": "le fichier est abîmé ou n’a pas la bonne extension. Enregistrez-le à nouveau, ou retirez-le du "
        "corpus.",
        "ancien.doc": "ce format n’est pas lu. Enregistrez-le en .docx ou .pdf.",
        "bilan.ods": "ce format n’est pas lu. Enregistrez-le en .xlsx ou .csv.",
        "bombe.zip": "il pèserait 40 Mo une fois ouvert, la limite est de 10 Mo pour un fichier de son poids. "
        "Vérifiez d’où il vient, ou découpez-le en plusieurs fichiers.",
        "enorme.pdf": "le fichier pèse 300 Mo, la limite est de 100 Mo. Découpez-le en plusieurs fichiers.",
    }
    assert corpus.sha256 == corpus_sha256(tmp_path)


def test_a_page_that_is_only_a_picture_is_a_problem_to_mend(tmp_path):
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 700, "Le plan climat de la ville tient en dix mesures.")
    canvas.showPage()
    canvas.rect(0, 0, 500, 700, fill=1)
    canvas.save()
    (tmp_path / "plan.pdf").write_bytes(file.getvalue())
    corpus = read_corpus(tmp_path)
    assert [item.path for item in corpus.notices] == ["plan.pdf"]
    problems = [str(problem) for problem in check_documents(tmp_path, corpus, [])]
    assert problems[0].startswith("plan.pdf : page 2 : images sans texte (scan).")


def test_entries_of_members_are_checked_like_the_others(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed([("a.md", "Un texte.")]))
    (tmp_path / "sources.toml").write_text('["b.zip/a.md"]\ntitle = "A"\n')
    with pytest.raises(InvalidEntry, match="ce fichier n’existe pas"):
        read_corpus(tmp_path)


def test_a_misspelt_member_is_told_and_stops_nothing(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed([("plan.md", "Un texte.")]))
    (tmp_path / "b.zip").write_bytes(locked())
    (tmp_path / "sources.toml").write_text('["a.zip/plam.md"]\ntitle = "A"\n["b.zip/x.md"]\ntitle = "B"\n')
    corpus = read_corpus(tmp_path)
    assert [document.source.path for document in corpus.documents] == ["a.zip/plan.md"]
    assert corpus.without_entry == ("a.zip/plan.md",)
    assert [item.path for item in corpus.notices] == ["a.zip/plam.md"]
    assert "n’est pas dans l’archive. Vouliez-vous dire « a.zip/plan.md » ?" in corpus.notices[0].reason


def test_an_archive_alone_that_cannot_be_read_leaves_an_empty_corpus(tmp_path):
    (tmp_path / "a.zip").write_bytes(locked())
    with pytest.raises(EmptyCorpus, match=r"a\.zip : il est protégé par un mot de passe"):
        read_corpus(tmp_path)
