import pytest

from chatbot.language import detect_language


@pytest.mark.parametrize(
    ("language", "questions"),
    [
        (
            "fr",
            "EFC | C'est quoi l'EFC ? | Qui ? | Base 11/19 | cest koi la charte | la fabrik des transition | "
            "code source | Julian Perdrigeat | "
            "Me loger à Loos ? | Ça me concerne ? | Puis-je me baigner ? | Aidez-moi à me chauffer | Vivre in situ ? | "
            "Peux-tu me présenter Marcel Caron ? | Puis-je te tutoyer ? | Man Ray à Loos ? | Ile verte ? | "
            "Où est le terril ? | date adoption charte | ville de Loos en Gohelle | 🙂",
        ),
        (
            "en",
            "When was the charter adopted? | What does the Fabrique des transitions do? | Who is the mayor? | "
            "How many people live in the town?",
        ),
        ("de", "Wer war Bürgermeister? | Wann wurden die Zechen geschlossen? | Wie viele Einwohner hat die Stadt?"),
        ("es", "¿Quién era el alcalde? | ¿Cuándo cerraron las minas?"),
        ("nl", "Wie was de burgemeester? | Wanneer sloten de mijnen? | Hoeveel inwoners heeft de stad?"),
        ("pl", "Kto był burmistrzem? | Ile osób mieszka w mieście?"),
        ("ar", "من كان العمدة؟ | متى أغلقت المناجم في Loos-en-Gohelle؟"),
    ],
)
def test_short_questions_are_recognised(language, questions):
    assert {question: detect_language(question) for question in questions.split(" | ")} == dict.fromkeys(
        questions.split(" | "), language
    )
