"""Pages that need no script: their frame, an answer's own page, the timeline, the statement, the text fragment."""

import re
from dataclasses import replace
from datetime import date
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from chatbot.accessibility import accessibility_page, criteria, rate
from chatbot.answer_page import answer_page, ask_page
from chatbot.messages import ENGLISH, FRENCH, LANGUAGES, Messages
from chatbot.plain_page import in_language
from chatbot.settings import Settings
from chatbot.sources import documents_page, original_address, passage_html
from chatbot.text_fragment import with_text_fragment
from chatbot.timeline import timeline, timeline_page
from ingest import DocumentKind, Source, split
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind
from tests.unit.test_page import ABSTENTION, ANSWER
from tests.unit.test_sources import Reader

SETTINGS = Settings()
HEADING, PARAGRAPH = BlockKind.HEADING, BlockKind.PARAGRAPH
SOURCE = Source("d.md", "https://exemple.fr/d", "Ville", "2020-01-02", "2024-12-31", "", "0" * 64)
DATED = (
    "En 1986, la mine de la ville ferme ses portes. La mine de la ville a fermé en 1986 et ses puits aussi. "
    "Elle rouvre en 1987 comme musée. Selon un article de 2019, les terrils sont hauts. "
    "Les terrils (classés d’après la presse de 2020) sont hauts. Le musée des mines naît en 2004 au carreau. "
    "Dans les années 1990, la ville change peu à peu."
)


def build_of(text: str, vectors: Any = None) -> Any:
    blocks = [ReadBlock(HEADING, "Dates", 1), ReadBlock(PARAGRAPH, text)]
    document = assemble(blocks, title="Fiche <une>", theme="Énergie", source=SOURCE)
    passages = tuple(split(document, lambda words: len(words.split()), 200))
    rows = sum(len(passage.sentences) for passage in passages)
    return SimpleNamespace(
        documents={"d": document},
        passages=passages,
        sentence_vectors=np.eye(rows, 64, dtype=np.float32) if vectors is None else vectors,
    )


# the frame


@pytest.mark.parametrize("messages", LANGUAGES.values(), ids=LANGUAGES)
def test_every_page_is_whole_and_in_its_language(messages: Messages) -> None:
    pages = [
        ask_page(messages, SETTINGS, ("Et <l’eau> ?",), "x" * 5, "Trop & <court>"),
        answer_page(ANSWER, "b", messages, SETTINGS),
        answer_page(ABSTENTION, "", messages, SETTINGS),
        timeline_page(build_of(DATED), messages),
        timeline_page(build_of("Rien ne dit ici de date, ni jour ni an."), messages),
        documents_page(build_of(DATED).documents.values(), messages),
        accessibility_page(messages, SETTINGS),
    ]
    for html in pages:
        assert html.startswith(f'<!doctype html>\n<html lang="{messages.language}">')
        read = Reader(re.sub(r"<(input|br)[^>]*>", "", html))
        assert len(read.ids) == len(set(read.ids))
        assert read.texts["h1"]
        assert "<script" not in html
        assert "style=" not in html, "the policy of these pages takes no inline style"
        other = FRENCH if messages is ENGLISH else ENGLISH
        assert other.language_name in read.texts["a"]


def test_a_page_in_english_leads_to_pages_in_english() -> None:
    html = documents_page(build_of(DATED).documents.values(), ENGLISH)
    addresses = re.findall(r'href="(/[^"]*)"', html)
    own = [address for address in addresses if not address.startswith("/static")]
    french = [address for address in own if "lang=en" not in address]
    assert french == ["/documents"], "the switch alone leads to French"
    assert in_language("/a?b=c#d", ENGLISH) == "/a?b=c&lang=en#d"
    assert in_language("/a?b=c#d", FRENCH) == "/a?b=c#d"


def test_both_languages_fill_in_the_same_names() -> None:
    names = {
        language: {
            name: set(re.findall(r"\{(\w+)\}", getattr(messages, name)))
            for name in type(messages).__dataclass_fields__
            if isinstance(getattr(messages, name), str)
        }
        for language, messages in LANGUAGES.items()
    }
    assert names["fr"] == names["en"]


def test_french_spaces_do_not_break() -> None:
    for name in type(FRENCH).__dataclass_fields__:
        text = getattr(FRENCH, name)
        assert name == "months" or not re.search(r" [:;?!»]|« ", text), name


# an answer's own page


def test_an_answer_page_shows_question_answer_sources_and_its_build() -> None:
    html = unescape(answer_page(replace(ANSWER, question="Où est <b>l’eau</b> ?"), "b", FRENCH, SETTINGS))
    assert '<h1 lang="fr">Où est <b>l’eau</b> ?</h1>' in html
    assert "Une phrase." in html
    assert "Lire dans son contexte" in html
    assert FRENCH.answered_from.format(build="b", date=FRENCH.date(date.today().isoformat())) in html
    assert FRENCH.corpus_changed not in html
    assert 'class="feedback"' not in html
    assert "<b>l" not in answer_page(replace(ANSWER, question="<b>l’eau</b>"), "b", FRENCH, SETTINGS)


def test_a_link_made_for_another_build_says_so() -> None:
    assert FRENCH.corpus_changed in unescape(answer_page(ANSWER, "another", FRENCH, SETTINGS))
    assert FRENCH.corpus_changed not in unescape(answer_page(ANSWER, "", FRENCH, SETTINGS))


def test_a_refusal_page_offers_questions_as_links() -> None:
    html = answer_page(ABSTENTION, "", FRENCH, SETTINGS)
    assert '<a href="/ask?q=Quand+%3F" rel="nofollow">Quand ?</a>' in html


# a quote beside the answer


def test_the_section_around_a_quote_is_shown_with_it_marked() -> None:
    document = build_of(DATED).documents["d"]
    start = document.text.index("Le musée")
    quote = (start, start + len("Le musée des mines naît en 2004 au carreau."))
    html = passage_html(document, quote, True, FRENCH, "/sources/d?quote=1-2&v=x#p-1")
    assert Reader(html).marks == [document.text[slice(*quote)]]
    assert "Fiche &lt;une&gt;" in html
    assert "#:~:text=" in html
    assert FRENCH.quote_changed in unescape(passage_html(document, quote, False, FRENCH, "/sources/d"))
    assert "<mark" not in passage_html(document, quote, False, FRENCH, "/sources/d")


# the original page, opened at the quote


def test_a_short_quote_is_looked_for_whole() -> None:
    address = with_text_fragment("https://exemple.fr/a", "L’eau, c’est 10 % - et & alors ?")
    assert address == (
        "https://exemple.fr/a#:~:text=L%E2%80%99eau%2C%20c%E2%80%99est%2010%20%25%20%2D%20et%20%26%20alors%20%3F"
    )


def test_of_a_long_quote_the_ends_are_looked_for() -> None:
    words = " ".join(str(number) for number in range(30))
    assert with_text_fragment("https://exemple.fr/a#b", words) == (
        "https://exemple.fr/a#b:~:text=0%201%202%203%204%205,24%2025%2026%2027%2028%2029"
    )
    listed = unquote(with_text_fragment("https://exemple.fr/a", "Deux piliers :\nla mémoire ;\nl’avenir."))
    assert listed.endswith("#:~:text=Deux piliers :,l’avenir.")


def test_only_a_page_that_holds_these_very_words_is_opened_at_them() -> None:
    assert "text=" in original_address("https://exemple.fr/", DocumentKind.ORIGINAL, "Une phrase.")
    assert original_address("https://exemple.fr/", DocumentKind.FICHE, "Une phrase.") == "https://exemple.fr/"
    assert original_address("javascript:x", DocumentKind.ORIGINAL, "Une phrase.") == ""


# the timeline


def test_the_timeline_has_the_years_that_sentences_tell_of() -> None:
    years = timeline(build_of(DATED))
    assert [year.year for year in years] == [1986, 2004], "no article's year, no decade, nothing that leans"
    assert [citation.quote for citation in years[0].sentences] == [
        "En 1986, la mine de la ville ferme ses portes.",
        "La mine de la ville a fermé en 1986 et ses puits aussi.",
    ]
    document = build_of(DATED).documents["d"]
    assert all(document.text[c.start : c.end] == c.quote for year in years for c in year.sentences)


def test_of_sentences_that_tell_the_same_the_one_that_opens_with_its_date_stays() -> None:
    same = np.ones((7, 4), dtype=np.float32) / 2
    text = "La mine de la ville a fermé en 1986. En 1986, la mine de la ville ferme."
    (year,) = timeline(build_of(text, same))
    assert [citation.quote for citation in year.sentences] == ["En 1986, la mine de la ville ferme."]


def test_the_timeline_page_links_each_sentence_to_its_place_and_each_year_to_a_question() -> None:
    html = timeline_page(build_of(DATED), FRENCH)
    assert html.count('class="where"') == 3
    assert html.count("<details>") == 1
    assert '<a href="#a-1986" aria-label="1986, 2 phrases">' in unescape(html)
    assert '<a href="#a-2004" aria-label="2004, une phrase">' in unescape(html)
    assert re.search(r'<li id="a-2004">\s*<h2>2004</h2>', html)
    assert 'href="/ask?q=Le+mus%C3%A9e+des+mines+na%C3%AEt+en+2004+au+carreau."' in html


def test_the_statement_tells_how_each_of_the_106_criteria_fares() -> None:
    themes = criteria()
    counts = (9, 2, 3, 13, 8, 2, 5, 10, 4, 14, 13, 11, 12)
    for count, theme in zip(counts, themes, strict=True):
        listed = [*theme["met"], *theme["failing"], *theme["not_applicable"]]
        assert sorted(listed) == list(range(1, count + 1)), theme["name"]
        assert ("why" in theme) == bool(theme["failing"])
    for messages in (FRENCH, ENGLISH):
        page = accessibility_page(messages, SETTINGS)
        assert f"{rate(themes)} %" in page
        assert "{" not in page
        assert page.count("7.1") >= 2
