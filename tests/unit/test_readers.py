import re
from pathlib import Path

import pytest

from ingest.assemble import ReadBlock, assemble, document_id
from ingest.decode import decode
from ingest.document import BlockKind, Reference, Source
from ingest.errors import UnreadableSource
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


@pytest.mark.parametrize("matter", ["title: [a", "title: " + "[" * 2000, "title: a\nsans clé"])
def test_a_wrong_front_matter_is_named(matter):
    with pytest.raises(UnreadableSource, match=r"notes\.md : l’en-tête"):
        read_markdown(f"---\n{matter}\n---\nTexte.", "notes.md")


@pytest.mark.parametrize("opening", ["- a\n- b", "juste du texte", "\nHoraires : de 8 h à 12 h.\n"])
def test_a_line_of_dashes_opens_no_front_matter_without_keys(opening):
    blocks, front = read_markdown(f"---\n{opening}\n---\nTexte.", "notes.md")
    assert front == {}
    assert len(blocks) > 1


def test_front_matter_values_stay_as_written():
    matter = "# note\ntitle: 2010\npublisher: non\nlicence: ~\ntags: [a]\npublished: 2024-02-30"
    assert read_markdown(f"---\n{matter}\n---\nTexte.", "a.md")[1] == {
        "title": "2010",
        "publisher": "non",
        "published": "2024-02-30",
    }


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<div>Un.</div> Une phrase entière.", [("paragraph", "Un.", 0), ("paragraph", "Une phrase entière.", 0)]),
        (
            "<table><caption>Plantés</caption><tr><th>Année</th><th>Arbres</th></tr>"
            "<tr><td>2010</td><td><p>40</p><p>ou 41</p></td></tr><tr><td></td></tr></table>",
            [("caption", "Plantés", 0), ("list_item", "Année | Arbres", 0), ("list_item", "2010 | 40 ou 41", 0)],
        ),
        ("<td>Année</td><td>2010</td>", [("paragraph", "Année", 0), ("paragraph", "2010", 0)]),
        (
            "<table><tr><td><h3>Lieu</h3><p>Un.</p></td></tr></table>",
            [("heading", "Lieu", 3), ("paragraph", "Un.", 0)],
        ),
        ("<div><p>Un.</p><p>Deux.</p></div>", [("paragraph", "Un.", 0), ("paragraph", "Deux.", 0)]),
        ("<div>Un<br>deux <b>trois</b>.</div>", [("paragraph", "Un\ndeux trois.", 0)]),
        ("<div><script>let a</script><style>p {}</style><!-- b -->Un.</div>", [("paragraph", "Un.", 0)]),
        ("<h2>Lieux</h2>", [("heading", "Lieux", 2)]),
        ("<div>Un <img src='a.jpg' alt='toit'>toit.</div>", [("paragraph", "Un toit.", 0), ("caption", "toit", 0)]),
        (
            "<figure><img alt='Vue'><figcaption>Le terril</figcaption></figure>",
            [("caption", "Vue", 0), ("caption", "Le terril", 0)],
        ),
        (
            "<ul><li>Vélo :<ul><li>loué</li></ul></li><li><p>Un.</p><p>Deux.</p></li></ul>",
            [("list_item", text, 0) for text in ("Vélo :", "loué", "Un.", "Deux.")],
        ),
        ("<dl><dt>Terril</dt><dd>Une butte.</dd></dl>", [("list_item", "Terril", 0), ("list_item", "Une butte.", 0)]),
        ("<div>" * 300 + "Un.", [("paragraph", "Un.", 0)]),
        ("<!DOCTYPE>", []),
        ("<?xml version='1.0' encoding='latin-1'?>", []),
        ("</div>", []),
    ],
)
def test_html_inside_markdown(markup, expected):
    assert shapes(read_markdown(f"Avant.\n\n{markup}\n", "a.md")[0]) == [("paragraph", "Avant.", 0), *expected]


@pytest.mark.parametrize("tag", ["<!DOCTYPE html>", "<html>", "<body>"])
def test_page_tags_inside_markdown_are_no_trouble(tag):
    assert shapes(read_markdown(f"Avant.\n\n{tag}\n\nAprès.", "a.md")[0]) == [
        ("paragraph", "Avant.", 0),
        ("paragraph", "Après.", 0),
    ]


def test_inline_html_in_markdown():
    assert shapes(read_markdown('Un<br>deux <b>trois</b> <img src="a.jpg" alt="toit">.', "a.md")[0]) == [
        ("paragraph", "Un\ndeux trois .", 0),
        ("caption", "toit", 0),
    ]


def test_a_whole_page_under_a_markdown_name_is_read_as_a_page():
    body = "<h1>Agenda</h1><p>La ville s’est engagée dans un Agenda 21 avec les habitants.</p>" * 2
    page = f"<!DOCTYPE html>\n<html><head><title>Agenda 21</title></head><body>\n\n{body}</body></html>"
    assert read_markdown(page, "a.md") == (read_html(page, "a.html")[0], {"title": "Agenda 21"})
    with pytest.raises(UnreadableSource, match=r"a\.md : aucun contenu principal"):
        read_markdown("<!DOCTYPE html>\n", "a.md")


def test_deep_lists_and_quotes_are_kept():
    levels = range(1, 15)
    blocks, _ = read_markdown("".join(f"{'  ' * level}- niveau {level}\n" for level in levels), "a.md")
    assert [block.text for block in blocks] == [f"niveau {level}" for level in levels]
    assert [block.text for block in read_markdown("> " * 30 + "Loin.", "a.md")[0]] == ["Loin."]
    for marker in ("- ", "> "):
        with pytest.raises(UnreadableSource, match=r"a\.md : .* trop de niveaux"):
            read_markdown("Un texte.\n\n" + marker * 200 + "Perdu.", "a.md")


CHARTER = Reference("Comedie", "Charte pour le cadre de vie", "https://comedie.org/charte?a=1")
TOWN = Reference("Ville de Loos", "Son histoire (2023)", "https://loos.fr/son-histoire")
NOTES = (
    "\n\n[^comedie]: Comedie – Charte pour le cadre de vie <https://comedie.org/charte?a=1>\n"
    "[^ville]: [Ville de Loos – Son histoire (2023)](https://loos.fr/son-histoire).\n"
)


def test_notes_with_an_address_are_the_sources_of_the_sentences_that_they_stand_behind():
    blocks, _ = read_markdown(
        "## Charte[^ville]\n\nLa **charte** date de 2000.[^comedie][^ville] Elle[^ville] a\nsept thèmes. Et après ?\n\n"
        "- Un point.[^comedie]" + NOTES,
        "fiche.md",
    )
    assert shapes(blocks) == [
        ("heading", "Charte", 2),
        ("paragraph", "La charte date de 2000. Elle a\nsept thèmes. Et après ?", 0),
        ("list_item", "Un point.", 0),
    ]
    assert blocks[1].marks == ((23, CHARTER), (23, TOWN), (28, TOWN))
    assert blocks[2].marks == ((9, CHARTER),)


def test_a_statement_is_the_sentence_that_its_mark_stands_in_or_behind():
    blocks, _ = read_markdown(
        "  La  charte date[^ville]\tde 2000[^comedie]. Elle a sept\nthèmes.  [^ville] Et après ?" + NOTES, "fiche.md"
    )
    source = Source("fiche.md", "", "", "", "", "", "")
    document = assemble([ReadBlock(BlockKind.PARAGRAPH, "Avant."), *blocks], title="", theme="", source=source)
    assert [(document.text[s.start : s.end], s.references) for s in document.statements] == [
        ("La charte date de 2000.", (TOWN, CHARTER)),
        ("Elle a sept thèmes.", (TOWN,)),
    ]
    first, second = document.statements
    assert document.references(0, len(document.text)) == (TOWN, CHARTER)
    assert document.references(first.start, first.end) == (TOWN, CHARTER)
    assert document.references(second.start + 3, second.start + 4) == (TOWN,)
    assert document.references(0, first.start) == ()


@pytest.mark.parametrize(
    "note",
    [
        "Chiffres de 2018.",
        "Ville – Page <https://a.fr> et <https://b.fr>",
        "Le chiffre est de 2018 (voir <https://a.fr>), il a baissé depuis.",
        "Ville – Page <https://a.fr>, consulté le 3 mai",
        "[Ville – Page](page.html)",
        "Ville – Page <mailto:a@b.fr>",
        "Ville – Page <https://a.fr>\n\n    et un autre paragraphe",
    ],
)
def test_other_notes_stay_notes(note):
    blocks, _ = read_markdown(f"Une phrase[^1] suivie.\n\n[^1]: {note}\n\nLa fin.", "fiche.md")
    assert blocks[0] == ReadBlock(BlockKind.PARAGRAPH, "Une phrase suivie.")
    assert {block.kind for block in blocks[1:-1]} == {BlockKind.NOTE}
    assert blocks[-1] == ReadBlock(BlockKind.PARAGRAPH, "La fin.")


def test_a_source_that_no_sentence_calls_is_kept_as_a_note():
    blocks, _ = read_markdown("Une phrase.[^ville]" + NOTES, "fiche.md")
    assert shapes(blocks)[1:] == [("note", "Comedie – Charte pour le cadre de vie https://comedie.org/charte?a=1", 0)]


@pytest.mark.parametrize("dash", ["–", "—"])
def test_either_dash_parts_publisher_and_title(dash):
    blocks, _ = read_markdown(f"Une phrase.[^1]\n\n[^1]: Ville {dash} Page – suite <https://a.fr>.", "fiche.md")
    assert blocks[0].marks[0][1] == Reference("Ville", "Page – suite", "https://a.fr")


def test_marks_in_a_table_are_those_of_the_cell():
    blocks, _ = read_markdown(
        "| Année | Fait |\n|---|---|\n| 2000[^ville] | Une charte est signée.[^comedie] |" + NOTES, "fiche.md"
    )
    assert blocks[1].text == "2000 | Une charte est signée."
    assert blocks[1].marks == ((4, TOWN), (29, CHARTER))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Une phrase.[^comedie] Une autre.[^comedi]" + NOTES, "ligne 3, l’appel de note « [^comedi] » n’a pas de note"),
        ("Une phrase.[^ville]" + NOTES + "[^ville]: Une autre.", "la note « [^ville] » est écrite deux fois"),
        ("Une.[^a]\n\n[^a]: Dehors.\n\n    [^b]: Dedans <https://b.fr>", "la note « [^b] » est écrite dans une autre"),
    ],
)
def test_a_call_without_note_and_notes_out_of_place_are_named(text, message):
    with pytest.raises(UnreadableSource) as caught:
        read_markdown("\n\n" + text, "fiche.md")
    assert message in str(caught.value)


def test_the_line_of_a_call_without_note_counts_the_front_matter():
    with pytest.raises(UnreadableSource, match=r"fiche\.md : ligne 5, "):
        read_markdown("---\ntitle: A\n---\n\nUne phrase.[^comedi]" + NOTES, "fiche.md")


def test_a_call_in_code_is_text():
    blocks, _ = read_markdown("Écrivez `[^a]`.[^ville]" + NOTES, "fiche.md")
    assert blocks[0].text == "Écrivez [^a]."


def test_many_statements_in_one_paragraph_take_no_time():
    source = Source("fiche.md", "", "", "", "", "", "")
    text = " ".join(f"La phrase numéro {n} dit  une chose." for n in range(3000))
    places = [match.end() for match in re.finditer(r"chose\.", text)]
    block = ReadBlock(BlockKind.PARAGRAPH, text, marks=tuple((place, TOWN) for place in places))
    document = assemble([block], title="A", theme="", source=source)
    assert len(document.statements) == 3000
    last = document.statements[-1]
    assert document.text[last.start : last.end] == "La phrase numéro 2999 dit une chose."


def test_brackets_are_text_where_there_are_no_notes():
    assert read_markdown("Les signes [^a-z] et ^[b].", "a.md")[0][0].text == "Les signes [^a-z] et ^[b]."


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


def page_blocks(inner):
    prose = "<p>La ville s’est engagée dans un Agenda 21 avec les habitants.</p>" * 3
    found = shapes(read_html(f"<html><body><main><h1>Titre</h1>{prose}{inner}</main></body></html>", "a.html")[0])
    return [(kind, text) for kind, text, _ in found[1:] if "Agenda 21" not in text]


def test_html_nested_lists_are_read_once():
    inner = "<ul><li>Mobilité :<ul><li>vélo</li><li>bus</li></ul></li><li><p>Un.</p><p>Deux.</p></li></ul>"
    assert page_blocks(inner) == [("list_item", text) for text in ("Mobilité :", "vélo", "bus", "Un.", "Deux.")]


def test_html_quotes_of_several_lines_are_kept():
    assert page_blocks("<blockquote>Ligne une<br>Ligne deux</blockquote>") == [("paragraph", "Ligne une\nLigne deux")]


def test_html_pictures_in_lists_are_captions():
    assert page_blocks("<ul><li>Un verger <img src='a.jpg' alt='Des pommiers'></li><li>Une serre</li></ul>") == [
        ("list_item", "Un verger"),
        ("caption", "Des pommiers"),
        ("list_item", "Une serre"),
    ]


def test_html_tables_are_rows():
    assert page_blocks("<table><tr><th>Année</th><th>Arbres</th></tr><tr><td>2010</td><td>40</td></tr></table>") == [
        ("list_item", "Année | Arbres"),
        ("list_item", "2010 | 40"),
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


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x0c\n", "\u2028"])
def test_line_ends_of_every_system(line_end):
    data = "La ville\n\nElle agit.\n\n- du temps\n- des mains".replace("\n", line_end).encode()
    assert shapes(read_text(decode(data, "a.txt"))) == [
        ("heading", "La ville", 1),
        ("paragraph", "Elle agit.", 0),
        ("list_item", "du temps", 0),
        ("list_item", "des mains", 0),
    ]


def test_line_ends_in_markdown():
    data = b"---\r\ntitle: A\r\n---\r\nUn.\r\n\r\nDeux."
    assert read_markdown(decode(data, "a.md"), "a.md") == (
        [ReadBlock(BlockKind.PARAGRAPH, "Un."), ReadBlock(BlockKind.PARAGRAPH, "Deux.")],
        {"title": "A"},
    )


FRENCH = "L’énergie à Loos-en-Gohelle : « où ça ? » — l’été, déjà. Les élèves ont planté des pommiers près de l’école."


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "mac_roman"]
)
def test_charsets_are_recognised(encoding):
    assert decode(FRENCH.encode(encoding), "a.txt") == FRENCH


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_mark_or_accent_is_recognised(encoding):
    assert decode("Le conseil vote le budget.".encode(encoding), "a.txt") == "Le conseil vote le budget."


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
        (b"a" * 10_000_001, "10,1 Mo, la limite est de 10 Mo"),
        ('<meta charset="klingon">é'.encode("cp1252"), "s’annonce en « klingon »"),
        ('<meta charset="undefined">é'.encode("cp1252"), "s’annonce en « undefined »"),
        ('<meta charset="zlib">é'.encode("cp1252"), "s’annonce en « zlib »"),
        ('<meta charset="idna">é'.encode("cp1252"), "s’annonce en « idna »"),
        ('<meta charset="raw_unicode_escape">é\\ud800'.encode("cp1252"), "s’annonce en « raw_unicode_escape »"),
        ("é\nété".encode() * 3 + b"\xe9", "presque en UTF-8, mais l’octet 25 est faux (ligne 4)"),
        (b"Bonjour. " * 20_000 + b"\x00", "pas un fichier de texte"),
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
