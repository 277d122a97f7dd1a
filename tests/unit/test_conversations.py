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
from chatbot.messages import ENGLISH, FRENCH, Messages
from chatbot.page import _SAME, Kept, _Conversations
from chatbot.settings import Settings
from tests.unit.test_page import ABSTENTION, ANSWER

PAGE = "page"


class Answering:
    """A service that answers when it is let."""

    settings = Settings()
    is_ready = True
    failure: str | None = None
    offered: tuple[str, ...] = ("Et l’eau ?", "Et l’air ?")

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


def conversations(service: Answering, messages: Messages = FRENCH) -> _Conversations:
    return _Conversations(service, messages)  # type: ignore[arg-type]


async def asked(on: _Conversations, question: str, page: str = PAGE) -> list[list[Any]]:
    return [update async for update in on.respond(question, page)]


def ids_of_questions(kept: Kept) -> list[str]:
    said = [message["content"] for message in kept.messages if message["role"] == "user"]
    return re.findall(r'id="(asked-\d+)"', " ".join(said))


def test_two_questions_of_one_instant_are_answered_one_after_the_other() -> None:
    service = Answering()
    on = conversations(service)

    async def both() -> None:
        service.may_answer.clear()
        first, second = (asyncio.create_task(asked(on, question)) for question in ("Un ?", "Deux ?"))
        await asyncio.sleep(0.1)
        assert service.turns == [("Un ?", [])], "the second waits"
        service.may_answer.set()
        await asyncio.gather(first, second)

    asyncio.run(both())
    assert service.turns == [("Un ?", []), ("Deux ?", ["Un ?"])], "and knows of the first"
    assert ids_of_questions(on.kept(PAGE)) == ["asked-1", "asked-2"]
    assert on.kept(PAGE).asked == ["Un ?", "Deux ?"]


def test_two_pages_do_not_wait_for_one_another_and_do_not_mix() -> None:
    on = conversations(Answering())
    asyncio.run(asked(on, "Un ?", "one"))
    asyncio.run(asked(on, "Deux ?", "two"))
    assert (on.kept("one").asked, on.kept("two").asked) == (["Un ?"], ["Deux ?"])


def test_after_a_stop_the_next_question_does_not_wait_for_the_one_that_was_stopped() -> None:
    on = conversations(Answering())

    async def stopped() -> None:
        stream = on.respond("Un ?", PAGE)
        await anext(stream)  # suspended there, as Gradio leaves what it cancels
        back = on.stop("", PAGE)
        assert (back[0], on.kept(PAGE).waiting) == ("Un ?", "")
        assert text_html(FRENCH.stopped) in back[1][-1]["content"]
        assert on.stop("Un ?", PAGE)[1] == back[1], "pressed twice"
        await asyncio.wait_for(asked(on, "Deux ?"), 5)
        assert [update async for update in stream] == [], "what was stopped says nothing more"

    asyncio.run(stopped())
    assert on.kept(PAGE).asked == ["Deux ?"]


@pytest.mark.parametrize("how", ["stop", "begin"])
def test_an_answer_that_comes_after_it_was_stopped_changes_nothing(how: str) -> None:
    """Gradio may stop, or clear, before it cancels what runs."""
    service = Answering()
    on = conversations(service)

    async def stopped() -> list[list[Any]]:
        service.may_answer.clear()
        running = asyncio.create_task(asked(on, "Un ?"))
        waiting = asyncio.create_task(asked(on, "Deux ?"))
        await asyncio.sleep(0.1)
        if how == "stop":
            on.stop("", PAGE)
        else:
            on.begin(PAGE)
        service.may_answer.set()
        await waiting
        return await running

    updates = asyncio.run(stopped())
    assert len(updates) == 1, "that it is looked for"
    assert (on.kept(PAGE).messages, on.kept(PAGE).turns, on.kept(PAGE).asked) == ([], [], [])
    assert [question for question, _ in service.turns] == ["Un ?"], "who waited was stopped too"


def test_stopping_leaves_what_was_typed_meanwhile() -> None:
    on = conversations(Answering())

    async def stopped() -> Any:
        await anext(on.respond("Un ?", PAGE))
        return on.stop("Deux", PAGE)[0]

    assert asyncio.run(stopped()) == _SAME


@pytest.mark.parametrize(("error", "why"), [(ValueError("x"), FRENCH.failed), (NotReady("Pas encore."), "Pas encore.")])
def test_a_question_that_gets_no_reply_is_kept_and_can_be_asked_again(error: Exception, why: str) -> None:
    service = Answering(error)
    on = conversations(service)
    *_, last = asyncio.run(asked(on, "Un ?"))
    box, shown, *_ = last
    assert box == "Un ?"
    assert shown[-1]["options"] == [{"value": "Un ?", "label": FRENCH.try_again}]
    assert text_html(why) in shown[-1]["content"]
    assert (on.kept(PAGE).messages, on.kept(PAGE).turns, on.kept(PAGE).waiting) == ([], [], "")
    service.reply = ANSWER
    asyncio.run(asked(on, "Un ?"))
    assert on.kept(PAGE).asked == ["Un ?"]


def test_a_question_that_was_pressed_leaves_the_box_as_it_is() -> None:
    on = conversations(Answering())

    async def pressed() -> list[list[Any]]:
        return [update async for update in on.respond_to_offer("Un ?", PAGE)]

    assert {str(update[0]) for update in asyncio.run(pressed())} == {str(_SAME)}
    assert on.kept(PAGE).asked == ["Un ?"]


def test_a_reply_stands_though_no_questions_are_found_to_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Answering()
    on = conversations(service)

    def fails(*_: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(service, "theme_questions", fails)
    *_, last = asyncio.run(asked(on, "Un ?"))
    assert "Une phrase" in last[1][-1]["content"]


def test_a_long_conversation_forgets_its_beginning_and_still_tells_its_questions_apart() -> None:
    on = conversations(Answering())

    async def forty() -> None:
        for number in range(40):
            await asked(on, f"Question {number} ?")

    asyncio.run(forty())
    kept = on.kept(PAGE)
    assert len(kept.messages) == 2 * len(kept.asked) == 60
    assert ids_of_questions(kept)[-1] == "asked-40"
    assert kept.asked[-1] == "Question 39 ?"


def test_conversations_are_forgotten_after_a_day_and_the_oldest_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = conversations(Answering())
    asyncio.run(asked(on, "Un ?"))
    monkeypatch.setattr("chatbot.page._CONVERSATIONS", 3)
    for page in "abc":
        on.kept(page)
    assert on.kept(PAGE).asked == []
    asyncio.run(asked(on, "Deux ?"))
    used_at = on.kept(PAGE).used_at
    monkeypatch.setattr("chatbot.page.time.monotonic", lambda: used_at + 23 * 3600)
    on.kept("d")
    assert on.kept(PAGE).asked == ["Deux ?"], "and that it was looked for counts as use"
    monkeypatch.setattr("chatbot.page.time.monotonic", lambda: used_at + 48 * 3600)
    assert on.kept("e").asked == on.kept(PAGE).asked == []


def test_a_question_says_in_which_language_it_is() -> None:
    on = conversations(Answering(ABSTENTION))
    asyncio.run(asked(on, "What did the town do for the birds?"))
    assert 'lang="en"' in on.kept(PAGE).messages[0]["content"]
    english = conversations(Answering(), ENGLISH)
    asyncio.run(asked(english, "Noël ?"))
    assert 'lang="en"' in english.kept(PAGE).messages[0]["content"], "on the English page, English"


def test_a_new_conversation_offers_the_questions_of_the_build_that_is_live() -> None:
    service = Answering()
    on = conversations(service)
    service.offered = ("Et le feu ?",)
    box, shown, _, title, first, second, *_ = on.begin(PAGE)
    assert (box, shown) == ("", [])
    assert title["value"].endswith(FRENCH.theme_questions)
    assert (first["value"], first["visible"]) == ("Et le feu ?", True)
    assert not second["visible"]
