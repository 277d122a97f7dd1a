"""PDFs as a town hall has them, each with one difficulty, and what a person sees in it: see `tests.fifty_files`."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image
from reportlab.lib import pdfencrypt
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, FrameBreak, PageBreak, PageTemplate, Paragraph, Table

__all__ = ["PDFS", "drawn", "lines", "with_raised"]

Made = tuple[bytes, Sequence[str]]

PDFS: list[tuple[str, str, Callable[[], Made]]] = []
"""A file's name, its difficulty, and what makes it and says what is seen in it."""

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
for _name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol"):
    pdfmetrics.registerFont(TTFont(_name, _FONTS / f"{_name}.ttf"))

_BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=10.5, leading=13, alignment=4, spaceAfter=8)
_HEADING = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=14, leading=18, spaceBefore=10, spaceAfter=6)
_SMALL_HEADING = ParagraphStyle("small", parent=_HEADING, fontSize=12, leading=15)
_TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=22, leading=28, spaceAfter=12)

TREES = (
    "La commune a planté quarante tilleuls rue des Frères-Martel, entre l’école maternelle et la place du marché. "
    "Les habitants les ont arrosés tout l’été, avec l’eau de pluie du gymnase."
)
SUN = (
    "Le toit de l’église Saint-Vaast porte deux cents mètres carrés de panneaux solaires depuis deux mille treize. "
    "Leur électricité est vendue au réseau, et la recette paie l’éclairage des rues voisines."
)
WATER = (
    "Une noue recueille la pluie le long de la rue Basse. Elle s’infiltre dans le sol au lieu de rejoindre l’égout, "
    "ce qui évite les débordements les jours d’orage."
)
BIKES = (
    "Les cyclistes disposent de six kilomètres de voies séparées, de la gare jusqu’au pied des terrils. "
    "Un plan en est donné à l’accueil de la mairie et dans les commerces."
)


def _pdf(name: str, difficulty: str) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def register(make: Callable[[], Made]) -> Callable[[], Made]:
        PDFS.append((name, difficulty, make))
        return make

    return register


def drawn(draw: Callable[[Canvas], None], **options: Any) -> bytes:
    """A document drawn page by page."""
    file = io.BytesIO()
    canvas = Canvas(file, invariant=1, **options)
    draw(canvas)
    canvas.save()
    return file.getvalue()


def lines(
    canvas: Canvas,
    texts: Sequence[str],
    x: float = 72,
    y: float = 700,
    font: tuple[str, float] = ("Times-Roman", 11),
    step: float = 14,
) -> None:
    """Lines of text one below the other, from `y` on, in points."""
    canvas.setFont(*font)
    for number, text in enumerate(texts):
        canvas.drawString(x, y - number * step, text)


def with_raised(canvas: Canvas, y: float, parts: Sequence[tuple[str, str, str]]) -> None:
    """A line, each part of it words, a raised figure or letter, and what follows."""
    text = canvas.beginText(72, y)
    for words, raised, after in parts:
        text.setFont("Times-Roman", 11)
        text.textOut(words)
        text.setFont("Times-Roman", 7)
        text.setRise(4)
        text.textOut(raised)
        text.setFont("Times-Roman", 11)
        text.setRise(0)
        text.textOut(after)
    canvas.drawText(text)


def _wrapped(text: str, width: float, font: tuple[str, float] = ("Times-Roman", 11)) -> list[str]:
    """A text's lines as a word processor breaks them in this width, in points."""
    broken = [""]
    for word in text.split(" "):
        longer = f"{broken[-1]} {word}".strip()
        if stringWidth(longer, *font) <= width:
            broken[-1] = longer
        else:
            broken.append(word)
    return broken


def _laid_out(
    story: list[Any],
    margins: Callable[[Canvas, Any], None] = lambda canvas, document: None,
    columns: int = 1,
    size: tuple[float, float] = A4,
) -> bytes:
    width = (size[0] - 120) / columns
    frames = [Frame(60 + width * n, 60, width - 14, size[1] - 140, id=str(n)) for n in range(columns)]
    file = io.BytesIO()
    document = BaseDocTemplate(file, pagesize=size, invariant=1)
    document.addPageTemplates([PageTemplate("main", frames, onPage=margins)])
    document.build(story)
    return file.getvalue()


@_pdf("compte-rendu-du-conseil.pdf", "running heads and page numbers, a sentence that goes on over the page")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        for number in (1, 2, 3):
            lines(canvas, ["Ville de Loos – Conseil municipal du 12 mars 2024"], y=805, font=("Helvetica", 8))
            canvas.drawRightString(540, 30, f"Page {number} sur 3")
            if number == 1:
                lines(canvas, ["Compte rendu du conseil municipal"], y=760, font=("Helvetica-Bold", 20))
                lines(canvas, ["Approbation du budget"], y=720, font=("Helvetica-Bold", 13))
                lines(canvas, ["Le budget de la ville est adopté à l’unanimité, et le conseil en"], y=90)
            elif number == 2:
                lines(canvas, ["remercie les services. La séance continue."], y=770)
                lines(canvas, ["Questions diverses"], y=720, font=("Helvetica-Bold", 13))
                lines(canvas, ["Le marché aura lieu le samedi."], y=700)
            else:
                lines(canvas, ["La séance est levée à vingt-deux heures."], y=770)
            canvas.showPage()

    return drawn(draw), [
        "= Compte rendu du conseil municipal",
        "p. 1 | Approbation du budget | Le budget de la ville est adopté à l’unanimité, et le conseil en remercie les "
        "services. La séance continue.",
        "p. 2 | Questions diverses | Le marché aura lieu le samedi.",
        "p. 3 | Questions diverses | La séance est levée à vingt-deux heures.",
    ]


@_pdf("lettre-du-maire.pdf", "an embedded TrueType font with ligatures, accents, œ, € and curly quotes")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Lettre aux bénéﬁciaires"], y=760, font=("DejaVuSans-Bold", 18))
        lines(canvas, ["L’œuvre « Cœur de ville » coûte 12 000 € ; où ? À Noël."], font=("DejaVuSans", 11))
        lines(canvas, ["Elle est ofﬁcielle, ﬂeurie, eﬀective et aﬃchée."], y=686, font=("DejaVuSans", 11))

    return drawn(draw), [
        "= Lettre aux bénéficiaires",
        "p. 1 | | L’œuvre « Cœur de ville » coûte 12 000 € ; où ? À Noël. Elle est officielle, fleurie, effective et "
        "affichée.",
    ]


@_pdf("programme-de-la-fete.pdf", "words in italics and bold within a sentence, in three fonts")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["La fête des terrils"], y=760, font=("STIXGeneralBol", 22))
        text = canvas.beginText(72, 700)
        for words, font in (
            ("La compagnie ", "DejaVuSerif"),
            ("Les Gens d’en bas", "DejaVuSerif-Italic"),
            (" joue à ", "DejaVuSerif"),
            ("20 h 30", "DejaVuSans-Bold"),
            (" sur la place.", "DejaVuSerif"),
        ):
            text.setFont(font, 11)
            text.textOut(words)
        canvas.drawText(text)

    return drawn(draw), [
        "= La fête des terrils",
        "p. 1 | | La compagnie Les Gens d’en bas joue à 20 h 30 sur la place.",
    ]


@_pdf("bulletin-deux-colonnes.pdf", "two columns under a title of the whole width")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Le bulletin du printemps : ce qui change en ville"], y=770, font=("Helvetica-Bold", 20))
        for x, heading, texts in ((60, "Les arbres", (TREES, WATER)), (310, "Le soleil", (SUN, BIKES))):
            lines(canvas, [heading], x=x, y=730, font=("Helvetica-Bold", 13))
            y = 708.0
            for text in texts:
                wrapped = _wrapped(text, 225)
                lines(canvas, wrapped, x=x, y=y)
                y -= 14 * len(wrapped) + 8

    return drawn(draw), [
        "= Le bulletin du printemps : ce qui change en ville",
        f"p. 1 | Les arbres | {TREES}",
        f"p. 1 | Les arbres | {WATER}",
        f"p. 1 | Le soleil | {SUN}",
        f"p. 1 | Le soleil | {BIKES}",
    ]


@_pdf("depliant-trois-volets.pdf", "a leaflet: three panels on a landscape page")
def _() -> Made:
    story: list[Any] = []
    for heading, text in (("Marcher", TREES), ("Pédaler", BIKES), ("Économiser l’eau", WATER)):
        story += [Paragraph(heading, _HEADING), Paragraph(text, _BODY), Paragraph(SUN, _BODY), FrameBreak()]
    return _laid_out(story, columns=3, size=landscape(A4)), [
        "= Depliant trois volets",
        f"p. 1 | Marcher | {TREES}",
        f"p. 1 | Marcher | {SUN}",
        f"p. 1 | Pédaler | {BIKES}",
        f"p. 1 | Pédaler | {SUN}",
        f"p. 1 | Économiser l’eau | {WATER}",
        f"p. 1 | Économiser l’eau | {SUN}",
    ]


@_pdf("article-cesures.pdf", "words parted at lines’ ends, by hyphens and by soft hyphens, beside true compounds")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        texts = [
            "La ville a posé des panneaux so-",
            "laires sur le toit du gymnase Jean-",
            "Jaurès, avec la coopéra\u00ad",
            "tive des habitants de Loos-en-",
            "Gohelle, qui est peut-être la plus grande.",
        ]
        lines(canvas, texts, font=("DejaVuSerif", 11))

    return drawn(draw), [
        "= Article cesures",
        "p. 1 | | La ville a posé des panneaux solaires sur le toit du gymnase Jean-Jaurès, avec la coopérative des "
        "habitants de Loos-en-Gohelle, qui est peut-être la plus grande.",
    ]


@_pdf("budget-primitif.pdf", "a ruled table of amounts, set right in their columns, and a sum in bold")
def _() -> Made:
    rows = [
        ["Chapitre", "Dépenses 2023", "Dépenses 2024"],
        ["Énergie", "412 300 €", "388 150 €"],
        ["Écoles", "1 204 000 €", "1 256 000 €"],
        ["Total", "1 616 300 €", "1 644 150 €"],
    ]
    style = [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("ALIGN", (1, 0), (-1, -1), "RIGHT")]
    style += [("FONTNAME", (0, 3), (-1, 3), "Helvetica-Bold")]
    table = Table(rows, colWidths=[150, 120, 120], style=style)
    story = [Paragraph("Budget primitif", _TITLE), Paragraph(SUN, _BODY), table]
    return _laid_out(story), [
        "= Budget primitif",
        f"p. 1 | | {SUN}",
        "p. 1 | | Chapitre | Dépenses 2023 | Dépenses 2024",
        "p. 1 | | Énergie | 412 300 € | 388 150 €",
        "p. 1 | | Écoles | 1 204 000 € | 1 256 000 €",
        "p. 1 | | Total | 1 616 300 € | 1 644 150 €",
    ]


@_pdf("liste-des-associations.pdf", "a table over two pages, its header repeated, cells of several lines")
def _() -> Made:
    cell = ParagraphStyle("cell", parent=_BODY, alignment=0, spaceAfter=0)
    objects = "Théâtre, danse et musique dans tout le bassin minier, avec les écoles"
    rows: list[list[Any]] = [["Association", "Objet", "Téléphone"]]
    rows += [[f"Les Amis {number}", Paragraph(objects, cell), f"03 21 00 00 {number:02}"] for number in range(1, 25)]
    table = Table(rows, colWidths=[110, 180, 110], repeatRows=1, style=[("VALIGN", (0, 0), (-1, -1), "TOP")])
    header = "Association | Objet | Téléphone"
    on_first = 20
    return _laid_out([Paragraph("Les associations", _TITLE), table]), [
        "= Les associations",
        f"p. 1 | | {header}",
        *(f"p. 1 | | Les Amis {n} | {objects} | 03 21 00 00 {n:02}" for n in range(1, on_first)),
        f"p. 2 | | {header}",
        *(f"p. 2 | | Les Amis {n} | {objects} | 03 21 00 00 {n:02}" for n in range(on_first, 25)),
    ]


@_pdf("etude-avec-notes.pdf", "footnotes at a page’s foot, their calls raised in the text")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Étude sur les terrils"], y=770, font=("Helvetica-Bold", 18))
        with_raised(canvas, 720, (("Les terrils jumeaux", "1", " culminent à 186 mètres"), (",", "2", " dit-on.")))
        lines(canvas, ["Ils sont classés depuis 2012."], y=700)
        lines(
            canvas, ["1. Bassin minier.", "2. Mesure de l’office du tourisme."], y=90, font=("Times-Roman", 8), step=10
        )

    return drawn(draw), [
        "= Étude sur les terrils",
        "p. 1 | | Les terrils jumeaux culminent à 186 mètres, dit-on. Ils sont classés depuis 2012.",
        "p. 1 | | (note) 1. Bassin minier.",
        "p. 1 | | (note) 2. Mesure de l’office du tourisme.",
    ]


def _scan(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, *A4)


@_pdf("deliberations-en-partie-numerisees.pdf", "scanned pages among pages of text: named, and the others read")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Recueil des actes"], y=770, font=("Helvetica-Bold", 18))
        lines(canvas, ["Le recueil réunit les actes de l’année."])
        canvas.showPage()
        for _ in range(2):
            _scan(canvas)
            canvas.showPage()
        lines(canvas, ["Le dernier acte est du 3 décembre."])

    return drawn(draw), [
        "= Recueil des actes",
        "p. 1 | | Le recueil réunit les actes de l’année.",
        "p. 4 | | Le dernier acte est du 3 décembre.",
        "! pages 2 à 3 : images sans texte (scan). Passez ce PDF à la reconnaissance de caractères (OCR).",
    ]


@_pdf("arrete-numerise-ocr.pdf", "a scan with the invisible text that character recognition put under it")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        _scan(canvas)
        text = canvas.beginText(72, 700)
        text.setFont("Helvetica", 11)
        text.setTextRenderMode(3)
        text.textLines(["La circulation est interdite rue Basse", "le dimanche de huit heures à midi."])
        canvas.drawText(text)

    return drawn(draw), [
        "= Arrete numerise ocr",
        "p. 1 | | La circulation est interdite rue Basse le dimanche de huit heures à midi.",
    ]


@_pdf("plan-de-circulation.pdf", "a page that the viewer turns (/Rotate), and one whose text runs upwards")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.saveState()
        canvas.translate(595, 0)
        canvas.rotate(90)
        lines(canvas, ["Le sens unique de la rue Basse", "commence au pont."], x=100, y=300)
        canvas.restoreState()
        canvas.showPage()
        canvas.setPageRotation(0)
        canvas.rotate(90)
        lines(canvas, ["La rue Haute reste à double sens,", "jusqu’à l’école."], x=100, y=-200)

    return drawn(draw), [
        "= Plan de circulation",
        "p. 1 | | Le sens unique de la rue Basse commence au pont.",
        "p. 2 | | La rue Haute reste à double sens, jusqu’à l’école.",
    ]


@_pdf("formulaire-rempli.pdf", "a form: what was typed into its fields is seen on the page")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Demande de subvention"], y=770, font=("Helvetica-Bold", 18))
        lines(canvas, ["L’association demande une aide pour son jardin partagé."], y=720)
        lines(canvas, ["Association :"], y=690)
        canvas.acroForm.textfield(
            name="association", value="Les Jardins du terril", x=140, y=684, width=200, height=18, borderWidth=0
        )

    return drawn(draw), [
        "= Demande de subvention",
        "p. 1 | | L’association demande une aide pour son jardin partagé.",
        "p. 1 | | Association : Les Jardins du terril",
    ]


@_pdf("affiche-espacee.pdf", "a title in spaced letters, and text set by moving each word")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 20)
        canvas.drawString(72, 760, "LE MARCHÉ DE NOËL", charSpace=3)
        x = 72.0
        canvas.setFont("Times-Roman", 11)
        for word in ("Il", "se", "tient", "sur", "la", "place", "de", "la", "mairie", "le", "samedi."):
            canvas.drawString(x, 700, word)
            x += stringWidth(word, "Times-Roman", 11) + 4.2

    return drawn(draw), [
        "= LE MARCHÉ DE NOËL",
        "p. 1 | | Il se tient sur la place de la mairie le samedi.",
    ]


@_pdf("avis-faux-gras.pdf", "a bold that is made by printing the words twice, a hair apart")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        for shift in (0, 0.3):
            lines(canvas, ["Avis aux riverains"], x=72 + shift, y=760, font=("Helvetica", 18))
        for shift in (0, 0.25):
            lines(canvas, ["La rue sera fermée lundi."], x=72 + shift)

    return drawn(draw), ["= Avis aux riverains", "p. 1 | | La rue sera fermée lundi."]


@_pdf("reglement-interieur.pdf", "headings of three sizes, numbered")
def _() -> Made:
    story = [
        Paragraph("Règlement de la salle des fêtes", _TITLE),
        Paragraph("1. Réserver", _HEADING),
        Paragraph("1.1 Qui peut réserver", _SMALL_HEADING),
        Paragraph(TREES, _BODY),
        Paragraph("1.2 Quand réserver", _SMALL_HEADING),
        Paragraph(WATER, _BODY),
        Paragraph("2. Rendre les clés", _HEADING),
        Paragraph(BIKES, _BODY),
    ]
    return _laid_out(story), [
        "= Règlement de la salle des fêtes",
        f"p. 1 | 1. Réserver › 1.1 Qui peut réserver | {TREES}",
        f"p. 1 | 1. Réserver › 1.2 Quand réserver | {WATER}",
        f"p. 1 | 2. Rendre les clés | {BIKES}",
    ]


@_pdf("note-titres-en-gras.pdf", "headings of the text’s own size, told by their bold alone")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        y = 740.0
        for heading, text in (("L’eau de pluie", WATER), ("Les arbres", TREES)):
            lines(canvas, [heading], y=y, font=("Times-Bold", 11))
            wrapped = _wrapped(text, 440)
            lines(canvas, wrapped, y=y - 16)
            y -= 16 + 14 * len(wrapped) + 12

    return drawn(draw), [
        "= Note titres en gras",
        f"p. 1 | L’eau de pluie | {WATER}",
        f"p. 1 | Les arbres | {TREES}",
    ]


@_pdf("conseils-liste-a-puces.pdf", "bullets of a font of symbols, items of two lines, a numbered list")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Pour économiser l’eau, la ville conseille :"], y=740)
        for number, item in enumerate(
            (["fermer le robinet pendant que", "l’on se lave les dents ;"], ["réparer les fuites."])
        ):
            y = 720 - 30 * number
            canvas.setFont("ZapfDingbats", 9)
            canvas.drawString(80, y, "n")
            lines(canvas, item, x=95, y=y)
        lines(canvas, ["1. Relever le compteur le soir.", "2. Le relever le matin."], x=80, y=650)

    return drawn(draw), [
        "= Conseils liste a puces",
        "p. 1 | | Pour économiser l’eau, la ville conseille :",
        "p. 1 | | fermer le robinet pendant que l’on se lave les dents ;",
        "p. 1 | | réparer les fuites.",
        "p. 1 | | 1. Relever le compteur le soir.",
        "p. 1 | | 2. Le relever le matin.",
    ]


@_pdf("rapport-avec-sommaire.pdf", "a table of contents with dotted leaders before the text")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Rapport annuel"], y=770, font=("Helvetica-Bold", 20))
        lines(canvas, ["Les arbres ................................ 2", "Le soleil . . . . . . . . . . . . . 3"], y=720)
        canvas.showPage()
        for heading, text in (("Les arbres", TREES), ("Le soleil", SUN)):
            lines(canvas, [heading], y=770, font=("Helvetica-Bold", 14))
            lines(canvas, _wrapped(text, 440), y=745)
            canvas.showPage()

    return drawn(draw), [
        "= Rapport annuel",
        "p. 1 | | (légende) Les arbres … 2",
        "p. 1 | | (légende) Le soleil … 3",
        f"p. 2 | Les arbres | {TREES}",
        f"p. 3 | Le soleil | {SUN}",
    ]


@_pdf("projet-de-charte.pdf", "« PROJET » printed across the page behind the text")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(150, 250)
        canvas.rotate(45)
        canvas.setFillGray(0.85)
        lines(canvas, ["PROJET"], x=100, y=100, font=("Helvetica-Bold", 90))
        canvas.restoreState()
        lines(canvas, _wrapped(TREES, 440))

    return drawn(draw), ["= Projet de charte", f"p. 1 | | {TREES}"]


@_pdf("affiche-d-imprimeur.pdf", "a printer’s page: its marks and file name lie outside what is seen (/CropBox)")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.setCropBox((60, 60, 535, 780))
        lines(canvas, ["affiche_v3_DEF.indd  12/03/24  Cyan Magenta"], x=70, y=815, font=("Helvetica", 7))
        lines(canvas, _wrapped(BIKES, 400), x=80)

    return drawn(draw), ["= Affiche d imprimeur", f"p. 1 | | {BIKES}"]


@_pdf("deliberation.pdf", "a deliberation: raised « er », abbreviations, articles as headings in bold")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Délibération n° 2024-12"], y=770, font=("Helvetica-Bold", 18))
        lines(canvas, ["Vu le code général des collectivités territoriales, art. L. 2121-29 ;"], y=730)
        lines(canvas, ["Considérant que la rue Basse est inondée lors des orages,"], y=708)
        text = canvas.beginText(72, 680)
        for words, size, rise in (("Article 1", 11, 0), ("er", 7, 4)):
            text.setFont("Times-Bold", size)
            text.setRise(rise)
            text.textOut(words)
        canvas.drawText(text)
        lines(canvas, ["Le conseil approuve la création d’une noue."], y=662)
        lines(canvas, ["Article 2"], y=634, font=("Times-Bold", 11))
        lines(canvas, ["M. le Maire est chargé de l’exécution de la présente."], y=616)

    return drawn(draw), [
        "= Délibération n° 2024-12",
        "p. 1 | | Vu le code général des collectivités territoriales, art. L. 2121-29 ;",
        "p. 1 | | Considérant que la rue Basse est inondée lors des orages,",
        "p. 1 | Article 1er | Le conseil approuve la création d’une noue.",
        "p. 1 | Article 2 | M. le Maire est chargé de l’exécution de la présente.",
    ]


@_pdf("magazine-lettrine.pdf", "a drop cap: the first letter is three lines high")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Les arbres de la rue"], y=770, font=("Helvetica-Bold", 18))
        lines(canvas, ["L"], y=702, font=("Times-Roman", 46))
        words = f"{TREES} {WATER}"[1:]
        beside = _wrapped(words, 410)[:3]
        lines(canvas, beside, x=102, y=730)
        rest = words[len(" ".join(beside)) + 1 :]
        lines(canvas, _wrapped(rest, 440), y=730 - 14 * 3)

    return drawn(draw), ["= Les arbres de la rue", f"p. 1 | | {TREES} {WATER}"]


@_pdf("page-avec-encadre.pdf", "a box beside the text, with its own heading, on a grey ground")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Le plan vélo des écoles de Loos-en-Gohelle"], y=770, font=("Helvetica-Bold", 20))
        y = 730.0
        for text in (BIKES, TREES):
            wrapped = _wrapped(text, 280)
            lines(canvas, wrapped, y=y)
            y -= 14 * len(wrapped) + 8
        canvas.setFillGray(0.9)
        canvas.rect(385, 560, 160, 180, stroke=0, fill=1)
        canvas.setFillGray(0)
        lines(canvas, ["En savoir plus"], x=395, y=720, font=("Helvetica-Bold", 13))
        lines(canvas, _wrapped(WATER, 140, ("Helvetica", 9)), x=395, y=700, font=("Helvetica", 9), step=11)

    return drawn(draw), [
        "= Le plan vélo des écoles de Loos-en-Gohelle",
        f"p. 1 | | {BIKES}",
        f"p. 1 | | {TREES}",
        f"p. 1 | En savoir plus | {WATER}",
    ]


@_pdf("titre-sur-deux-lignes.pdf", "a title in capitals over two lines, set in the middle")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawCentredString(297, 770, "PLAN DE SAUVEGARDE DES ARBRES")
        canvas.drawCentredString(297, 748, "ET DES HAIES DE LA VILLE")
        lines(canvas, _wrapped(TREES, 440))

    return drawn(draw), [
        "= PLAN DE SAUVEGARDE DES ARBRES ET DES HAIES DE LA VILLE",
        f"p. 1 | | {TREES}",
    ]


@_pdf("bilan-carbone.pdf", "m², CO₂, n° and 1ᵉʳ: raised and lowered signs that belong to the words")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(72, 700)
        parts = [("La ferme de 450 m", 0), ("2", 4), (" évite 12 tonnes de CO", 0), ("2", -2), (" depuis le 1", 0)]
        for words, rise in [*parts, ("er", 4), (" mai, dit l’arrêté n° 7.", 0)]:
            text.setFont("Times-Roman", 7 if rise else 11)
            text.setRise(rise)
            text.textOut(words)
        canvas.drawText(text)

    return drawn(draw), [
        "= Bilan carbone",
        "p. 1 | | La ferme de 450 m² évite 12 tonnes de CO2 depuis le 1er mai, dit l’arrêté n° 7.",
    ]


@_pdf("plaquette-dans-le-desordre.pdf", "a file that draws its foot first and its title last")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, _wrapped(WATER, 440), y=500)
        lines(canvas, ["La pluie"], y=525, font=("Helvetica-Bold", 13))
        lines(canvas, _wrapped(TREES, 440), y=650)
        lines(canvas, ["Les arbres"], y=675, font=("Helvetica-Bold", 13))
        lines(canvas, ["La nature en ville"], y=770, font=("Helvetica-Bold", 22))

    return drawn(draw), [
        "= La nature en ville",
        f"p. 1 | Les arbres | {TREES}",
        f"p. 1 | La pluie | {WATER}",
    ]


@_pdf("document-protege-contre-la-copie.pdf", "a file that forbids copying but opens without a password")
def _() -> Made:
    lock = pdfencrypt.StandardEncryption("", "secret", canPrint=0, canCopy=0)
    return drawn(lambda canvas: lines(canvas, _wrapped(SUN, 440)), encrypt=lock), [
        "= Document protege contre la copie",
        f"p. 1 | | {SUN}",
    ]


@_pdf("agenda-du-mois.pdf", "an agenda: a column of dates beside a column of what happens")
def _() -> Made:
    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Agenda de mai"], y=770, font=("Helvetica-Bold", 18))
        for number, (day, what) in enumerate((("3 mai", "Bourse aux plantes"), ("8 mai", "Cérémonie au monument"))):
            lines(canvas, [day], y=720 - 24 * number, font=("Helvetica-Bold", 11))
            lines(canvas, [what], x=160, y=720 - 24 * number)

    return drawn(draw), [
        "= Agenda de mai",
        "p. 1 | | 3 mai | Bourse aux plantes",
        "p. 1 | | 8 mai | Cérémonie au monument",
    ]


@_pdf("journal-deux-colonnes-suite.pdf", "two columns on two pages: a sentence goes on in the next column and page")
def _() -> Made:
    def margins(canvas: Canvas, document: Any) -> None:
        lines(canvas, ["Le Journal de la ville"], x=60, y=815, font=("Helvetica-Oblique", 8))
        canvas.drawCentredString(297, 30, str(document.page))

    texts = [f"{text} Il en est ainsi depuis {2000 + n} ans." for n in range(7) for text in (TREES, SUN, WATER, BIKES)]
    story = [Paragraph("Le journal", _TITLE), *(Paragraph(text, _BODY) for text in texts)]
    return _laid_out(story, margins, columns=2), [
        "= Le journal",
        *(f"p. {1 if n < 20 else 2} | | {text}" for n, text in enumerate(texts)),
    ]


@_pdf("guide-police-type-1.pdf", "text in a Type 1 font that is embedded, and a page left blank between")
def _() -> Made:
    import reportlab

    folder = Path(reportlab.__file__).parent / "fonts"
    face = pdfmetrics.EmbeddedType1Face(folder / "DarkGardenMK.afm", folder / "DarkGardenMK.pfb")
    pdfmetrics.registerTypeFace(face)
    pdfmetrics.registerFont(pdfmetrics.Font("DarkGardenMK", face.name, "WinAnsiEncoding"))

    def draw(canvas: Canvas) -> None:
        lines(canvas, ["Bienvenue au jardin des terrils"], font=("DarkGardenMK", 14))
        canvas.showPage()
        canvas.showPage()
        lines(canvas, ["Le jardin est ouvert à tous."], font=("Times-Roman", 14))

    return drawn(draw), [
        "= Guide police type 1",
        "p. 1 | | Bienvenue au jardin des terrils",
        "p. 3 | | Le jardin est ouvert à tous.",
    ]


@_pdf("chapitres.pdf", "each chapter on a page of its own, its text under the heading of the page before")
def _() -> Made:
    story = [Paragraph("Le plan climat", _TITLE), Paragraph("Énergie", _HEADING), Paragraph(SUN, _BODY), PageBreak()]
    story += [Paragraph(WATER, _BODY), PageBreak(), Paragraph("Nature", _HEADING), Paragraph(TREES, _BODY)]
    return _laid_out(story), [
        "= Le plan climat",
        f"p. 1 | Énergie | {SUN}",
        f"p. 2 | Énergie | {WATER}",
        f"p. 3 | Nature | {TREES}",
    ]
