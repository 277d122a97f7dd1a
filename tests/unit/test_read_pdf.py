"""PDFs made by reportlab, read as a person sees them."""

import io
from contextlib import suppress
from pathlib import Path

import matplotlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib import pdfencrypt
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from chatbot.answer import cite
from ingest import split
from ingest.corpus import read_blocks, read_document
from ingest.errors import UnreadableSource
from ingest.read_pdf import MAX_PAGES, read_pdf
from tests.fifty_pdfs import drawn, lines, with_raised

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=10.5, leading=13, alignment=4, spaceAfter=8)
HEADING = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=14, leading=18, spaceBefore=10, spaceAfter=6)
TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=22, leading=28, spaceAfter=12)
TEXTS = [
    f"Le quartier numéro {number} a engagé une démarche de transition avec ses habitants, en s’appuyant sur les "
    f"associations et sur les écoles. Il a planté {number}0 arbres le long de la ceinture verte."
    for number in range(1, 25)
]


def pdf(story, columns=1, has_margins=True):
    """A document of A4 pages, with a running head and page numbers."""

    def margins(canvas, document):
        if not has_margins:
            return
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, 805, "Bulletin municipal de Loos")
        canvas.drawRightString(535, 805, f"n° 12, page {document.page}")
        canvas.drawCentredString(297, 30, f"– {document.page} –")

    width = 475 / columns
    frames = [Frame(60 + width * n, 60, width - 12, 700, id=str(n)) for n in range(columns)]
    file = io.BytesIO()
    document = BaseDocTemplate(file, pagesize=A4, invariant=1)
    document.addPageTemplates([PageTemplate("main", frames, onPage=margins)])
    document.addPageTemplates([PageTemplate("wide", [Frame(60, 60, 475, 700)], onPage=margins)])
    document.build(story)
    return file.getvalue()


def shapes(blocks):
    return [(block.page, block.kind.value, block.level, block.text) for block in blocks]


def read(data):
    """In this process, so that a test is fast; the others go through `read_blocks`."""
    return read_pdf(data, "a.pdf")


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_headings_paragraphs_and_pages_are_those_that_one_sees(columns):
    story = [Paragraph("Le plan climat", TITLE)]
    for number, text in enumerate(TEXTS):
        if number % 8 == 0:
            story.append(Paragraph(f"Étape {number // 8 + 1} de la démarche", HEADING))
        story.append(Paragraph(text, BODY))
    story += [NextPageTemplate("wide"), PageBreak(), Paragraph("Et après", HEADING), Paragraph(TEXTS[0], BODY)]
    blocks = read(pdf(story, columns)).blocks
    found = [(block.kind.value, block.level, block.text) for block in blocks]
    assert found[0] == ("heading", 1, "Le plan climat")
    assert [text for kind, _, text in found if kind == "paragraph"] == [*TEXTS, TEXTS[0]]
    assert [(level, text) for kind, level, text in found if kind == "heading"][1:] == [
        (2, "Étape 1 de la démarche"),
        (2, "Étape 2 de la démarche"),
        (2, "Étape 3 de la démarche"),
        (2, "Et après"),
    ]
    assert not any("Bulletin" in text or "–" in text for _, _, text in found)
    pages = [block.page for block in blocks]
    assert pages == sorted(pages)
    assert pages[-1] > pages[-3]  # the last heading opens a page


def test_tables_are_rows_and_cells_of_several_lines_are_whole():
    cell = Paragraph("Théâtre, danse et musique dans tout le bassin minier, avec les écoles de la ville", BODY)
    rows = [["Association", "Objet", "Budget"], ["Culture commune", cell, "12 000 €"], ["Le Chêne", "Nature", ""]]
    for align in ("TOP", "MIDDLE", "BOTTOM"):
        table = Table(rows, colWidths=[110, 200, 80], style=[("VALIGN", (0, 0), (-1, -1), align)])
        story = [Paragraph(TEXTS[0], BODY), Spacer(1, 10), table, Spacer(1, 10), Paragraph("Le texte reprend.", BODY)]
        assert shapes(read(pdf(story, has_margins=False)).blocks) == [
            (1, "paragraph", 0, TEXTS[0]),
            (1, "list_item", 0, "Association | Objet | Budget"),
            (
                *(1, "list_item", 0),
                "Culture commune | Théâtre, danse et musique dans tout le bassin minier, avec les écoles de la ville"
                " | 12 000 €",
            ),
            (1, "list_item", 0, "Le Chêne | Nature"),
            (1, "paragraph", 0, "Le texte reprend."),
        ]


def test_a_table_that_goes_on_names_its_columns_anew():
    rows = [["Rue", "Arbres", "Essence"], *([f"rue {n}", str(n), "tilleul"] for n in range(60))]
    blocks = read(pdf([Table(rows, repeatRows=1, colWidths=120)])).blocks
    assert [block.page for block in blocks if block.text == "Rue | Arbres | Essence"] == [1, 2]
    assert sum("tilleul" in block.text for block in blocks) == 60


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (
            "La ville a posé des panneaux so-",
            "laires sur le toit.",
            "La ville a posé des panneaux solaires sur le toit.",
        ),
        ("La fête de Loos-en-", "Gohelle a lieu en mai.", "La fête de Loos-en-Gohelle a lieu en mai."),
        ("Le verger est peut-", "être le plus beau.", "Le verger est peut-être le plus beau."),
        ("Le conseil a choisi celui-", "ci sans hésiter.", "Le conseil a choisi celui-ci sans hésiter."),
        ("Les années 2010-", "2015 ont compté pour elle.", "Les années 2010-2015 ont compté pour elle."),
        (
            "Un éco-quartier et un autre éco-",
            "quartier plus loin.",
            "Un éco-quartier et un autre éco-quartier plus loin.",
        ),
        (
            "Les mots coupés – ou non –",
            "restent des mots entiers.",
            "Les mots coupés – ou non – restent des mots entiers.",
        ),
    ],
)
def test_words_parted_at_a_line_s_end_are_joined(first, second, joined):
    assert [block.text for block in read(drawn(lambda canvas: lines(canvas, [first, second]))).blocks] == [joined]


def test_a_sentence_goes_on_over_the_page():
    def draw(canvas):
        lines(canvas, ["La ville a planté des arbres le long de", "la ceinture verte, puis elle a"], y=90)
        canvas.showPage()
        lines(canvas, ["ouvert un verger pour tous. Il est", "au pied du terril."], y=700)

    assert shapes(read(drawn(draw)).blocks) == [
        (
            *(1, "paragraph", 0),
            "La ville a planté des arbres le long de la ceinture verte, puis elle a ouvert un verger pour tous. "
            "Il est au pied du terril.",
        )
    ]


def test_lists_notes_and_tables_of_contents():
    def draw(canvas):
        lines(canvas, ["Introduction ............ 3", "Les vergers . . . . . . . 12"], y=760)
        with_raised(canvas, 600, (("La ville a 200 m", "2", " de vergers"), (" depuis 2013", "1", " environ.")))
        lines(canvas, ["•  un pommier", "•  un poirier"], y=570)
        lines(canvas, ["1 Selon la mairie."], y=80, font=("Times-Roman", 8))

    assert [(block.kind.value, block.text) for block in read(drawn(draw)).blocks] == [
        ("caption", "Introduction … 3"),
        ("caption", "Les vergers … 12"),
        ("paragraph", "La ville a 200 m² de vergers depuis 2013 environ."),
        ("list_item", "un pommier"),
        ("list_item", "un poirier"),
        ("note", "1 Selon la mairie."),
    ]


def test_fonts_with_ligatures_and_accents_and_pages_that_are_turned():
    pdfmetrics.registerFont(TTFont("DejaVu", FONTS / "DejaVuSans.ttf"))
    text = ["L’œuvre du bénéﬁciaire « Cœur » coûte 12 € ; où ?", "Elle est ofﬁcielle."]

    def draw(canvas):
        lines(canvas, text, font=("DejaVu", 11))
        canvas.showPage()
        canvas.rotate(90)
        lines(canvas, ["Cette page est tournée d’un quart de tour,", "et son texte se lit pourtant."], x=100, y=-200)
        canvas.showPage()
        lines(canvas, ["Un texte droit, et un tampon de travers."])
        canvas.rotate(45)
        canvas.drawString(400, 100, "PROJET")

    assert [block.text for block in read(drawn(draw)).blocks] == [
        "L’œuvre du bénéficiaire « Cœur » coûte 12 € ; où ? Elle est officielle.",
        "Cette page est tournée d’un quart de tour, et son texte se lit pourtant.",
        "Un texte droit, et un tampon de travers.",
    ]


def scan(canvas):
    canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, *A4)


def test_scanned_pages_are_named_and_the_others_read():
    def draw(canvas):
        for number in range(1, 8):
            if number in (3, 4, 5, 7):
                scan(canvas)
            elif number != 6:  # which is blank
                lines(canvas, [f"Le texte de la page {number} se lit bien."])
            canvas.showPage()

    reading = read_blocks(drawn(draw), "scan.pdf")
    assert [block.page for block in reading.blocks] == [1, 2]
    assert reading.notices == (
        "pages 3 à 5 et 7 : images sans texte (scan). Passez ce PDF à la reconnaissance de caractères (OCR).",
    )
    with pytest.raises(UnreadableSource, match=r"^scan\.pdf : aucun texte à lire\. Page 1 : images sans texte"):
        read_blocks(drawn(scan), "scan.pdf")


def test_a_citation_leads_to_the_page():
    data = pdf([Paragraph(TEXTS[0], BODY), PageBreak(), Paragraph("Un titre", HEADING), Paragraph(TEXTS[1], BODY)])
    document = read_document(data, "plan.pdf", {"url": "https://ville.fr/plan.pdf"})
    passages = split(document, lambda text: len(text.split()), 200)
    citations = [cite(1, document, passage, passage.start, passage.end) for passage in passages]
    assert [(c.page, c.url, c.quote) for c in citations] == [
        (1, "https://ville.fr/plan.pdf#page=1", TEXTS[0]),
        (2, "https://ville.fr/plan.pdf#page=2", TEXTS[1]),
    ]
    assert citations[1].heading_path == ("Un titre",)
    assert read_document(data, "plan.pdf", {"url": "https://ville.fr/plan.pdf"}) == document


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "le fichier est vide"),
        (b"%PDF-1.7\n", "ce n’est pas un PDF, ou il est abîmé"),
        (b"\x89PNG\r\n", "ce n’est pas un PDF, ou il est abîmé"),
        (
            drawn(lambda canvas: lines(canvas, TEXTS[:1]), encrypt=pdfencrypt.StandardEncryption("secret", "autre")),
            "protégé par un mot de passe",
        ),
    ],
)
def test_what_is_no_readable_pdf_is_refused(data, message):
    with pytest.raises(UnreadableSource, match=f"a\\.pdf : .*{message}"):
        read(data)


def test_too_many_pages_are_refused_before_they_are_read():
    def draw(canvas):
        for _ in range(5_000):
            canvas.showPage()

    with pytest.raises(UnreadableSource, match=f"il a 5000 pages, la limite est de {MAX_PAGES}"):
        read(drawn(draw))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damage_never_raises_anything_else(data):
    whole = SAMPLE
    start = data.draw(st.integers(0, len(whole) - 1))
    size = data.draw(st.integers(1, 400))
    damaged = whole[:start] + data.draw(st.binary(max_size=40)) + whole[start + size :]
    with suppress(UnreadableSource):
        assert all(block.page == 1 for block in read(damaged).blocks)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.sampled_from("abcéàœ ’-.,0123456789ABC"), max_size=60), min_size=1, max_size=30))
def test_no_letter_is_lost_or_made_up(texts):
    data = drawn(lambda canvas: lines(canvas, texts, font=("Helvetica", 10)))
    letters = sorted(c for c in "".join(texts) if c.isalpha())
    assert sorted(c for block in read(data).blocks for c in block.text if c.isalpha()) == letters


SAMPLE = drawn(lambda canvas: lines(canvas, TEXTS[:4]), pageCompression=0)
