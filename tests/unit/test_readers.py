from pathlib import Path

import pytest

from ingest.assemble import ReadBlock, document_id
from ingest.decode import decode
from ingest.document import BlockKind
from ingest.errors import InvalidEntry, UnreadableSource
from ingest.read_html import read_html
from ingest.read_markdown import read_markdown
from ingest.read_text import read_text

PAGE = Path(__file__).parents[2] / "corpus" / "originals" / "resilience-et-transition.txt"


def shapes(blocks):
    return [(block.kind.value, block.text.strip(), block.level) for block in blocks]


def test_markdown_structure():
    blocks, front = read_markdown(
        "---\ntitle: Énergie\npublished: 2024-05-31\n---\n"
        "# Énergie\n\nLa ville **agit**,\nsans [attendre](https://x.fr) &amp; `vite`.\n\n"
        "![Toit *recouvert*](toit.jpg)\n\n## Lieux\n\n- un verger\n- une serre\n\n> Une citation.\n\n"
        "| Année | Arbres |\n|---|---|\n| 2010 | 40 |\n\n<!-- à revoir -->\n\n<div>Un encadré</div>\n",
        "energie.md",
    )
    assert front == {"title": "Énergie", "published": "2024-05-31"}
    assert shapes(block for block in blocks if block.text.strip()) == [
        ("heading", "Énergie", 1),
        ("paragraph", "La ville agit,\nsans attendre & vite.", 0),
        ("caption", "Toit recouvert", 0),
        ("heading", "Lieux", 2),
        ("list_item", "un verger", 0),
        ("list_item", "une serre", 0),
        ("paragraph", "Une citation.", 0),
        ("list_item", "Année | Arbres", 0),
        ("list_item", "2010 | 40", 0),
        ("paragraph", "Un encadré", 0),
    ]


def test_markdown_without_front_matter_or_headings():
    assert read_markdown("Une ligne.\n\n---\n\nUne autre.", "a.md") == (
        [ReadBlock(BlockKind.PARAGRAPH, "Une ligne."), ReadBlock(BlockKind.PARAGRAPH, "Une autre.")],
        {},
    )


@pytest.mark.parametrize("matter", ["title: [a", "- a\n- b", "juste du texte"])
def test_a_wrong_front_matter_is_named(matter):
    with pytest.raises(InvalidEntry, match=r"notes\.md : l’en-tête"):
        read_markdown(f"---\n{matter}\n---\nTexte.", "notes.md")


def test_html_main_content_with_headings_lists_and_captions():
    blocks, title = read_html(
        "<html><head><title>Agenda 21 | Ville</title></head><body>"
        "<nav><a href='/'>Accueil</a> <a href='/s'>Services</a></nav>"
        "<main><h1>Agenda 21</h1><p>La ville s’est engagée dans un Agenda 21. La démarche associe les habitants,"
        " les écoles et les associations de la commune.</p><h2>Les jardins</h2><p>Des jardins ont été "
        "ouverts.<br>Ils sont <b>gratuits</b>.</p><figure><img src='a.jpg' alt='Vue du terril'></figure>"
        "<ul><li>un verger ;</li><li>une serre.</li></ul></main><footer>Mentions légales</footer></body></html>",
        "agenda.html",
    )
    assert "Agenda 21" in title
    assert shapes(blocks) == [
        ("heading", "Agenda 21", 1),
        (
            "paragraph",
            "La ville s’est engagée dans un Agenda 21. La démarche associe les habitants, les écoles et les "
            "associations de la commune.",
            0,
        ),
        ("heading", "Les jardins", 2),
        ("paragraph", "Des jardins ont été ouverts.\nIls sont gratuits.", 0),
        ("caption", "Vue du terril", 0),
        ("list_item", "un verger ;", 0),
        ("list_item", "une serre.", 0),
    ]


def test_html_without_content_is_refused():
    with pytest.raises(UnreadableSource, match="aucun contenu principal"):
        read_html("<html><body></body></html>", "vide.html")


def test_the_towns_page_as_raw_text():
    blocks = read_text(PAGE.read_text(encoding="utf-8"))
    found = {kind: [block.text.strip() for block in blocks if block.kind is kind] for kind in BlockKind}
    assert found[BlockKind.HEADING] == [
        "Résilience & Transition",
        "Culture & Patrimoine",
        "Implication habitante",
        "Agriculture & Alimentation",
        "Energie",
        "Biodiversité, Aménagement & Cadre de vie",
        "Résilience & Transition",
        "La crise de la fermeture des mines",
        "La culture comme ciment social et base de la résilience loossoise",
        "Une démarche participative de diagnostic social et environnemental",
        "Des effets d’entraînement sur l’économie et la naissance d’un écosystème d’acteurs",
        "Le démonstrateur ADEME et le défi du changement d’échelle",
        "La coopération comme condition de réussite d’une politique de transition",
    ]
    assert found[BlockKind.CAPTION] == [
        "Voici les grandes étapes de la résilience loossoise",
        "Voici les grandes étapes de la résilience loossoise",
        "Schéma de la transition",
        "La base 11/19",
        "Patchwork sur les terrils",
        "Jean François Caron, ancien maire de Loos-en-Gohelle",
        "Toit recouvert de panneaux solaire",
        "Action citoyenne, nettoyage de la ville",
        "coeur avec les mains sur les terrils de Loos-en-Gohelle",
    ]
    assert all(text[-1] in ".?…" for text in found[BlockKind.PARAGRAPH])


def test_text_lists_and_text_without_any_heading():
    assert shapes(read_text("Il faut :\n\n- du temps\n- des mains\n\nEt c’est tout.")) == [
        ("paragraph", "Il faut :", 0),
        ("list_item", "du temps", 0),
        ("list_item", "des mains", 0),
        ("paragraph", "Et c’est tout.", 0),
    ]


FRENCH = "L’énergie à Loos-en-Gohelle : « où ça ? » — l’été, déjà. Les élèves ont planté des pommiers près de l’école."


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "mac_roman"]
)
def test_charsets_are_recognised(encoding):
    assert decode(FRENCH.encode(encoding), "a.txt") == FRENCH


def test_latin_1_is_recognised():
    text = "La ville a été détruite. Les élèves ont planté des pommiers près de l'école où l'on apprend."
    assert decode(text.encode("latin-1"), "a.txt") == text


def test_an_html_declaration_is_believed():
    text = '<html><head><meta charset="iso-8859-15"></head><body>Cœur à 10 €</body></html>'
    assert decode(text.encode("iso-8859-15"), "a.html") == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00" + bytes(range(256)) * 20, "pas un fichier de texte"),
        (
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\x00\x01\x02 stream " + bytes(range(256)) * 20,
            "pas un fichier de texte",
        ),
        (b"", "le fichier est vide"),
        ("\ufeff \n".encode(), "le fichier est vide"),
        (b"a" * 20_000_000, "20 Mo, la limite est de 10 Mo"),
        ('<meta charset="klingon">é'.encode("cp1252"), "s’annonce en « klingon »"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data, message):
    with pytest.raises(UnreadableSource, match=r"^note\.md : .*") as caught:
        decode(data, "note.md")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("fiches/Énergie 2.md", "fiches-energie-2"), ("a.b.md", "a-b"), ("notes", "notes"), ("日本.md", "document")],
)
def test_document_ids(path, expected):
    assert document_id(path) == expected
