"""A citation's address opens its quote again, whatever became of the document meanwhile."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chatbot.citation_link
import chatbot.document_sentences
from chatbot.citation_link import citation_link, find_quote, fingerprint
from ingest import Document, Source
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind
from ingest.sentences import Span, sentence_spans

SOURCE = Source("verger.md", "", "Ville", "", "", "", sha256="0" * 64)
QUOTE = "Le verger compte quarante pommiers."
SENTENCES = ("Le verger est ouvert.", QUOTE, "Une haie borde la route.", "M. Dupont le garde.")


def document_of(*paragraphs: str) -> Document:
    blocks = [ReadBlock(BlockKind.PARAGRAPH, text) for text in paragraphs]
    return assemble(blocks, title="Verger", theme="", source=SOURCE)


def place_of(document: Document, quote: str = QUOTE) -> Span:
    start = document.text.index(quote)
    return start, start + len(quote)


CITED = document_of("Le verger est ouvert.", f"{QUOTE} Une haie borde la route.")
PLACE = place_of(CITED)


def test_the_address_says_where_the_quote_stands_and_what_it_is() -> None:
    start, end = PLACE
    assert citation_link(CITED, start, end) == f"/sources/verger?quote={start}-{end}&v={fingerprint(QUOTE)}#p-{start}"
    assert re.fullmatch("[0-9a-f]{8}", fingerprint(QUOTE))


def test_an_unchanged_quote_is_found_where_it_was() -> None:
    changed_behind = document_of("Le verger est ouvert.", f"{QUOTE} Un mur borde la route.")
    assert find_quote(CITED, PLACE, fingerprint(QUOTE)) == PLACE
    assert find_quote(changed_behind, PLACE, fingerprint(QUOTE)) == PLACE


def test_a_quote_that_moved_is_found_where_it_stands_now() -> None:
    moved = document_of("Un mot ajouté. Et un autre.", "Le verger est ouvert.", f"Bien. {QUOTE} La suite.")
    assert find_quote(moved, PLACE, fingerprint(QUOTE)) == place_of(moved)


def test_of_two_equal_sentences_the_nearest_is_found() -> None:
    twice = document_of(QUOTE, "Du texte. " * 3, f"Ici : {QUOTE}", QUOTE)
    first = place_of(twice)
    last = twice.text.rindex(QUOTE)
    assert find_quote(twice, (5, 5 + len(QUOTE)), fingerprint(QUOTE)) == first
    assert find_quote(twice, (last - 4, last - 4 + len(QUOTE)), fingerprint(QUOTE)) == (last, last + len(QUOTE))


@pytest.mark.parametrize("text", ["Le verger compte cinquante pommiers.", "Rien.", QUOTE.replace(" ", "\u00a0")])
def test_words_that_changed_are_not_found(text: str) -> None:
    assert find_quote(document_of("Le verger est ouvert.", text), PLACE, fingerprint(QUOTE)) is None


@pytest.mark.parametrize("span", [(0, 0), (5, 4), (0, 10**9), (10**8, 10**8 + 5)])
def test_a_span_that_is_none_is_not_found(span: Span) -> None:
    assert find_quote(CITED, span, fingerprint(CITED.text[slice(*span)])) is None


def test_a_quote_longer_than_any_of_ours_is_not_looked_for() -> None:
    text = "Un mot " * 700 + "fin."
    assert find_quote(document_of(text), (0, len(text)), fingerprint(text)) is None
    assert find_quote(document_of(text), (0, 3_990), fingerprint(text[:3_990])) == (0, 3_990)


def test_the_beginning_of_a_sentence_is_found_where_it_moved() -> None:
    moved = document_of("Un mot ajouté. Et un autre.", f"Bien. {QUOTE}")
    start = moved.text.index(QUOTE)
    assert find_quote(moved, (0, 20), fingerprint(QUOTE[:20])) == (start, start + 20)


def test_a_made_up_address_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the document: its sentences are found once, and few places are looked at."""
    large = document_of(
        *(f"La haie {number} borde la route. Le verger {number} est ouvert." for number in range(3_000))
    )
    seen: list[str] = []
    segmented = []
    monkeypatch.setattr(chatbot.citation_link, "fingerprint", lambda quote: seen.append(quote) or "")
    monkeypatch.setattr(
        chatbot.document_sentences, "sentence_spans", lambda text: segmented.append(text) or sentence_spans(text)
    )
    for length in (28, 4_000, 100_000, len(large.text)):
        assert find_quote(large, (10, 10 + length), "00000000") is None
    assert find_quote(large, (10, 50), "no") is None
    assert len(segmented) == 3_000
    assert len(seen) <= 2_100
    assert max(map(len, seen)) <= 4_000


@settings(max_examples=100, deadline=None)
@given(st.permutations(SENTENCES), st.lists(st.sampled_from(SENTENCES), max_size=6), st.integers(0, 3))
def test_what_is_found_is_the_quote(before: list[str], after: list[str], cited: int) -> None:
    document, quote = document_of(" ".join(before)), before[cited]
    changed = document_of("Un titre.", " ".join(after), "La fin.")
    place = find_quote(changed, place_of(document, quote), fingerprint(quote))
    assert (place is not None) == (quote in after)
    assert place is None or changed.text[slice(*place)] == quote
