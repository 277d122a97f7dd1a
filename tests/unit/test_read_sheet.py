"""CSV files and Excel workbooks, read as the lines that a person would say."""

import csv
import io
from datetime import date, datetime, time

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.corpus import read_blocks, read_document
from ingest.errors import UnreadableSource
from ingest.isolated import read_isolated
from ingest.normalise import normalise_block
from ingest.read_sheet import MAX_ROWS, read_csv, read_workbook


def workbook(*rows, write=lambda book: None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    write(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def shapes(blocks):
    return [(block.kind.value, block.text) for block in blocks]


ROWS = [
    ("list_item", "Nom : Culture commune ; Rue : 1, place de la République ; Créée en : 1990"),
    ("list_item", "Nom : Le Chêne ; Créée en : 2001"),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_a_csv_s_rows_are_lines_whatever_its_charset_and_delimiter(encoding, delimiter):
    rows = [
        ["Nom", "Rue", "Créée en"],
        ["Culture commune", '"1, place de la République"', "1990"],
        ["Le Chêne", "", "2001"],
    ]
    data = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
    assert shapes(read_blocks(data, "associations.csv").blocks) == ROWS


def test_a_csv_as_excel_writes_it_and_one_without_a_header():
    assert shapes(read_csv("sep=;\nNom;Âge\nAnne, Léa;12\n", "a.csv")) == [("list_item", "Nom : Anne, Léa ; Âge : 12")]
    assert shapes(read_csv("Anne;12\nLéa;7\n\n;\n", "a.csv")) == [("list_item", "Anne ; 12"), ("list_item", "Léa ; 7")]
    assert shapes(read_csv("un seul mot par ligne\net rien d’autre\n", "a.csv")) == [
        ("list_item", "un seul mot par ligne"),
        ("list_item", "et rien d’autre"),
    ]


def test_a_csv_that_cannot_be_a_table_is_refused():
    with pytest.raises(UnreadableSource, match=r"^a\.csv : le tableau ne se lit pas .* guillemet n’est sans doute pas"):
        read_csv('Nom;Rue\n"' + "a" * 200_000, "a.csv")
    with pytest.raises(UnreadableSource, match=r"^a\.csv : le tableau a plus de 50000 lignes"):
        read_csv("a;b\n" * (MAX_ROWS + 1), "a.csv")


def test_a_workbook_s_values_are_those_that_it_shows():
    def write(book):
        sheet = book.active
        sheet.title = "Subventions 2024"
        sheet["C4"].number_format = '#,##0.00 "€"'
        sheet["D4"].number_format = "0%"
        sheet["E5"].number_format = "#,##0"
        for name, state in (("Brouillon", "hidden"), ("Vide", "visible"), ("Horaires", "visible")):
            other = book.create_sheet(name)
            other.sheet_state = state
            if name != "Vide":
                other.append(["Jour", "Ouverture"])
                other.append(["lundi", time(8, 30)])

    data = workbook(
        ["Subventions aux associations"],
        [],
        ["Nom", "Votée le", "Montant", "Part", "Habitants", "Membre"],
        ["Culture commune", date(2024, 5, 31), 12500.5, 0.25, None, True],
        ["Le Chêne", datetime(2024, 6, 1, 18, 30), 1200, None, 6900, False],
        write=write,
    )
    assert shapes(read_workbook(data, "a.xlsx").blocks) == [
        ("heading", "Subventions 2024"),
        ("paragraph", "Subventions aux associations"),
        (
            "list_item",
            "Nom : Culture commune ; Votée le : 31/05/2024 ; Montant : 12\u202f500,50\u00a0€ ; Part : 25\u00a0% ; "
            "Membre : Vrai",
        ),
        (
            "list_item",
            "Nom : Le Chêne ; Votée le : 01/06/2024 18:30 ; Montant : 1200 ; Habitants : 6\u202f900 ; Membre : Faux",
        ),
        ("heading", "Horaires"),
        ("list_item", "Jour : lundi ; Ouverture : 08:30"),
    ]
    document = read_document(data, "a.xlsx", {})
    assert [section.heading_path for section in document.sections] == [("Subventions 2024",), ("Horaires",)]
    assert read_document(data, "a.xlsx", {}) == document


def test_a_sheet_s_default_name_is_no_heading_and_formulas_have_their_saved_value_only():
    data = workbook(["Nom", "Total"], ["Verger", "=1+1"], ["Serre", 2])
    assert shapes(read_workbook(data, "a.xlsx").blocks) == [
        ("list_item", "Nom : Verger"),
        ("list_item", "Nom : Serre ; Total : 2"),
    ]


def test_a_workbook_without_end_is_refused():
    def write(book):
        book.active.cell(MAX_ROWS + 1, 1, "loin")

    with pytest.raises(UnreadableSource, match=r"^a\.xlsx : le tableau a plus de 50000 lignes"):
        read_workbook(workbook(["Nom"], write=write), "a.xlsx")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "le fichier est vide"),
        (b"Nom;Rue", "abîmé ou n’a pas la bonne extension"),
        (workbook(["Nom"])[:2_000], "abîmé ou n’a pas la bonne extension"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "un fichier d’un ancien format"),
    ],
)
def test_what_is_no_workbook_is_explained(data, message):
    with pytest.raises(UnreadableSource) as caught:
        read_isolated(data, "a.xlsx")
    assert message in str(caught.value)


CELLS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12).map(normalise_block)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_every_cell_of_a_csv_is_in_its_line(rows):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow(["Nom", "Rue", "Jour"])
    writer.writerows(rows)
    blocks = read_csv("sep=;\n" + file.getvalue(), "a.csv")
    assert [block.text for block in blocks] == [f"Nom : {a} ; Rue : {b} ; Jour : {c}" for a, b, c in rows]
