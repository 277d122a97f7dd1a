"""The page of a document: its structure, its ids, and above all that what is marked is the quote."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.messages import FRENCH
from chatbot.sources import document_page, missing_page, web_address
from ingest import Document, Reference, Source
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind

SOURCE = Source(
    path="fiche.md",
    url="https://exemple.fr/fiche?a=1&b=2",
    publisher="Ville <de> Loos",
    published="2001-05-01",
    retrieved="2024-12-31",
    licence="Licence Ouverte 2.0",
    sha256="0" * 64,
)
HEADING, PARAGRAPH, ITEM = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST_ITEM
CAPTION, NOTE = BlockKind.CAPTION, BlockKind.NOTE


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, the text of each `<mark>`, all ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.marks: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag == "mark":
            self.marks.append("")
        if tag not in ("meta", "link"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "mark" in self._open and "sup" not in self._open:  # the number of a note is no word of the quote
            self.marks[-1] += data
        for tag in set(self._open):
            self.texts[tag][-1] += data


def document_of(*blocks: ReadBlock, title: str = "Fiche") -> Document:
    return assemble(blocks, title=title, theme="", source=SOURCE)


DOCUMENT = document_of(
    ReadBlock(HEADING, "Fiche", 1),
    ReadBlock(PARAGRAPH, "Une phrase. Une <b>autre</b> & la suite."),
    ReadBlock(HEADING, "Énergie", 2),
    ReadBlock(HEADING, "Solaire", 3),
    ReadBlock(ITEM, "Premier point."),
    ReadBlock(ITEM, "Second point."),
    ReadBlock(CAPTION, "La base 11/19"),
    ReadBlock(PARAGRAPH, "Fin."),
    ReadBlock(HEADING, "Eau", 2),
    ReadBlock(PARAGRAPH, "De l’eau."),
)


def span_of(text: str, document: Document = DOCUMENT) -> tuple[int, int]:
    start = document.text.index(text)
    return start, start + len(text)


def test_a_document_keeps_its_structure() -> None:
    html = document_page(DOCUMENT, None, True)
    read = Reader(html)
    assert html.startswith('<!doctype html>\n<html lang="fr">')
    assert [tag for tag in read.tags if tag in ("h1", "h2", "h3", "h4", "ul", "li", "figcaption")] == [
        *("h1", "h2", "h3", "ul", "li", "li", "figcaption", "h2")
    ]
    assert read.texts["h1"] == ["Fiche"]
    assert read.texts["h2"] == ["Énergie", "Eau"]
    assert read.texts["li"] == ["Premier point.", "Second point."]
    assert read.texts["figcaption"] == [f"{FRENCH.picture} La base 11/19"]
    assert read.texts["title"] == [f"Fiche – {FRENCH.site_name}"]
    assert "script" not in read.tags
    assert "mark" not in read.tags
    assert FRENCH.quote_changed not in html


def test_where_a_document_comes_from_is_said_in_french() -> None:
    read = Reader(document_page(DOCUMENT, None, True))
    assert read.texts["dd"] == [
        "Ville <de> Loos",
        "1er mai 2001",
        "31 décembre 2024",
        "Licence Ouverte 2.0",
        "https://exemple.fr/fiche?a=1&b=2",
    ]
    assert 'href="https://exemple.fr/fiche?a=1&amp;b=2"' in document_page(DOCUMENT, None, True)


def test_from_a_quote_the_original_page_opens_at_it() -> None:
    html = document_page(DOCUMENT, span_of("Une phrase."), True)
    assert 'href="https://exemple.fr/fiche?a=1&amp;b=2#:~:text=Une%20phrase."' in html


def test_markup_in_a_document_is_shown_as_text() -> None:
    html = document_page(DOCUMENT, None, True)
    assert "<b>" not in html
    assert "Une &lt;b&gt;autre&lt;/b&gt; &amp; la suite." in html


def test_a_title_that_the_document_does_not_repeat_is_shown_once() -> None:
    document = document_of(ReadBlock(PARAGRAPH, "Du texte."), ReadBlock(HEADING, "Partie", 1), title="Autre titre")
    read = Reader(document_page(document, None, True))
    assert read.texts["h1"] == ["Autre titre"]
    assert read.texts["h2"] == ["Partie"]


def test_every_sentence_has_its_place_as_id() -> None:
    html = document_page(DOCUMENT, None, True)
    first = DOCUMENT.text.index("Une phrase.")
    second = DOCUMENT.text.index("Une <b>")
    assert f'<p><span id="p-{first}">Une phrase.</span> <span id="p-{second}">Une &lt;b&gt;' in html


def test_a_quoted_sentence_is_marked_and_takes_the_id() -> None:
    start, end = span_of("Une phrase.")
    html = document_page(DOCUMENT, (start, end), True)
    assert f'<p><mark id="p-{start}" tabindex="-1">Une phrase.</mark> <span id=' in html
    assert f'class="skip" href="#p-{start}"' in html


def test_a_quote_inside_a_sentence_is_marked_alone() -> None:
    start, end = span_of("autre")
    sentence = DOCUMENT.text.index("Une <b>")
    assert (
        f'<span id="p-{sentence}">Une &lt;b&gt;</span><mark id="p-{start}" tabindex="-1">autre</mark>&lt;/b&gt; &amp;'
        in document_page(DOCUMENT, (start, end), True)
    )


def test_a_quote_across_blocks_is_marked_in_each() -> None:
    quote = span_of("Second point.")[0], span_of("De l’eau.")[1]
    read = Reader(document_page(DOCUMENT, quote, True))
    assert read.marks == ["Second point.", "La base 11/19", "Fin.", "Eau", "De l’eau."]
    assert read.ids.count(f"p-{quote[0]}") == 1
    assert len(read.ids) == len(set(read.ids))


def test_a_quote_that_begins_between_blocks_has_its_id() -> None:
    start = DOCUMENT.text.index("Second point.") - 1
    assert f'<li><mark id="p-{start}" tabindex="-1">' in document_page(DOCUMENT, (start, start + 5), True)


def test_a_quote_of_another_state_of_the_document_is_not_marked() -> None:
    html = document_page(DOCUMENT, span_of("Une phrase."), False)
    assert "<mark" not in html
    assert FRENCH.quote_changed in html


@pytest.mark.parametrize("quote", [(5, 5), (6, 5), (0, 100_000), (100_000, 100_001), (5, 7)])
def test_a_quote_that_is_not_in_the_text_is_not_marked(quote: tuple[int, int]) -> None:
    assert DOCUMENT.text[5:7] == "\n\n"
    html = document_page(DOCUMENT, quote, True)
    assert "<mark" not in html
    assert FRENCH.quote_changed in html


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//exemple.fr", "", " https://exemple.fr"])
def test_only_web_addresses_become_links(url: str) -> None:
    assert web_address(url) == ""


ADEME = Reference("ADEME <agence>", "Protocole & suites", "https://ademe.fr/?a=1&b=2")
CERDD = Reference("Cerdd", "", "javascript:alert(1)")
FICHE = document_of(
    ReadBlock(PARAGRAPH, "Un. Deux. Trois.", marks=((3, ADEME), (9, CERDD), (9, ADEME))), ReadBlock(NOTE, "Une note.")
)


def test_sentences_with_sources_lead_to_the_list_of_them() -> None:
    html = document_page(FICHE, None, True)
    read = Reader(html)
    assert read.texts["sup"] == ["1", "2", "1"]
    assert read.texts["li"] == ["ADEME <agence> – Protocole & suites", "Cerdd – javascript:alert(1)"]
    assert {"source-1", "source-2"} <= set(read.ids)
    assert html.count('href="#source-1" aria-label="source 1"') == 2
    assert 'href="https://ademe.fr/?a=1&amp;b=2"' in html
    assert 'href="javascript' not in html
    assert "Une note." in read.texts["p"]
    assert FRENCH.references in read.texts["h2"]
    assert FRENCH.references not in document_page(DOCUMENT, None, True)


def test_the_sources_of_a_quote_stand_behind_its_mark() -> None:
    html = document_page(FICHE, span_of("Un.", FICHE), True)
    assert '<mark id="p-0" tabindex="-1">Un.</mark><sup>' in html


@pytest.mark.parametrize("quote", ["Un.", "Un. Deux.", "n. De", "Deux. Trois.", "Un. Deux. Trois."])
def test_a_quote_is_marked_whole_whatever_sources_stand_in_it(quote: str) -> None:
    read = Reader(document_page(FICHE, span_of(quote, FICHE), True))
    assert read.marks == [quote]
    assert read.texts["sup"] == ["1", "2", "1"]


def test_the_note_of_a_document_stands_at_its_top() -> None:
    document = replace(DOCUMENT, source=replace(SOURCE, note="Une fiche <rédigée>."))
    html = document_page(document, None, True)
    assert html.index("</h1>") < html.index("Une fiche &lt;rédigée&gt;.") < html.index('<dl class="about"')


def test_a_missing_document_gets_a_page_too() -> None:
    read = Reader(missing_page("Document <introuvable>", "Il & elle"))
    assert read.texts["h1"] == ["Document <introuvable>"]
    assert read.texts["p"][0] == "Il & elle"


PIECES = st.sampled_from(
    [
        *("Une phrase.", "J.-F. Caron, M. Dupont", "« Oui… »", "20 %", "l’eau", "a. B. c.", "1.", "-", "!", "?", "…"),
        *("<b>gras</b>", "</mark>", "</span>", "<p id=texte>", "<script>alert(1)</script>", "<!--", "]]>", "&amp;"),
        *("&", '"', "'", "\\", "`", "*", "_", "\u00a0", "\u202f", "\u2003", "e\u0301", "👩‍🌾", "🇫🇷", "العربية"),
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=12).map(" ".join) | st.text(max_size=60)
MARKS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([ADEME, CERDD])), max_size=3).map(tuple)
BLOCKS = st.lists(
    st.builds(ReadBlock, st.sampled_from(list(BlockKind)), TEXTS, st.integers(1, 6), marks=MARKS), max_size=8
).map(lambda blocks: [*blocks, ReadBlock(PARAGRAPH, "Une fin. Et <encore>.")])


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.data())
def test_what_is_marked_is_the_quote(blocks: list[ReadBlock], data: st.DataObject) -> None:
    document = document_of(*blocks)
    start = data.draw(st.integers(0, len(document.text) - 1))
    end = data.draw(st.integers(start + 1, len(document.text)))
    quote = document.text[start:end]
    read = Reader(document_page(document, (start, end), True))
    assert _no_space("".join(read.marks)) == _no_space(quote)
    if "\n" not in quote and quote.strip():
        assert read.marks == [quote]
    if read.marks:
        assert read.ids.count(f"p-{start}") == 1
    assert len(read.ids) == len(set(read.ids))
    levels = [int(tag[1]) for tag in read.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def _no_space(text: str) -> str:
    return re.sub(r"\s", "", text)
