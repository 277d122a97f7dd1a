"""The tokens of French text, one by one."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.analysis import STOP_WORDS, analyse


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("l'eau", ["eau"]),
        ("L’eau", ["eau"]),
        ("l´eau", ["eau"]),
        ("d'été, qu'été", ["ete", "ete"]),
        ("jusqu’à Lens, lorsqu'Hélène, puisqu'ici", ["len", "helen", "ici"]),
        ("L'« éco »", ["eco"]),
        ("quelqu'un", []),
        ("aujourd’hui", ["aujourdhui"]),
        ("d'aujourd'hui", ["aujourdhui"]),
        ("presqu'île", ["presquil"]),
        ("entr'aide", ["entraid"]),
    ],
)
def test_elisions_are_split_off_and_other_apostrophes_hold_words_together(text: str, tokens: list[str]) -> None:
    assert analyse(text) == tokens


@pytest.mark.parametrize(
    "question",
    [
        "Qu’est-ce que c'est ?",
        "Est-ce qui, quand, comment, combien ?",
        "Pourquoi y a-t-il, y a t il, qu est ce que",
        "QUEL EST-IL ? Où peut-on ? Laquelle sont-elles ?",
        "peut-être celui-ci",
        "?! … « » —",
        "",
        " \u00a0\n",
    ],
)
def test_grammar_and_question_words_leave_nothing(question: str) -> None:
    assert analyse(question) == []


def test_words_with_a_second_meaning_are_kept() -> None:
    assert analyse("été sommes or car plus avions") == ["ete", "somm", "or", "car", "plus", "avion"]


def test_stop_words_are_folded() -> None:
    assert all(word == unicodedata.normalize("NFD", word.lower()) and word.isascii() for word in STOP_WORDS)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1995-1999", ["1995-1999", "1995", "1999"]),
        ("1977–2001", ["1977-2001", "1977", "2001"]),
        ("11/19", ["11/19"]),
        ("11-19", ["11/19"]),
        ("01/09/2024", ["01/09/2024", "2024"]),
        ("1000", ["1000"]),
        ("1 000", ["1000"]),
        ("1\u00a0000", ["1000"]),
        ("1\u202f000", ["1000"]),
        ("1\u2009000", ["1000"]),
        ("1 234 567,89 €", ["1234567,89"]),
        ("2001 350", ["2001", "350"]),
        ("page 12\n500 habitants", ["pag", "12", "500", "habit"]),
        ("3,5", ["3,5"]),
        ("3.5", ["3,5"]),
        ("50%", ["50%"]),
        ("50 %", ["50%"]),
        ("50\u00a0%", ["50%"]),
        ("50 pour cent", ["50%"]),
        ("En 2001.", ["2001"]),
        ("21", ["21"]),
        ("15h30, le 1er, A21", ["15h30", "1er", "a21"]),
        ("03 21 69 88 77", ["03", "21", "69", "88", "77"]),
        ("CO₂, CO2, m²", ["co2", "co2", "m2"]),
    ],
)
def test_figures_and_dates_stay_whole(text: str, tokens: list[str]) -> None:
    assert analyse(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("S.N.C.F.", ["sncf"]),
        ("S.N.C.F", ["sncf"]),
        ("la SNCF, l'S.N.C.F. et la sncf", ["sncf", "sncf", "sncf"]),
        ("EFC", ["efc"]),
        ("l’efc", ["efc"]),
        ("J.-F. Caron", ["jf", "caron"]),
        ("JF Caron", ["jf", "caron"]),
        ("ADEME ademe Ademe ADEMEs", ["adem"] * 4),
        ("les AMAPs, l'AMAP, une amap, des amaps", ["amap"] * 4),
        ("les PLUs", ["plu"]),
    ],
)
def test_acronyms_match_in_any_case_and_number(text: str, tokens: list[str]) -> None:
    assert analyse(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Loos-en-Gohelle", ["loosengohel", "loos", "gohel"]),
        ("loos en gohelle", ["loos", "gohel"]),
        ("Loos‑en‑Gohelle", ["loosengohel", "loos", "gohel"]),
        ("éco-quartier", ["ecoquarti", "eco", "quarti"]),
        ("écoquartiers", ["ecoquarti"]),
        ("main-d’œuvre", ["mainoeuvr", "main", "oeuvr"]),
        ("permet-il, a-t-on, va-t-elle", ["permet", "va"]),
        ("c'est-à-dire", ["dir"]),
    ],
)
def test_compounds_give_themselves_and_their_parts(text: str, tokens: list[str]) -> None:
    assert analyse(text) == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("œuvre", "OEUVRE"),
        ("ex æquo", "ex aequo"),
        ("ﬁnance", "finance"),
        ("fondée", "fondé"),
        ("FONDÉES", "fondees"),
        ("économie d’énergie", "ECONOMIE D'ENERGIE"),
        ("cheval", "CHEVAL"),
        ("habitants", "habitant"),
        ("soli\u00addaire", "solidaire"),
        ("Łódź", "lodz"),
        ("مُدِينَة", "مدينة"),
    ],
)
def test_spellings_of_one_word_give_the_same_tokens(one: str, other: str) -> None:
    assert analyse(one) == analyse(other) != []


def test_other_scripts_and_pictographs_have_tokens_of_their_own() -> None:
    assert analyse("🌱🐝 مدينة żółw が 한국어") == ["🌱", "🐝", "مدينة", "zolw", "が", "한국어"]


def test_a_lone_surrogate_is_passed_over() -> None:
    assert analyse("\ud800 terril") == ["terril"]


@given(st.text())
def test_the_unicode_form_changes_nothing_and_tokens_hold_no_space(text: str) -> None:
    tokens = analyse(unicodedata.normalize("NFC", text))
    assert analyse(unicodedata.normalize("NFD", text)) == tokens
    assert all(token and token == token.strip() and " " not in token and "^" not in token for token in tokens)


def test_threads_give_the_same_tokens_as_one_alone() -> None:
    texts = [f"habitants{'x' * (number % 50)} solidaires transition" for number in range(2000)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(analyse, texts))
    assert found == [analyse(text) for text in texts]
