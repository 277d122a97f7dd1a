import time
from pathlib import Path

import pytest

from chatbot.follow_up import Turn, Understood, understand
from index.gold import read_gold

ROOT = Path(__file__).parents[2]
CHARTER = Turn("Quand la Charte du cadre de vie a-t-elle été adoptée ?", "La Charte a été adoptée en 2001. [1]")
MAYOR = Turn("Qui était maire à la fermeture des mines ?", "Marcel Caron était maire de Loos-en-Gohelle. [1]")
NATURE = Turn("Que fait la ville pour la biodiversité ?", "Elle compte les hirondelles. [1]")
PEOPLE = Turn("Quelle était la population en 1999 ?")
NEXT = Turn("Qui est le prédécesseur de Jean Petit ?", "Jean Petit a succédé à Marcel Caron. [1]")
WHO = Turn("Who was mayor of Loos-en-Gohelle?", "Marcel Caron était maire. [1]")
ENGLISH = Turn("What does the town do about biodiversity?")


@pytest.mark.parametrize(
    ("turn", "question", "whole"),
    [
        (CHARTER, "Et par qui ?", "Par qui la Charte du cadre de vie a-t-elle été adoptée\u00a0?"),
        (CHARTER, "pourquoi", "Pourquoi la Charte du cadre de vie a-t-elle été adoptée\u00a0?"),
        (CHARTER, "C’est où ?", "Où la Charte du cadre de vie a-t-elle été adoptée\u00a0?"),
        (MAYOR, "Et quand ?", "Qui était maire à la fermeture des mines ? Et quand ?"),
        (MAYOR, "Qui était-il ?", "Qui était Marcel Caron ?"),
        (MAYOR, "Il est mort quand ?", "Marcel Caron est mort quand ?"),
        (CHARTER, "Que dit-elle ?", "Quand la Charte du cadre de vie a-t-elle été adoptée ? Que dit-elle ?"),
        (CHARTER, "Combien ça a coûté ?", f"{CHARTER.question} Combien ça a coûté ?"),
        (CHARTER, "Qui a financé ce projet ?", f"{CHARTER.question} Qui a financé ce projet ?"),
        (NATURE, "Et pour l'énergie ?", "Que fait la ville pour l'énergie\u00a0?"),
        (NATURE, "Et l’agriculture ?", "Que fait la ville pour l’agriculture\u00a0?"),
        (NATURE, "Et celui des habitants ?", "Que fait la ville pour les habitants\u00a0?"),
        (NATURE, "Et à Lens ?", "Que fait la ville pour la biodiversité à Lens\u00a0?"),
        (PEOPLE, "Et en 2022 ?", "Quelle était la population en 2022\u00a0?"),
        (PEOPLE, "et 2008 ?", "Quelle était la population en 2008\u00a0?"),
        (CHARTER, "Et les Gohelliades ?", "Quand les Gohelliades\u00a0?"),
        (CHARTER, "Et pour l'énergie ?", "L'énergie\u00a0?"),
        (MAYOR, "Et les terrils ?", "Les terrils\u00a0?"),
        (MAYOR, "Et avant lui ?", "Qui était maire à la fermeture des mines avant Marcel Caron\u00a0?"),
        (MAYOR, "Et son prédécesseur ?", "Qui est le prédécesseur de Marcel Caron\u00a0?"),
        (MAYOR, "Et son adjoint ?", "Qui est l’adjoint de Marcel Caron\u00a0?"),
        (WHO, "And before him?", "Who was mayor before Marcel Caron?"),
        (WHO, "And his deputy?", "Who is the deputy of Marcel Caron?"),
        (NEXT, "Et son prédécesseur ?", "Qui est le prédécesseur de Marcel Caron\u00a0?"),
        (CHARTER, "Et avant elle ?", f"{CHARTER.question} Et avant elle ?"),
        (CHARTER, "Qui l’a rédigée ?", f"{CHARTER.question} Qui l’a rédigée ?"),
        (CHARTER, "Qui la finance ?", f"{CHARTER.question} Qui la finance ?"),
        (Turn("Qui était Marcel Caron ?"), "Et Jean-François Caron ?", "Qui était Jean-François Caron\u00a0?"),
        (MAYOR, "Qui lui a succédé ?", f"{MAYOR.question} Qui lui a succédé ?"),
        (MAYOR, "Elle a fermé quand ?", f"{MAYOR.question} Elle a fermé quand ?"),
        (CHARTER, "sinon elle coûte combien ?", f"{CHARTER.question} sinon elle coûte combien ?"),
        (CHARTER, "super, et il habitait où ?", f"{CHARTER.question} super, et il habitait où ?"),
        (MAYOR, "De quel parti ?", f"{MAYOR.question} De quel parti ?"),
        (NATURE, "Qui en fait partie ?", f"{NATURE.question} Qui en fait partie ?"),
        (CHARTER, "Elle mesure combien ?", f"{CHARTER.question} Elle mesure combien ?"),
        (CHARTER, "C'est quoi ?", f"{CHARTER.question} C'est quoi ?"),
        (Turn(f"{MAYOR.question} Et quand ?"), "Et combien ?", f"{MAYOR.question} Et combien ?"),
        (ENGLISH, "What about energy?", "What does the town do about energy?"),
        (ENGLISH, "And why?", "What does the town do about biodiversity? And why?"),
    ],
)
def test_a_question_that_leans_is_made_whole(turn: Turn, question: str, whole: str) -> None:
    assert understand(question, [PEOPLE, turn]) == Understood(whole)


@pytest.mark.parametrize(
    "question",
    ["Peux-tu préciser ?", "dis-m'en plus stp", "Plus de détails", "En savoir plus", "Tell me more", "C'est-à-dire ?"],
)
def test_asking_for_more_asks_the_same_again_for_what_was_not_said(question: str) -> None:
    assert understand(question, [NATURE]) == Understood(NATURE.question, more=True)


@pytest.mark.parametrize(
    "question",
    [
        "Il y a combien d'habitants à Loos ?",
        "caron il a fait quoi",
        "mathon elle dirige la mairie depuis quand",
        "Quand la médiathèque a-t-elle ouvert ?",
        "Ça coûte combien, la cantine ?",
        "Le cuistot du Ménadel, il s'appelle comment ?",
        "Quel temps fera-t-il demain ?",
        "Et si on parlait de la culture, que fait la ville ?",
        "Bonjour",
        "Ça va ?",
        "Et merci",
        "Comment ça marche ?",
        "énergie",
        "Quelle est la place de l'agriculture ?",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert understand(question, [CHARTER, MAYOR]) is None


@pytest.mark.parametrize("turn", [CHARTER, MAYOR, NATURE, PEOPLE, ENGLISH])
def test_no_gold_question_is_taken_for_one_that_leans(turn: Turn) -> None:
    questions = [gold.question for gold in read_gold(ROOT / "corpus" / "questions.jsonl")]
    assert len(questions) > 200
    assert [question for question in questions if understand(question, [turn])] == []


@pytest.mark.parametrize(
    "text", ["et" + "\u00a0" * 9000 + "?a", "et" + "," * 9000 + "?a", "stp " * 2500, "et " * 3000, "combien en " * 900]
)
def test_no_text_takes_long(text: str) -> None:
    started = time.perf_counter()
    understand(text, [CHARTER, Turn(text)])
    assert time.perf_counter() - started < 0.1


def test_small_talk_and_blank_or_endless_turns_are_nothing_to_lean_on() -> None:
    assert understand("Et quand ?", [Turn("Merci"), Turn(" "), Turn("x" * 10_000)]) is None
    assert understand("Et pour l'énergie ?", [NATURE, Turn("Merci")]) == understand("Et pour l'énergie ?", [NATURE])


def test_without_anything_before_nothing_is_understood() -> None:
    assert understand("Et quand ?", []) is None
