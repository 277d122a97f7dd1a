"""An answer as a page of its own, without JavaScript: what the plain form gives, and what a shared link opens."""

from collections.abc import Sequence
from datetime import date
from html import escape
from urllib.parse import urlencode

from chatbot.answer import Abstention, Reply
from chatbot.markup import feedback_html, reply_html
from chatbot.messages import Messages
from chatbot.plain_page import in_language, plain_page, question_form
from chatbot.settings import Settings

__all__ = ["answer_page", "ask_page", "asking_html"]


def answer_page(reply: Reply, linked_build: str, messages: Messages, settings: Settings) -> str:
    """The page of a reply; a notice says so if the link to it was made for `linked_build`, and that is another now."""
    notice = ""
    if linked_build and linked_build != reply.build_id:
        notice = f'<p class="notice" role="note">{escape(messages.corpus_changed)}</p>\n'
    suggestions = _question_links(reply.suggestions, messages) if isinstance(reply, Abstention) else ""
    today = messages.date(date.today().isoformat())
    made_from = escape(messages.answered_from.format(build=reply.build_id, date=today))
    main = (
        f'<h1 lang="{reply.language}">{escape(reply.question)}</h1>\n{notice}{reply_html(reply)}\n{suggestions}'
        f'<p class="hint">{made_from}</p>\n{feedback_html(reply, settings.feedback_days)}\n'
        f'<section class="again" aria-labelledby="again">\n<h2 id="again">{escape(messages.ask_another)}</h2>\n'
        f"{question_form(messages, settings.max_question_characters)}</section>"
    )
    path = f"/ask?{urlencode({'q': reply.question, 'build': linked_build or reply.build_id})}"
    return plain_page(f"{reply.question} – {messages.answer_page}", main, messages, path)


def ask_page(messages: Messages, settings: Settings, questions: Sequence[str], asked: str = "", why: str = "") -> str:
    """The form to ask with, and questions to begin with; `why` says what was wrong with the one `asked`."""
    notice = f'<p class="notice" role="alert">{escape(why)}</p>\n' if why else ""
    main = (
        f"<h1>{escape(messages.page_title)}</h1>\n<p>{escape(messages.page_introduction)}</p>\n{notice}"
        f"{asking_html(messages, settings.max_question_characters, questions, asked)}"
    )
    return plain_page(messages.ask_a_question, main, messages, "/ask")


def asking_html(messages: Messages, limit: int, questions: Sequence[str], asked: str = "") -> str:
    """The form to ask with, `limit` in characters, and below it the questions to begin with, if there are any."""
    begin = f"<h2>{escape(messages.theme_questions)}</h2>\n{_question_links(questions, messages)}" if questions else ""
    return f"{question_form(messages, limit, asked)}{begin}"


def _question_links(questions: Sequence[str], messages: Messages) -> str:
    """A list of questions, each a link to its answer."""
    addresses = (in_language(f"/ask?{urlencode({'q': question})}", messages) for question in questions)
    items = "".join(
        f'<li><a href="{escape(address)}" rel="nofollow">{escape(question)}</a></li>\n'
        for question, address in zip(questions, addresses, strict=True)
    )
    return f'<ul class="questions">\n{items}</ul>\n' if items else ""
