"""Word and OpenDocument texts made by the libraries of their formats, whole and damaged."""

import io
import zipfile

import odfdo
import pytest
from docx.opc.constants import CONTENT_TYPE
from docx.oxml import OxmlElement
from PIL import Image

from ingest.corpus import read_blocks, read_document
from ingest.errors import UnreadableSource
from ingest.isolated import read_isolated
from ingest.read_docx import read_docx
from ingest.read_odt import read_odt
from ingest.read_zip import MAX_MEMBERS, MAX_UNPACKED_BYTES
from tests.fifty_files import open_text, word


def with_part(data, name, content):
    """An archive with one of its parts written anew, or added."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return file.getvalue()


def shapes(reading):
    return [(block.kind.value, block.level, " ".join(block.text.split())) for block in reading.blocks]


EXPECTED = [
    ("heading", 1, "La ville en transition"),
    ("heading", 1, "Énergie"),
    ("paragraph", 0, "Le toit de l’église porte 200 m² de panneaux depuis 2013."),
    ("heading", 2, "Vergers"),
    ("list_item", 0, "un pommier"),
    ("list_item", 0, "un poirier"),
    ("list_item", 0, "Année | Arbres"),
    ("list_item", 0, "2010 | 40"),
]


def write_report(document):
    document.sections[0].header.paragraphs[0].text = "Bulletin municipal"
    document.sections[0].footer.paragraphs[0].text = "page 1"
    document.add_heading("La ville en transition", 0)
    document.add_heading("Énergie", 1)
    paragraph = document.add_paragraph("Le toit de ")
    paragraph.add_run("l’église").bold = True
    paragraph.add_run(" porte 200 m² de panneaux depuis 2013.")
    document.add_heading("Vergers", 2)
    for text in ("un pommier", "un poirier"):
        document.add_paragraph(text, style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip([*table.row_cells(0), *table.row_cells(1)], ("Année", "Arbres", "2010", "40"), strict=True):
        cell.text = text


REPORT = word(write_report)


def test_a_word_document_keeps_headings_lists_and_tables_and_loses_its_margins():
    assert shapes(read_docx(REPORT, "a.docx")) == EXPECTED
    document = read_document(REPORT, "a.docx", {})
    assert document.title == "La ville en transition"
    assert document.sections[-1].heading_path == ("Énergie", "Vergers")
    assert all(section.page is None for section in document.sections)
    assert read_document(REPORT, "a.docx", {}) == document


def test_deleted_words_and_calls_of_notes_are_not_in_the_text():
    def write(document):
        paragraph = document.add_paragraph("Un texte gardé")
        deleted = OxmlElement("w:del")
        run = OxmlElement("w:r")
        text = OxmlElement("w:delText")
        text.text = " et un texte retiré"
        run.append(text)
        deleted.append(run)
        paragraph._p.append(deleted)
        paragraph.add_run(".")
        run = paragraph.add_run()._r
        call = OxmlElement("w:footnoteReference")
        call.set("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}id", "2")
        run.append(call)
        paragraph.add_run(" Puis un autre.")

    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>Selon la mairie.</w:t></w:r></w:p></w:footnote>'
    notes = f"<w:footnotes {names}>{note}</w:footnotes>"
    data = with_part(word(write), "word/footnotes.xml", notes)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    relation = f'<Relationship Id="rIdN" Type="{kind}" Target="footnotes.xml"/></Relationships>'
    data = with_part(data, "word/_rels/document.xml.rels", relations.replace("</Relationships>", relation))
    assert shapes(read_docx(data, "a.docx")) == [
        ("paragraph", 0, "Un texte gardé. Puis un autre."),
        ("note", 0, "Selon la mairie."),
    ]


def test_macros_are_not_run_and_linked_pictures_not_opened(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    picture = io.BytesIO()
    Image.new("L", (2, 2)).save(picture, "PNG")

    def write(document):
        write_report(document)
        document.add_picture(picture)

    data = word(write)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        types = archive.read("[Content_Types].xml").decode()
        relations = archive.read("word/_rels/document.xml.rels").decode()
    macros = types.replace(CONTENT_TYPE.WML_DOCUMENT_MAIN, "application/vnd.ms-word.document.macroEnabled.main+xml")
    data = with_part(with_part(data, "[Content_Types].xml", macros), "word/vbaProject.bin", b"Sub AutoOpen()")
    linked = relations.replace('Target="media/image1.png"', f'Target="file://{secret}" TargetMode="External"')
    assert linked != relations
    data = with_part(data, "word/_rels/document.xml.rels", linked)
    assert shapes(read_isolated(data, "a.docm")) == EXPECTED


def test_an_open_document_text_keeps_headings_lists_tables_and_notes():
    paragraph = odfdo.Paragraph("Le toit de l’église porte  200 m²\tde panneaux depuis 2013.")
    paragraph.insert_note(after="2013", note_id="n1", citation="1", body="Selon la mairie.")
    table = odfdo.Table("Arbres", width=2, height=2)
    table.set_values([["Année", "Arbres"], [2010, 40]])
    data = open_text(
        odfdo.Paragraph("La ville en transition", style="Title"),
        odfdo.Header(1, "Énergie"),
        paragraph,
        odfdo.Header(2, "Vergers"),
        odfdo.List(["un pommier", "un poirier"]),
        table,
    )
    assert shapes(read_odt(data, "a.odt")) == [*EXPECTED, ("note", 0, "Selon la mairie.")]
    assert read_document(data, "a.odt", {}).title == "La ville en transition"


def test_an_external_entity_is_never_opened(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("MOT DE PASSE")
    with zipfile.ZipFile(io.BytesIO(open_text(odfdo.Paragraph("Un texte.")))) as archive:
        content = archive.read("content.xml").decode()
    start = content.index("<office:document-content")
    entity = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]>'
    content = content[:start] + entity + content[start:].replace("Un texte.", "Un texte.&x;")
    data = with_part(open_text(odfdo.Paragraph("")), "content.xml", content)
    assert shapes(read_odt(data, "a.odt")) == [("paragraph", 0, "Un texte.")]


@pytest.mark.parametrize("part", ["word/document.xml", "content.xml"])
def test_entities_that_multiply_fill_no_memory(part):
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY a0 "aaaa">{entities}]><a>&a11;</a>'
    whole, name = (REPORT, "a.docx") if part.startswith("word") else (open_text(odfdo.Paragraph("Texte.")), "a.odt")
    with pytest.raises(UnreadableSource, match=rf"^{name} : "):
        read_blocks(with_part(whole, part, bomb), name)


def encrypted_open_text():
    manifest = (
        b'<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
    )
    return with_part(open_text(odfdo.Paragraph("Texte.")), "META-INF/manifest.xml", manifest)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.docx", b"", "le fichier est vide"),
        ("a.odt", b"Du texte.", "abîmé ou n’a pas la bonne extension"),
        ("a.docx", REPORT[: len(REPORT) // 2], "abîmé ou n’a pas la bonne extension"),
        ("a.docx", OLE, "un fichier d’un ancien format (.doc, .xls)"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "protégé par un mot de passe"),
        ("a.docx", open_text(odfdo.Paragraph("Texte.")), "ce n’est pas un document Word"),
        ("a.docx", with_part(REPORT, "word/document.xml", "<a"), "le fichier est abîmé, il ne se lit pas"),
        ("a.odt", REPORT, "ce n’est pas un texte OpenDocument"),
        ("a.odt", encrypted_open_text(), "protégé par un mot de passe"),
        ("a.odt", with_part(REPORT, "content.xml", "<a" * 10), "ce n’est pas un texte OpenDocument"),
        ("a.odt", with_part(REPORT, "content.xml", bytes(50_000_000)), "il pèserait 50 Mo une fois ouvert"),
    ],
)
def test_what_cannot_be_read_is_explained(name, data, message):
    with pytest.raises(UnreadableSource) as caught:
        read_isolated(data, name)
    assert str(caught.value).startswith(f"{name} : ")
    assert message in str(caught.value)


def test_more_parts_or_bytes_than_a_document_has_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(MAX_MEMBERS + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(UnreadableSource, match="il contient 5001 fichiers"):
        read_odt(file.getvalue(), "a.odt")
    # The central directory says how large a part is: 4 bytes at 24 of its entry.
    data = bytearray(REPORT)
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (MAX_UNPACKED_BYTES + 1).to_bytes(4, "little")
    with pytest.raises(UnreadableSource, match="il pèserait 500 Mo une fois ouvert"):
        read_docx(bytes(data), "a.docx")
