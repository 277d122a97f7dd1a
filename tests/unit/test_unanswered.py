"""Questions without answer: counted only where the operator chose to, for so many days, and nothing of who asked."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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


def asked(questions: Unanswered) -> list[Question]:
    """What is counted, once it is written down."""
    assert questions.flush()
    return questions.questions()


def test_nothing_is_kept_by_default(tmp_path: Path) -> None:
    assert Settings().unanswered_days == 0
    assert not kept(tmp_path, 0).keep(REPLY)
    kept(tmp_path, 0).drop_old()
    assert kept(tmp_path, 0).questions() == []
    assert list(tmp_path.iterdir()) == []
    assert counting(FRENCH, 0) is FRENCH


def test_questions_are_counted_by_their_text(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    for text in ("Où est la piscine ?", "ou est la  piscine", "Où est la PISCINE", "Quand ouvre-t-elle ?"):
        assert questions.keep(replace(REPLY, question=text))
    assert questions.keep(replace(REPLY, question="Et là ?", understood="Où est la piscine ?"))
    found = asked(questions)
    assert found[0] == Question("Où est la piscine ?", "not_in_corpus", 3, TODAY)
    assert [(question.question, question.count) for question in found[1:]] == [
        *(("Quand ouvre-t-elle ?", 1), ("ou est la piscine", 1)),
    ]
    assert [question.question for question in questions.questions(most=1)] == ["Où est la piscine ?"]


def test_what_is_no_question_to_the_documents_is_not_kept(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    for reason in (Reason.GREETING, Reason.THANKS, Reason.ABOUT, Reason.NO_WORDS, Reason.NOTHING_MORE):
        assert not questions.keep(replace(REPLY, reason=reason))
    assert asked(questions) == []


@pytest.mark.parametrize(
    ("text", "written"),
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
def test_what_looks_like_a_person_is_left_out(tmp_path: Path, text: str, written: str) -> None:
    assert without_personal_data(text) == written
    questions = kept(tmp_path)
    questions.keep(replace(REPLY, question=text))
    assert [question.question for question in asked(questions)] == [written]


def test_a_flood_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_A_DAY", 3)
    questions = kept(tmp_path)
    for letter in "abcdea":
        questions.keep(replace(REPLY, question=f"{letter} ?"))
    found = asked(questions)
    assert [(question.question, question.count) for question in found] == [("a ?", 2), ("b ?", 1), ("c ?", 1)]
    assert len(without_personal_data("mot " * 1000)) <= 300


def test_days_that_are_over_go_and_leave_nothing(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    questions.keep(replace(REPLY, question="Où est mon secret ?"))
    questions.keep(REPLY)
    assert questions.flush()
    file = tmp_path / "questions" / "questions.sqlite"
    with sqlite3.connect(file) as opened:
        old = (date.today() - timedelta(days=30)).isoformat()
        opened.execute("update questions set day = ? where question like '%secret%'", (old,))
    opened.close()
    assert [question.question for question in questions.questions()] == ["Où est la piscine ?"]
    questions.drop_old()
    assert b"secret" not in file.read_bytes()
    assert len(questions.questions()) == 1


def test_a_damaged_file_keeps_nobody_from_a_reply(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "questions.sqlite").write_bytes(b"x" * 5000)
    questions = kept(tmp_path)
    questions.keep(REPLY)
    assert asked(questions) == []
    assert "could not be counted" in caplog.text
    questions.drop_old()


def test_a_busy_disk_delays_nobody_and_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 10)
    questions = kept(tmp_path)
    questions.keep(REPLY)
    assert questions.flush()
    with closing(sqlite3.connect(tmp_path / "questions" / "questions.sqlite")) as other:
        other.execute("begin exclusive")
        started = time.monotonic()
        tried = [questions.keep(replace(REPLY, question=f"Numéro {number} ?")) for number in range(20)]
        assert time.monotonic() - started < 1, "the other may hold the file for five seconds"
        assert tried == [True] * 10 + [False] * 10
        assert len(caplog.records) == 1
        assert not questions.flush(0.1)
        other.rollback()
    assert len(asked(questions)) == 11
    assert questions.keep(REPLY), "there is room again"
    assert asked(questions)[0].count == 2


def test_many_askers_at_once_are_all_counted(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    with ThreadPoolExecutor(8) as askers:
        assert all(askers.map(lambda _: questions.keep(REPLY), range(200)))
    assert [question.count for question in asked(questions)] == [200]


def test_half_a_character_breaks_nothing(tmp_path: Path) -> None:
    questions = kept(tmp_path)
    assert questions.keep(replace(REPLY, question="Où est \ud83d la piscine ?"))
    assert questions.keep(REPLY)
    assert len(asked(questions)) == 1


@pytest.mark.parametrize("messages", [FRENCH, ENGLISH])
def test_the_foot_of_the_page_says_so(messages) -> None:
    assert "30" in counting(messages, 30).machine_notice
    assert counting(messages, 30).language == messages.language
