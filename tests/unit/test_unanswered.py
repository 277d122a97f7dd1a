"""Questions without answer: counted only where the operator chose to, for so many days, and nothing of who asked."""

import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from chatbot import unanswered as module
from chatbot.answer import Abstention, Reason
from chatbot.messages import ENGLISH, FRENCH, counting
from chatbot.settings import Settings
from chatbot.unanswered import Question, Unanswered, without_personal_data

REPLY = Abstention("Où est la piscine ?", None, "fr", Reason.NOT_IN_CORPUS, "", (), (), 0.0, {}, "b")
TODAY = date.today().isoformat()


def kept(folder: Path, days: int = 30) -> Unanswered:
    return Unanswered(Settings(unanswered=folder / "questions", unanswered_days=days))


def test_nothing_is_kept_by_default(tmp_path: Path) -> None:
    assert Settings().unanswered_days == 0
    assert not kept(tmp_path, 0).keep(REPLY)
    kept(tmp_path, 0).drop_old()
    assert kept(tmp_path, 0).questions() == []
    assert list(tmp_path.iterdir()) == []
    assert counting(FRENCH, 0) is FRENCH


def test_questions_are_counted_by_their_text(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    for asked in ("Où est la piscine ?", "ou est la  piscine", "Où est la PISCINE", "Quand ouvre-t-elle ?"):
        assert questions.keep(replace(REPLY, question=asked))
    assert questions.keep(replace(REPLY, question="Et là ?", understood="Où est la piscine ?"))
    found = questions.questions()
    assert found[0] == Question("Où est la piscine ?", "not_in_corpus", 3, TODAY)
    assert [(question.question, question.count) for question in found[1:]] == [
        *(("Quand ouvre-t-elle ?", 1), ("ou est la piscine", 1)),
    ]
    assert [question.question for question in questions.questions(most=1)] == ["Où est la piscine ?"]


def test_what_is_no_question_to_the_documents_is_not_kept(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    for reason in (Reason.GREETING, Reason.THANKS, Reason.ABOUT, Reason.NO_WORDS, Reason.NOTHING_MORE):
        assert not questions.keep(replace(REPLY, reason=reason))
    assert questions.questions() == []


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("Écrivez à anne.b@exemple.fr svp", "Écrivez à […] svp"),
        ("Mon numéro : 06 12 34 56 78.", "Mon numéro : […]."),
        ("+33 (0)6 est à moi, 0612345678 aussi", "+33 (0)6 est à moi, […] aussi"),
        ("n° 2 85 05 78 006 084 36", "n° […]"),
        ("FR76 3000 6000 0112 3456 7890 189 est mon compte", "[…] est mon compte"),
        ("voir https://exemple.fr/moi?x=1 ici", "voir […] ici"),
        ("Qu’a fait la ville en 2001 et 2024 ?", "Qu’a fait la ville en 2001 et 2024 ?"),
        ("Le terril 11/19 fait 146 m, 90 hectares ?", "Le terril 11/19 fait 146 m, 90 hectares ?"),
    ],
)
def test_what_looks_like_a_person_is_left_out(asked: str, written: str) -> None:
    assert without_personal_data(asked) == written


def test_a_flood_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_A_DAY", 3)
    questions = kept(tmp_path)
    letters = [questions.keep(replace(REPLY, question=f"{letter} ?")) for letter in "abcde"]
    assert letters == [True, True, True, False, False]
    assert questions.keep(replace(REPLY, question="a ?")), "what is known is still counted"
    assert len(without_personal_data("mot " * 1000)) <= 300


def test_days_that_are_over_go_and_leave_nothing(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    questions.keep(replace(REPLY, question="Où est mon secret ?"))
    questions.keep(REPLY)
    file = tmp_path / "questions" / "questions.sqlite"
    with sqlite3.connect(file) as opened:
        old = (date.today() - timedelta(days=30)).isoformat()
        opened.execute("update questions set day = ? where question like '%secret%'", (old,))
    opened.close()
    assert [question.question for question in questions.questions()] == ["Où est la piscine ?"]
    questions.drop_old()
    assert b"secret" not in file.read_bytes()
    assert len(questions.questions()) == 1


def test_a_damaged_file_keeps_nobody_from_a_reply(tmp_path: Path) -> None:
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "questions.sqlite").write_bytes(b"x" * 5000)
    assert not kept(tmp_path).keep(REPLY)
    assert kept(tmp_path).questions() == []
    kept(tmp_path).drop_old()


@pytest.mark.parametrize("messages", [FRENCH, ENGLISH])
def test_the_foot_of_the_page_says_so(messages) -> None:
    assert "30" in counting(messages, 30).machine_notice
    assert counting(messages, 30).language == messages.language
