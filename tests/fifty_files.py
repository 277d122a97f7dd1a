"""Files as a town hall has them, each with one difficulty, and what a person sees in it.

`python -m tests.fifty_files` writes the list with what is read of each; `tests/unit/test_fifty_files.py` keeps it true.
What is seen is written as lines: « = title » of a document (after its path, in an archive), then each block of its
text, list and table as « p. 1 | heading › heading | text », and « ! » with what could not be read.
"""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import docx
import odfdo
import openpyxl
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from ingest.corpus import Corpus, read_corpus
from ingest.document import BlockKind, Document
from tests.fifty_pdfs import BIKES, PDFS, SUN, TREES, WATER

__all__ = ["FILES", "SUMMARY", "open_text", "read_files", "seen", "summary", "word"]

Made = tuple[bytes, Sequence[str]]

FILES: list[tuple[str, str, Callable[[], Made]]] = list(PDFS)
"""A file's name, its difficulty, and what makes it and says what is seen in it."""

SUMMARY = Path(__file__).parent / "evaluation" / "results" / "fifty-files.md"


def _file(name: str, difficulty: str) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def register(make: Callable[[], Made]) -> Callable[[], Made]:
        FILES.append((name, difficulty, make))
        return make

    return register


def word(write: Callable[[Any], None]) -> bytes:
    """A Word document."""
    document = docx.Document()
    write(document)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def open_text(*elements: Any) -> bytes:
    """An OpenDocument text of these elements."""
    document = odfdo.Document("text")
    document.body.clear()
    for element in elements:
        document.body.append(element)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _workbook(fill: Callable[[Any], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


# Word


@_file("proces-verbal.docx", "Word’s own styles, a page’s head and foot, a list, a table")
def _() -> Made:
    def write(document: Any) -> None:
        document.sections[0].header.paragraphs[0].text = "Ville de Loos – Procès-verbal"
        document.sections[0].footer.paragraphs[0].text = "Page 1"
        document.add_heading("Procès-verbal du 3 mai", 0)
        document.add_heading("Énergie", 1)
        document.add_paragraph(SUN)
        document.add_heading("Vote", 2)
        for item in ("pour : vingt-deux voix ;", "contre : trois voix."):
            document.add_paragraph(item, style="List Bullet")
        table = document.add_table(2, 2)
        for cell, text in zip(
            (*table.row_cells(0), *table.row_cells(1)), ("Poste", "Montant", "Toit", "9 €"), strict=True
        ):
            cell.text = text

    return word(write), [
        "= Procès-verbal du 3 mai",
        f"Énergie | {SUN}",
        "Énergie › Vote | pour : vingt-deux voix ;",
        "Énergie › Vote | contre : trois voix.",
        "Énergie › Vote | Poste | Montant",
        "Énergie › Vote | Toit | 9 €",
    ]


@_file(
    "courrier-styles-maison.docx", "headings in styles of the house, which are based on « Heading 1 » and « Heading 2 »"
)
def _() -> Made:
    def write(document: Any) -> None:
        for name, base in (("Chapitre Mairie", "Heading 1"), ("Sous-chapitre Mairie", "Heading 2")):
            style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = document.styles[base]
        document.add_paragraph("L’eau", style="Chapitre Mairie")
        document.add_paragraph("La pluie", style="Sous-chapitre Mairie")
        document.add_paragraph(WATER)

    return word(write), ["= L’eau", f"La pluie | {WATER}"]


@_file("tableau-cellules-fusionnees.docx", "a table whose cells are joined over columns and rows")
def _() -> Made:
    def write(document: Any) -> None:
        table = document.add_table(3, 3)
        rows = (("École", "Effectif", ""), ("", "2022", "2023"), ("Ovide-Leroy", "112", "118"))
        for row, texts in zip(table.rows, rows, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
        table.cell(0, 1).merge(table.cell(0, 2))
        table.cell(0, 0).merge(table.cell(1, 0))

    return word(write), [
        "= Tableau cellules fusionnees",
        "| École | Effectif",
        "| 2022 | 2023",
        "| Ovide-Leroy | 112 | 118",
    ]


@_file("contrat-corrections-suivies.docx", "tracked changes: what was struck out is not read, what was put in is")
def _() -> Made:
    def write(document: Any) -> None:
        paragraph = document.add_paragraph("La salle est louée ")
        for tag, inner, text in (("w:del", "w:delText", "cent"), ("w:ins", "w:t", "deux cents")):
            change, run, words = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(inner)
            words.text = text
            run.append(words)
            change.append(run)
            paragraph._p.append(change)
        paragraph.add_run(" euros la journée.")

    return word(write), ["= Contrat corrections suivies", "| La salle est louée deux cents euros la journée."]


@_file("invitation-sauts-de-ligne.docx", "line breaks, tabs, non-breaking spaces and a hidden run within a paragraph")
def _() -> Made:
    def write(document: Any) -> None:
        paragraph = document.add_paragraph()
        paragraph.add_run("Le maire vous invite").add_break()
        paragraph.add_run("le samedi\u00a07\u00a0juin\tà 18\u00a0heures.")
        run = paragraph.add_run(" À supprimer avant envoi.")
        run.font.hidden = True

    return word(write), [
        "= Invitation sauts de ligne",
        "| Le maire vous invite le samedi\u00a07\u00a0juin à 18\u00a0heures.",
    ]


@_file("liens-et-champs.docx", "a link, and a field that Word computed (a date), by the words that are shown")
def _() -> Made:
    def write(document: Any) -> None:
        paragraph = document.add_paragraph("Le plan est sur ")
        link, run, words = OxmlElement("w:hyperlink"), OxmlElement("w:r"), OxmlElement("w:t")
        words.text = "le site de la ville"
        link.set(qn("w:anchor"), "plan")
        run.append(words)
        link.append(run)
        paragraph._p.append(link)
        paragraph.add_run(", mis à jour le ")
        field, run, words = OxmlElement("w:fldSimple"), OxmlElement("w:r"), OxmlElement("w:t")
        field.set(qn("w:instr"), "DATE")
        words.text = "3 mai 2024"
        run.append(words)
        field.append(run)
        paragraph._p.append(field)
        paragraph.add_run(".")

    return word(write), ["= Liens et champs", "| Le plan est sur le site de la ville, mis à jour le 3 mai 2024."]


# OpenDocument


@_file("charte.odt", "a title, headings of three levels, a footnote")
def _() -> Made:
    paragraph = odfdo.Paragraph("Les arbres sont conservés depuis 2013.")
    paragraph.insert_note(after="2013", note_id="n1", citation="1", body="Charte de 2013, article 2.")
    data = open_text(
        odfdo.Paragraph("Charte de l’arbre", style="Title"),
        odfdo.Header(1, "Principes"),
        odfdo.Header(2, "Conserver"),
        odfdo.Header(3, "En ville"),
        paragraph,
    )
    return data, [
        "= Charte de l’arbre",
        "Principes › Conserver › En ville | Les arbres sont conservés depuis 2013.",
        "Principes › Conserver › En ville | (note) Charte de 2013, article 2.",
    ]


@_file("listes-emboitees.odt", "a list within a list")
def _() -> Made:
    outer = odfdo.List(["trier :"])
    outer.get_elements("text:list-item")[0].append(odfdo.List(["le verre ;", "le papier."]))
    outer.append_item("composter.")
    return open_text(odfdo.Header(1, "Les gestes"), outer), [
        "= Les gestes",
        "| trier :",
        "| le verre ;",
        "| le papier.",
        "| composter.",
    ]


@_file("tarifs.odt", "a table, runs of spaces and tabs, a remark in its margin that is not part of the text")
def _() -> Made:
    table = odfdo.Table("Tarifs", width=2, height=2)
    table.set_values([["Salle", "Prix"], ["Le Chêne", "120 €"]])
    paragraph = odfdo.Paragraph("Les tarifs   sont\tvotés chaque année.")
    paragraph.insert_annotation(after="tarifs", body="À vérifier", creator="Service des finances")
    return open_text(odfdo.Header(1, "Tarifs des salles"), paragraph, table), [
        "= Tarifs des salles",
        "| Les tarifs sont votés chaque année.",
        "| Salle | Prix",
        "| Le Chêne | 120 €",
    ]


# Pages of the web

_MENU = "<nav><ul><li><a href='/'>Accueil</a></li><li><a href='/vie'>Vie municipale</a></li></ul></nav>"
_FOOT = "<footer><p>Mairie de Loos. Mentions légales. Nous contacter</p></footer>"


def _page(body: str, head: str = "", title: str = "La nature en ville") -> str:
    opening = f"<!DOCTYPE html><html lang='fr'><head>{head}<title>{title}</title></head>"
    return f"{opening}<body><header>{_MENU}</header><main>{body}</main>{_FOOT}</body></html>"


_ARTICLE = f"<h1>La nature en ville</h1><h2>Les arbres</h2><p>{TREES}</p><h2>La pluie</h2><p>{WATER}</p>"
_ARTICLE_SEEN = ["= La nature en ville", f"Les arbres | {TREES}", f"La pluie | {WATER}"]


@_file("page-utf-8.html", "a page in UTF-8, with a menu and a foot that are not its text")
def _() -> Made:
    return _page(_ARTICLE, "<meta charset='utf-8'>").encode(), _ARTICLE_SEEN


@_file("page-windows-1252.html", "a page in windows-1252 with curly apostrophes and €, which says so")
def _() -> Made:
    body = f"{_ARTICLE}<p>L’abonnement « vélo » coûte 12 € par an, à l’accueil de la mairie.</p>"
    return _page(body, "<meta charset='windows-1252'>").encode("cp1252"), [
        *_ARTICLE_SEEN,
        "La pluie | L’abonnement « vélo » coûte 12 € par an, à l’accueil de la mairie.",
    ]


@_file("page-iso-8859-15.html", "a page in ISO-8859-15: its œ and € lie elsewhere than in ISO-8859-1")
def _() -> Made:
    body = _ARTICLE.replace("’", "'") + "<p>Le cœur de ville a coûté 12 000 € à la commune en deux ans.</p>"
    return _page(body, "<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-15'>").encode(
        "iso-8859-15"
    ), [
        *(line.replace("’", "'") for line in _ARTICLE_SEEN),
        "La pluie | Le cœur de ville a coûté 12 000 € à la commune en deux ans.",
    ]


@_file("page-latin-1-qui-est-windows.html", "a page that says ISO-8859-1 and is windows-1252, as browsers take it")
def _() -> Made:
    body = f"{_ARTICLE}<p>L’œuvre « d’art » coûte 12 € au visiteur, le dimanche après-midi.</p>"
    return _page(body, "<meta charset='iso-8859-1'>").encode("cp1252"), [
        *_ARTICLE_SEEN,
        "La pluie | L’œuvre « d’art » coûte 12 € au visiteur, le dimanche après-midi.",
    ]


@_file("page-utf-16.html", "a page saved in UTF-16 by an old editor, with its byte-order mark")
def _() -> Made:
    return _page(_ARTICLE).encode("utf-16"), _ARTICLE_SEEN


@_file("page-charset-faux.html", "a page that says windows-1252 and is UTF-8")
def _() -> Made:
    return _page(_ARTICLE, "<meta charset='windows-1252'>").encode(), _ARTICLE_SEEN


@_file("page-entites-et-tableau.html", "entities, a table of prices, a list, a picture’s words")
def _() -> Made:
    body = (
        f"<h1>La m&eacute;diath&egrave;que</h1><p>{SUN}</p><h2>Les tarifs</h2>"
        "<p>L&rsquo;abonnement est gratuit jusqu&#8217;&agrave; dix-huit ans, "
        "et il est &agrave; 12&nbsp;&euro; apr&egrave;s.</p>"
        "<table><tr><th>Public</th><th>Prix</th></tr><tr><td>Adultes</td><td>12&nbsp;&euro;</td></tr></table>"
        "<ul><li>Apportez une pi&egrave;ce d&rsquo;identit&eacute;.</li></ul>"
    )
    return _page(body, title="La médiathèque").encode(), [
        "= La médiathèque",
        f"| {SUN}",
        "Les tarifs | L’abonnement est gratuit jusqu’à dix-huit ans, et il est à 12 € après.",
        "Les tarifs | Public | Prix",
        "Les tarifs | Adultes | 12 €",
        "Les tarifs | Apportez une pièce d’identité.",
    ]


# Markdown and plain text


@_file("fiche-entete.md", "a head of YAML, underlined headings, links and emphasis within sentences")
def _() -> Made:
    text = (
        "---\ntitle: Le verger\npublished: 2024-05-31\n---\nLe verger\n=========\n\nOù il est\n---------\n\n"
        "Le **verger** est [rue Basse](https://ville.example/verger), *au pied* du terril.\n"
    )
    return text.encode(), ["= Le verger", "Où il est | Le verger est rue Basse, au pied du terril."]


@_file("fiche-tableau.md", "a table, a nested list, a quotation and a comment, with the line ends of Windows")
def _() -> Made:
    text = (
        "# Les arbres\n\n| Année | Arbres |\n|---|---|\n| 2010 | 40 |\n\n- feuillus\n  - tilleul\n\n"
        "> « Un arbre par enfant. »\n\n<!-- à relire -->\n"
    )
    return text.replace("\n", "\r\n").encode("utf-8-sig"), [
        "= Les arbres",
        "| Année | Arbres",
        "| 2010 | 40",
        "| feuillus",
        "| tilleul",
        "| « Un arbre par enfant. »",
    ]


_NOTE = f"Les arbres de la ville\n\nLa rue des Frères-Martel\n\n{TREES}\n\nLa rue Basse\n\n{WATER}\n"
_NOTE_SEEN = ["= Les arbres de la ville", f"La rue des Frères-Martel | {TREES}", f"La rue Basse | {WATER}"]


@_file("note-windows.txt", "a text of Windows: cp1252, with its line ends")
def _() -> Made:
    return _NOTE.replace("\n", "\r\n").encode("cp1252"), _NOTE_SEEN


@_file("note-bom.txt", "a text in UTF-8 with a byte-order mark")
def _() -> Made:
    return _NOTE.encode("utf-8-sig"), _NOTE_SEEN


@_file("note-utf-16.txt", "a text that Windows calls « Unicode »: UTF-16 without a mark")
def _() -> Made:
    return _NOTE.encode("utf-16-le"), _NOTE_SEEN


@_file("note-mac.txt", "a text of an old Macintosh: MacRoman, its lines ended by CR")
def _() -> Made:
    return _NOTE.replace("\n", "\r").encode("mac_roman"), _NOTE_SEEN


@_file("note-decomposee.txt", "accents as letters and marks of their own (NFD), as a Macintosh names files")
def _() -> Made:
    import unicodedata

    return unicodedata.normalize("NFD", _NOTE).encode(), _NOTE_SEEN


# Sheets

_ROWS = (("Nom", "Rue", "Arbres"), ("Le Chêne", "rue Basse", "12"), ("L’Orme", "rue Haute", "7"))
_ROWS_SEEN = ["| Nom : Le Chêne ; Rue : rue Basse ; Arbres : 12", "| Nom : L’Orme ; Rue : rue Haute ; Arbres : 7"]


@_file("arbres-point-virgule.csv", "semicolons, in windows-1252, as Excel saves it in French")
def _() -> Made:
    return "\r\n".join(";".join(row) for row in _ROWS).encode("cp1252"), ["= Arbres point virgule", *_ROWS_SEEN]


@_file("arbres-virgule.csv", "commas, some of them in quoted cells, in UTF-8 with a mark")
def _() -> Made:
    rows = 'Nom,Adresse,Prix\n"Le Chêne, salle A","12, rue Basse","1,50"\n"L’Orme ""neuf""","7, rue Haute","2,00"\n'
    return rows.encode("utf-8-sig"), [
        "= Arbres virgule",
        "| Nom : Le Chêne, salle A ; Adresse : 12, rue Basse ; Prix : 1,50",
        '| Nom : L’Orme "neuf" ; Adresse : 7, rue Haute ; Prix : 2,00',
    ]


@_file("arbres-tabulation.csv", "tabs, under a title and a remark")
def _() -> Made:
    text = "Arbres de la ville\t\t\nAu 1er mai 2024\t\t\n" + "\n".join("\t".join(row) for row in _ROWS)
    return text.encode(), ["= Arbres tabulation", "| Arbres de la ville", "| Au 1er mai 2024", *_ROWS_SEEN]


@_file("permanences-retours-a-la-ligne.csv", "line breaks in quoted cells, empty cells and empty rows")
def _() -> Made:
    text = 'Service;Horaires;Lieu\nÉtat civil;"lundi 9 h\nmardi 14 h";mairie\n;;\nCCAS;jeudi 9 h;\n'
    return text.encode(), [
        "= Permanences retours a la ligne",
        "| Service : État civil ; Horaires : lundi 9 h mardi 14 h ; Lieu : mairie",
        "| Service : CCAS ; Horaires : jeudi 9 h",
    ]


@_file("subventions.xlsx", "several sheets, one of them hidden; dates, euros and shares as Excel shows them")
def _() -> Made:
    def fill(book: Any) -> None:
        first = book.active
        first.title = "Culture"
        first.append(["Association", "Versée le", "Montant", "Part"])
        first.append(["Les Amis", date(2024, 5, 31), 12000, 0.125])
        first["B2"].number_format, first["C2"].number_format = "dd/mm/yyyy", "#,##0 €"
        first["D2"].number_format = "0.0%"
        second = book.create_sheet("Sport")
        second.append(["Club", "Séance"])
        second.append(["Judo", datetime(2024, 9, 3, 18, 30)])
        hidden = book.create_sheet("Brouillon")
        hidden.append(["À revoir", "Secret"])
        hidden.sheet_state = "hidden"

    return _workbook(fill), [
        "= Subventions",
        "Culture | Association : Les Amis ; Versée le : 31/05/2024 ; Montant : 12\u202f000\u00a0€ ; Part : 12,5\u00a0%",
        "Sport | Club : Judo ; Séance : 03/09/2024 18:30",
    ]


@_file("effectifs-fusionnes.xlsx", "cells joined over rows and columns, under a title over the whole width")
def _() -> Made:
    def fill(book: Any) -> None:
        sheet = book.active
        sheet.append(["Effectifs des écoles", None, None])
        sheet.append(["École", "Classe", "Élèves"])
        sheet.append(["Ovide-Leroy", "CP", 24])
        sheet.append([None, "CE1", 22])
        sheet.append(["Victor-Hugo", "CP", 19])
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("A3:A4")

    return _workbook(fill), [
        "= Effectifs fusionnes",
        "| Effectifs des écoles",
        "| École : Ovide-Leroy ; Classe : CP ; Élèves : 24",
        "| École : Ovide-Leroy ; Classe : CE1 ; Élèves : 22",
        "| École : Victor-Hugo ; Classe : CP ; Élèves : 19",
    ]


@_file("releves.xlsx", "numbers and dates as text beside true ones, a formula, truths")
def _() -> Made:
    def fill(book: Any) -> None:
        sheet = book.active
        for row in (["Compteur", "Relevé", "Conforme"], ["École", 1234.5, True], ["Mairie", "0987", False]):
            sheet.append(row)

    return _workbook(fill), [
        "= Releves",
        "| Compteur : École ; Relevé : 1234,5 ; Conforme : Vrai",
        "| Compteur : Mairie ; Relevé : 0987 ; Conforme : Faux",
    ]


# Archives


@_file("dossier-du-conseil.zip", "files of several formats in folders, beside what a Macintosh adds")
def _() -> Made:
    members = {
        "Délibérations/arbres.txt": _NOTE.encode("cp1252"),
        "Délibérations/plan.html": _page(_ARTICLE).encode(),
        "liste.csv": ";".join(_ROWS[0]).encode() + b"\n" + ";".join(_ROWS[1]).encode() + b"\n",
        "__MACOSX/._liste.csv": b"\x00\x05\x16\x07",
        "photo.jpg": b"\xff\xd8\xff",
    }
    name = "dossier-du-conseil.zip"
    return _zipped(members), [
        f"{name}/Délibérations/arbres.txt {_NOTE_SEEN[0]}",
        *_NOTE_SEEN[1:],
        f"{name}/Délibérations/plan.html {_ARTICLE_SEEN[0]}",
        *_ARTICLE_SEEN[1:],
        f"{name}/liste.csv = Liste",
        _ROWS_SEEN[0],
    ]


@_file("archive-avec-un-fichier-abime.zip", "one damaged file among others: named, and the others read")
def _() -> Made:
    members = {"bon.md": f"# Le toit\n\n{SUN}\n".encode(), "casse.pdf": b"%PDF-1.7\n", "velo.md": BIKES.encode()}
    name = "archive-avec-un-fichier-abime.zip"
    return _zipped(members), [
        f"{name}/bon.md = Le toit",
        f"| {SUN}",
        f"{name}/velo.md = Velo",
        f"| {BIKES}",
        f"! {name}/casse.pdf : ce n’est pas un PDF, ou il est abîmé. Enregistrez-le à nouveau en PDF depuis son "
        "application.",
    ]


def read_files(folder: Path) -> Corpus:
    """All files, put into one empty corpus folder and read as a build reads them."""
    for name, _, make in FILES:
        (folder / name).write_bytes(make()[0])
    return read_corpus(folder)


def seen(corpus: Corpus, name: str) -> list[str]:
    """What was read of one file, in the form of what is expected of it."""
    lines: list[str] = []
    for document in documents_of(corpus, name):
        path = document.source.path
        lines.append(f"= {document.title}" if path == name else f"{path} = {document.title}")
        lines += _blocks(document)
    told = [item for item in (*corpus.skipped, *corpus.notices) if _is_of(item.path, name)]
    return [*lines, *(f"! {item.reason.removeprefix(f'{name} : ')}" for item in told)]


def documents_of(corpus: Corpus, name: str) -> list[Document]:
    """The documents of one file: several, if it is an archive."""
    return [document for document in corpus.documents if _is_of(document.source.path, name)]


def _is_of(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}/")


def _blocks(document: Document) -> Iterator[str]:
    names = {BlockKind.NOTE: "(note) ", BlockKind.CAPTION: "(légende) "}
    for section in document.sections:
        place = f"p. {section.page} | " if section.page else ""
        headings = f"{' › '.join(section.heading_path)} | ".lstrip()
        for block in section.blocks:
            if block.kind is not BlockKind.HEADING:
                yield f"{place}{headings}{names.get(block.kind, '')}{document.text[block.start : block.end]}"


def summary(corpus: Corpus) -> str:
    """The list of the files, each with what was read of it, as Markdown."""
    rows = []
    for number, (name, difficulty, make) in enumerate(FILES, start=1):
        found = documents_of(corpus, name)
        sections = [section for document in found for section in document.sections]
        pages = len({section.page for section in sections if section.page}) or "–"
        headings = len(
            {(document.id, s.heading_path) for document in found for s in document.sections if s.heading_path}
        )
        blocks = sum(block.kind is not BlockKind.HEADING for section in sections for block in section.blocks)
        result = "yes" if seen(corpus, name) == list(make()[1]) else "**no**"
        rows.append(f"| {number} | {name} | {difficulty} | {pages} | {headings} | {blocks} | {result} |")
    right = sum(row.endswith("| yes |") for row in rows)
    return "\n".join(
        [
            "# Files read as a person sees them",
            "",
            f"{right} of {len(rows)} give the title, headings, pages and text that a person sees, nothing else and in "
            "this order.",
            "The files are made by `tests/fifty_files.py` and `tests/fifty_pdfs.py`; `python -m tests.fifty_files` "
            "writes this list, and `tests/unit/test_fifty_files.py` keeps it true.",
            "",
            "| | file | difficulty | pages with text | heading paths | blocks | as seen |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        SUMMARY.write_text(summary(read_files(Path(made))), encoding="utf-8")
