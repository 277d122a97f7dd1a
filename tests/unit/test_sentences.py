import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import sentence_spans


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["M. Caron est élu.", "Mme Durand aussi."],
        ["Il habite au n° 12 de la rue.", "Elle aussi."],
        ["J.-F. Caron fut maire.", "Puis G. Mathon."],
        ["Selon J.-F. Caron, c’est utile."],
        ["L’agence (ADEME) évalue la ville.", "Elle publie un rapport."],
        ["Des luttes (considérées comme un déchet)…", "La culture est un filet."],
        ["Mobilité, énergie, biodiversité, …", "La suite vient."],
        ["Coopération, mise en récits…", "C’est ainsi qu’une stratégie se dessine."],
        ["Et puis… la suite vient."],
        ["Ils ont cité « Liévin… Lens » dans la liste."],
        ["« Il faut agir. » dit-il."],
        ["Il demande : « Pourquoi croire à la catastrophe ? »", "Personne ne répond."],
        ["Non préparée (pourquoi croire à la catastrophe ?), la fermeture entraîne une perte."],
        ["Le 2 avril 2023, M. Mathon est élu.", "La fosse ferme le 31 janvier 1986."],
        ["Voir art. L. 123-1 du code.", "Voir p. 12."],
        ["Tél. 03 21 00 00 00.", "Ouvert le lundi."],
        ["Cela coûte 3.5 millions.", "En 2001, 1 000 habitants.", "C’est tout !", "Vraiment ?"],
        ["Un texte sans fin de phrase"],
    ],
)
def test_segments_french(expected):
    assert sentences(" ".join(expected)) == expected


def test_blank_text_has_no_sentence():
    assert sentence_spans("") == sentence_spans(" \u00a0\n ") == ()


@given(st.text(alphabet=st.sampled_from("aÉ .…!?«»()\u00a0\n’0-M"), max_size=200))
def test_sentences_hold_every_character_in_order(text):
    spans = sentence_spans(text)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


def test_a_very_long_paragraph_is_segmented_in_time():
    sentence = "La ville plante des arbres (des pommiers) le long de la voie… Les habitants, eux, sèment. "
    text = sentence * 3000
    started = time.perf_counter()
    spans = sentence_spans(text)
    assert time.perf_counter() - started < 5
    assert {text[start:end] for start, end in spans} >= {"Les habitants, eux, sèment."}
    assert len(spans) >= 6000


def test_long_gaps_take_no_time() -> None:
    for space in (" ", "\u00a0", "\u3000"):
        started = time.process_time()
        assert sentence_spans(f"Un.{space * 20_000}Deux{space * 20_000}trois.") == (
            (0, 3),
            (20_003, 20_007),
            (40_007, 40_013),
        )
        assert time.process_time() - started < 1
