"""What is small talk, and above all what is not."""

import pytest

from chatbot.answer import Reason
from chatbot.french import lacks_amount
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
