"""What the page does from a question to its reply, without a browser: turns, what waits, what goes wrong."""

import asyncio
import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from chatbot.answer import Reply
from chatbot.errors import NotReady
from chatbot.markup import text_html
from chatbot.messages import ENGLISH, FRENCH
from chatbot.page import Kept, _Conversations
from chatbot.settings import Settings
from tests.unit.test_page import ABSTENTION, ANSWER


class Answering:
    """A service that answers when it is let."""

    settings = Settings()
    is_ready = True
    failure: str | None = None
    offered = ("Et l’eau ?", "Et l’air ?")

    def __init__(self, reply: Reply | Exception = ANSWER) -> None:
        self.reply = reply
        self.turns: list[Any] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ask(self, question: str, language: str | None = None, *, turns: Any = ()) -> Reply:
        self.turns.append((question, [turn.question for turn in turns]))
        assert self.may_answer.wait(10)
        if isinstance(self.reply, Exception):
            raise self.reply
        return replace(self.reply, question=question)

    def theme_questions(self, *_: Any) -> tuple[str, ...]:
        return self.offered


def conversations(service: Answering) -> _Conversations:
    return _Conversations(service, FRENCH)  # type: ignore[arg-type]


async def asked(on: _Conversations, question: str, kept: Kept) -> list[list[Any]]:
    return [update async for update in on.respond(question, kept)]


def questions(kept: Kept) -> list[str]:
    said = [message["content"] for message in kept.messages if message["role"] == "user"]
    return re.findall(r'id="(asked-\d+)"', " ".join(said))


def test_two_questions_of_one_instant_are_answered_one_after_the_other() -> None:
    service = Answering()
    on, kept = conversations(service), Kept()

    async def both() -> None:
        service.may_answer.clear()
        first, second = (asyncio.create_task(asked(on, question, kept)) for question in ("Un ?", "Deux ?"))
        await asyncio.sleep(0.1)
        assert service.turns == [("Un ?", [])], "the second waits"
        service.may_answer.set()
        await asyncio.gather(first, second)

    asyncio.run(both())
    assert service.turns == [("Un ?", []), ("Deux ?", ["Un ?"])], "and knows of the first"
    assert questions(kept) == ["asked-1", "asked-2"]
    assert kept.asked == ["Un ?", "Deux ?"]


def test_after_a_stop_the_next_question_does_not_wait_for_the_one_that_was_stopped() -> None:
    service = Answering()
    on, kept = conversations(service), Kept()

    async def stopped() -> None:
        service.may_answer.clear()
        stream = on.respond("Un ?", kept)
        await anext(stream)  # suspended there, as Gradio leaves what it cancels
        back = on.stop(kept)
        assert (back[0], kept.waiting) == ("Un ?", "")
        assert text_html(FRENCH.stopped) in back[1][-1]["content"]
        service.may_answer.set()
        await asyncio.wait_for(asked(on, "Deux ?", kept), 5)
        await stream.aclose()

    asyncio.run(stopped())
    assert kept.asked == ["Deux ?"]


@pytest.mark.parametrize(("error", "why"), [(ValueError("x"), FRENCH.failed), (NotReady("Pas encore."), "Pas encore.")])
def test_a_question_that_gets_no_reply_is_kept_and_can_be_asked_again(error: Exception, why: str) -> None:
    service, kept = Answering(error), Kept()
    *_, last = asyncio.run(asked(conversations(service), "Un ?", kept))
    box, shown, *_ = last
    assert box == "Un ?"
    assert shown[-1]["options"] == [{"value": "Un ?", "label": FRENCH.try_again}]
    assert text_html(why) in shown[-1]["content"]
    assert (kept.messages, kept.turns, kept.waiting) == ([], [], "")
    service.reply = ANSWER
    asyncio.run(asked(conversations(service), "Un ?", kept))
    assert kept.asked == ["Un ?"]


def test_a_long_conversation_forgets_its_beginning_and_still_tells_its_questions_apart() -> None:
    on, kept = conversations(Answering()), Kept()

    async def forty() -> None:
        for number in range(40):
            await asked(on, f"Question {number} ?", kept)

    asyncio.run(forty())
    assert len(kept.messages) == 2 * len(kept.asked) == 60
    assert questions(kept)[-1] == "asked-40"
    assert kept.asked[-1] == "Question 39 ?"


def test_a_question_says_in_which_language_it_is() -> None:
    on, kept = conversations(Answering(ABSTENTION)), Kept()
    asyncio.run(asked(on, "What did the town do for the birds?", kept))
    assert 'lang="en"' in kept.messages[0]["content"]
    english = _Conversations(Answering(), ENGLISH)  # type: ignore[arg-type]
    asyncio.run(asked(english, "Noël ?", kept))
    assert 'lang="en"' in kept.messages[2]["content"], "on the English page, English"


def test_a_new_conversation_offers_the_questions_of_the_build_that_is_live() -> None:
    service = Answering()
    on = conversations(service)
    service.offered = ("Et le feu ?",)
    *_, title, first, second = on.begin()[:7]
    assert title["value"].endswith(FRENCH.theme_questions)
    assert (first["value"], first["visible"]) == ("Et le feu ?", True)
    assert not second["visible"]
