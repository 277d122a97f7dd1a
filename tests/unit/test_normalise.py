import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ingest.normalise import fold_for_search, normalise_block, normalise_text


def test_composes_accents_and_unifies_line_ends():
    assert normalise_text("e\u0301nergie\r\nverte\rbleue\u2028fin") == "énergie\nverte\nbleue\nfin"


def test_drops_what_cannot_be_seen_and_keeps_what_the_author_wrote():
    text = "\ufeffl’éco\u00adnomie\u200b : 1\u00a0000\u202fhabitants \x07«\u00a0oui\u00a0»"
    assert normalise_block(text) == "l’économie : 1\u00a0000\u202fhabitants «\u00a0oui\u00a0»"


def test_a_block_is_one_line_without_white_space_at_its_ends():
    assert normalise_block(" \u00a0La ville\n  agit.\t\u00a0") == "La ville agit."


def test_search_is_insensitive_to_apostrophes_spaces_and_hyphens():
    assert fold_for_search("L’énergie\u00a0: éco\u2011quartier\n1\u202f000") == "L'énergie : éco-quartier 1 000"


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    for normalise in (normalise_text, normalise_block, fold_for_search):
        once = normalise(text)
        assert normalise(once) == once
        assert unicodedata.is_normalized("NFC", once)
