"""A reply as the page shows it. What others wrote, questions and documents alike, is text here and never markup."""

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from urllib.parse import urlencode

from chatbot.answer import Answer, Citation, Reason, Reply
from chatbot.follow_up import asks_for_more
from chatbot.messages import Messages, messages_for
from chatbot.plain_page import in_language
from chatbot.sources import original_address, web_address
from ingest import Reference

__all__ = ["MAX_REASON", "feedback_html", "linked_html", "permalink", "permalink_html", "reply_html", "text_html"]

MAX_REASON = 300
"""How long the reason that goes with an opinion may be, in characters."""

_ON_THE_DOCUMENTS = (Reason.NOT_SAID, Reason.NOT_IN_CORPUS, Reason.TOWN_SERVICE)
_SPECIAL = re.compile(r"[!-/:-@\[-`{-~\n]")
_WEB_ADDRESS = re.compile(r"(https?://\S*[^\s.,;:!?)»])")


def text_html(text: str) -> str:
    """A text that stays a text, whatever it holds: neither HTML nor Markdown nor formulas are seen in it.

    Every ASCII punctuation mark becomes a character reference, and so does every line break.
    """
    return _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", text)


def reply_html(reply: Reply, sentences: int | None = None, below: str = "", level: int = 2) -> str:
    """A reply as one line of HTML, with what is to stand `below` what it says.

    Of an answer, only the first `sentences` where given, without the sources; the heading of these is of this `level`.
    """
    messages = messages_for(reply.language)
    if isinstance(reply, Answer):
        shown = reply.sentences[:sentences]
        by_number = {citation.number: citation for citation in reply.citations}
        html = ""
        for is_item, group in groupby(shown, key=lambda sentence: sentence.is_item):
            texts = []
            for sentence in group:
                cited = [by_number[number] for number in sentence.citations]
                texts.append(" ".join((_said(sentence.text, cited), *(_mark(c, messages) for c in cited))))
            if is_item:
                html += f'<ul class="answer" lang="fr">{"".join(f"<li>{text}</li>" for text in texts)}</ul>'
            else:
                html += f'<p class="answer" lang="fr">{" ".join(texts)}</p>'
        html = f"<blockquote>{html}</blockquote>"
        places = reply.citations if sentences is None else ()
        title = messages.sources
    else:
        html = f'<p class="abstention">{linked_html(reply.text)}</p>'
        places, title = reply.nearest, messages.see_also if reply.is_partial else messages.nearest
    sources = ""
    if places:
        # An answer holds its quotes already.
        is_shown = isinstance(reply, Answer)
        items = "".join(
            f"<li>{'' if is_shown else _quote(place)}{_place(place, messages, is_brief=not is_shown)}</li>"
            for place in places
        )
        title = f'<h{level} class="places-title">{text_html(title)}</h{level}>'
        sources = f'<div class="sources">{title}<ol class="places">{items}</ol></div>'
    if not isinstance(reply, Answer) and reply.suggestions:
        below += f'<p class="suggestions">{text_html(messages.suggestions)}</p>'
    whole = "" if sentences is None else " growing"
    if reply.understood:
        understood = text_html(messages.understood.format(question=reply.understood))
        html = f'<p class="understood">{understood}</p>{html}'
    said = f'<div class="said">{html}</div>'
    return f'<div class="reply{whole}" lang="{messages.language}">{said}{sources}{below}</div>'


def permalink_html(reply: Reply) -> str:
    """A link to the reply's own page, as one line of HTML; nothing where there is no such page."""
    messages = messages_for(reply.language)
    address = permalink(reply)
    link = f'<a href="{escape(address)}">{text_html(messages.permalink)}</a>'
    return f'<p class="permalink" lang="{messages.language}">{link}</p>' if address else ""


def permalink(reply: Reply) -> str:
    """The address of the page that gives this reply, and says so when the documents have changed since.

    Empty where what was said is no question to the documents, or one for more than was said, which no link can hold.
    """
    if asks_for_more(reply.question):
        return ""
    if not isinstance(reply, Answer) and reply.reason not in _ON_THE_DOCUMENTS:
        return ""
    query = urlencode({"q": reply.understood or reply.question, "build": reply.build_id})
    return in_language(f"/ask?{query}", messages_for(reply.language))


def feedback_html(reply: Reply, days: int) -> str:
    """A form that says whether the reply is useful, as one line of HTML; nothing where opinions are not kept, 0 days
    that is, or what was said is no question to the documents."""
    if not days or not permalink(reply):
        return ""
    messages = messages_for(reply.language)
    given = {"question": reply.understood or reply.question, "build": reply.build_id, "lang": messages.language}
    hidden = "".join(f'<input type="hidden" name="{name}" value="{text_html(text)}">' for name, text in given.items())
    options = (("yes", messages.feedback_useful), ("no", messages.feedback_not_useful))
    none = '<button type="submit" disabled hidden></button>'  # the Enter key presses the first: it must say nothing
    buttons = "".join(
        f'<button type="submit" name="useful" value="{value}">{text_html(name)}</button>' for value, name in options
    )
    return (
        f'<form class="feedback" method="post" action="/feedback" lang="{messages.language}">{hidden}<fieldset>'
        f"<legend>{text_html(messages.feedback)}</legend>"
        f"{none}<label>{text_html(messages.feedback_reason)}"
        f' <input type="text" name="reason" maxlength="{MAX_REASON}"></label>'
        f'{buttons}<p class="hint">{text_html(messages.feedback_notice.format(days=days))}</p></fieldset></form>'
    )


def _quote(citation: Citation) -> str:
    return f'<q class="quote" lang="fr">{text_html(citation.quote)}</q>'


def _said(text: str, cited: Sequence[Citation]) -> str:
    """What is quoted, the very words that answer stressed."""
    for citation in cited:
        place = citation.quote.find(text)
        if citation.answer and place >= 0:
            start, end = (offset - citation.start - place for offset in citation.answer)
            if 0 <= start < end <= len(text):
                before, words, after = text[:start], text[start:end], text[end:]
                return f"{text_html(before)}<strong>{text_html(words)}</strong>{text_html(after)}"
    return text_html(text)


def linked_html(text: str) -> str:
    """A text with the web addresses in it as links."""
    return "".join(
        f'<a href="{escape(part)}">{text_html(part)}</a>' if i % 2 else text_html(part)
        for i, part in enumerate(_WEB_ADDRESS.split(text))
    )


def _mark(citation: Citation, messages: Messages) -> str:
    return (
        f'<a class="cite" href="{escape(in_language(citation.deep_link, messages))}" '
        f'title="{text_html(" › ".join((citation.title, *citation.heading_path)))}">'
        f'<span class="unseen">{text_html(messages.source)} </span>&#91;{citation.number}&#93;</a>'
    )


def _place(citation: Citation, messages: Messages, *, is_brief: bool) -> str:
    """A source: where it is, whose words, since when, what these are based on, and the links to it.

    A brief one names only who published what its words are based on: a click away they are told in full.
    """
    path = "".join(f' <span class="path" lang="fr">› {text_html(heading)}</span>' for heading in citation.heading_path)
    if citation.page:
        path += f", {text_html(messages.page_number.format(number=citation.page))}"
    about = messages.origin(
        citation.kind, citation.publisher, citation.published, is_beside_sources=bool(citation.references)
    )
    about = f'<span class="about">{text_html(about)}</span>' if about else ""
    if citation.references:
        publishers = dict.fromkeys(reference.publisher or reference.title for reference in citation.references)
        of_each = map(text_html, publishers) if is_brief else map(_reference, citation.references)
        references = " ; ".join(of_each)
        about += f'<span class="about">{text_html(messages.based_on)} <span lang="fr">{references}</span></span>'
    unseen = f'<span class="unseen"> ({text_html(messages.source)} {citation.number})</span>'
    links = [
        (in_language(citation.deep_link, messages), messages.read_in_context),
        (original_address(citation.url, citation.kind, citation.quote), messages.original_page),
    ]
    anchors = " ".join(
        f'<a href="{escape(address)}">{text_html(name)}{unseen}</a>' for address, name in links if address
    )
    title = f'<span class="title" lang="fr">{text_html(citation.title)}</span>'
    return f'{title}{path} {about}<span class="links">{anchors}</span>'


def _reference(reference: Reference) -> str:
    """A source that a statement names: who publishes it, and its title as a link to it."""
    name = text_html(reference.title or reference.url)
    publisher = f"{text_html(reference.publisher)} – " if reference.publisher else ""
    if url := web_address(reference.url):
        return f'{publisher}<a href="{escape(url)}">{name}</a>'
    return publisher + name
