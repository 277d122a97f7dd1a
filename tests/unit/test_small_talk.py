"""What is small talk, and above all what is not."""

import pytest

from chatbot.answer import Reason
from chatbot.french import counts_what_is_asked, lacks_amount
from chatbot.small_talk import small_talk


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        *(
            (said, Reason.GREETING)
            for said in ("Bonjour", "bonsoir !", "Salut, ça va ?", "Hello there", "Hola", "👋 coucou")
        ),
        *((said, Reason.THANKS) for said in ("Merci", "ok merci beaucoup !", "Merci pour votre réponse.")),
        *((said, Reason.GOODBYE) for said in ("au revoir", "Merci, et bonne journée !", "ok bye", "Merci au revoir")),
        *(
            (said, Reason.ABOUT)
            for said in (
                *("Que sais-tu faire ?", "Qui êtes-vous ?", "T’es un robot ?", "help", "Aide-moi", "Es-tu une IA ?"),
                *("Êtes-vous une vraie personne ?", "C'est une IA qui répond ?", "Are you an AI?"),
            )
        ),
    ],
)
def test_small_talk_is_recognised_whole(said: str, reason: Reason) -> None:
    assert small_talk(said) is reason


@pytest.mark.parametrize(
    "said",
    [
        *("Bonjour, qui est le maire ?", "Merci de me dire où sont les terrils", "Que sais-tu de la ceinture verte ?"),
        *("Qui es-tu allé voir ?", "aide alimentaire", "salut les terrils", "Qui a aidé la ville ?", "", "?!"),
    ],
)
def test_a_question_is_no_small_talk(said: str) -> None:
    assert small_talk(said) is None


@pytest.mark.parametrize(
    ("question", "sentences", "lacks"),
    [
        ("Combien a coûté la charte ?", ["Elle date de 2000."], True),
        ("Combien a coûté la charte ?", ["Elle a coûté 5 000 €."], False),
        ("Quel est le prix du pain ?", ["Il vaut deux euros."], False),
        ("How much was it?", ["Elle date de 2000."], True),
        ("Combien d’habitants ?", ["Elle date de 2000."], False),
    ],
)
def test_an_amount_is_missed_only_where_one_is_asked_for(question: str, sentences: list[str], lacks: bool) -> None:
    assert lacks_amount(question, sentences) is lacks


@pytest.mark.parametrize(
    ("question", "sentence", "is_counted"),
    [
        ("Combien de terrils ?", "Huit terrils se trouvent sur la commune.", True),
        ("Combien y a-t-il de terrils ?", "Les deux grands terrils sont jumeaux.", True),
        ("combien il y a d'habitants", "La ville compte 6 850 habitants.", True),
        ("Combien de terrils ?", "On a vu 71 espèces d’oiseaux sur les terrils.", False),
        ("Combien de terrils ?", "Les terrils mesurent 186 mètres.", False),
    ],
)
def test_a_number_counts_what_stands_right_behind_it(question: str, sentence: str, is_counted: bool) -> None:
    counts = counts_what_is_asked(question)
    assert counts
    assert counts(sentence) is is_counted


@pytest.mark.parametrize("question", ["Combien de temps cela dure-t-il ?", "Combien ça coûte ?", "Quels terrils ?"])
def test_where_no_thing_is_counted_no_number_is_looked_for(question: str) -> None:
    assert counts_what_is_asked(question) is None
