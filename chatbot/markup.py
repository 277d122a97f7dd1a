"""A reply as the page shows it. What others wrote, questions and documents alike, is text here and never markup."""

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby

from chatbot.answer import Answer, Citation, Reply
from chatbot.messages import Messages, messages_for
from chatbot.sources import web_address
from ingest import Reference

__all__ = ["reply_html", "text_html"]

_SPECIAL = re.compile(r"[!-/:-@\[-`{-~\n]")
_WEB_ADDRESS = re.compile(r"(https?://\S*[^\s.,;:!?)»])")


def text_html(text: str) -> str:
    """A text that stays a text, whatever it holds: neither HTML nor Markdown nor formulas are seen in it.

    Every ASCII punctuation mark becomes a character reference, and so does every line break.
    """
    return _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", text)


def reply_html(reply: Reply, sentences: int | None = None) -> str:
    """A reply as one line of HTML; of an answer, only the first `sentences` where given, without the sources."""
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
        places = reply.citations if sentences is None else ()
        title = messages.sources
    else:
        html = f'<p class="abstention">{_linked(reply.text)}</p>'
        places, title = reply.nearest, messages.see_also if reply.is_partial else messages.nearest
    if places:
        # What is nearest is a whole passage, not a quote: the sources of its sentences stand with its text.
        is_partial = not isinstance(reply, Answer) and reply.is_partial
        based_on = isinstance(reply, Answer) or is_partial
        items = "".join(
            f"<li>{_quote(place) if is_partial else ''}{_place(place, messages, based_on)}</li>" for place in places
        )
        html += f'<h2 class="places-title">{text_html(title)}</h2><ol class="places">{items}</ol>'
    if not isinstance(reply, Answer) and reply.suggestions:
        html += f'<p class="suggestions">{text_html(messages.suggestions)}</p>'
    whole = "" if sentences is None else " growing"
    if reply.understood:
        said = text_html(messages.understood.format(question=reply.understood))
        html = f'<p class="understood">{said}</p>{html}'
    return f'<div class="reply{whole}" lang="{messages.language}">{html}</div>'


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


def _linked(text: str) -> str:
    """A text with the web addresses in it as links."""
    return "".join(
        f'<a href="{escape(part)}" target="_blank" rel="noopener">{text_html(part)}</a>' if i % 2 else text_html(part)
        for i, part in enumerate(_WEB_ADDRESS.split(text))
    )


def _mark(citation: Citation, messages: Messages) -> str:
    return (
        f'<a class="cite" href="{escape(citation.deep_link)}" target="_blank" rel="noopener" '
        f'title="{text_html(" › ".join((citation.title, *citation.heading_path)))}">'
        f'<span class="unseen">{text_html(messages.source)} </span>&#91;{citation.number}&#93;</a>'
    )


def _place(citation: Citation, messages: Messages, based_on: bool) -> str:
    """A source: where it is, whose words, since when, what these are `based_on`, and the links to it."""
    path = "".join(f' <span class="path" lang="fr">› {text_html(heading)}</span>' for heading in citation.heading_path)
    about = messages.origin(citation.kind, citation.publisher, citation.published)
    about = f'<span class="about">{text_html(about)}</span>' if about else ""
    if based_on and citation.references:
        references = " ; ".join(_reference(reference) for reference in citation.references)
        about += f'<span class="about">{text_html(messages.based_on)} <span lang="fr">{references}</span></span>'
    unseen = f'<span class="unseen"> ({text_html(messages.source)} {citation.number})</span>'
    links = [(citation.deep_link, messages.read_in_context), (web_address(citation.url), messages.original_page)]
    anchors = " ".join(
        f'<a href="{escape(address)}" target="_blank" rel="noopener">{text_html(name)}{unseen}</a>'
        for address, name in links
        if address
    )
    title = f'<span class="title" lang="fr">{text_html(citation.title)}</span>'
    return f'{title}{path} {about}<span class="links">{anchors}</span>'


def _reference(reference: Reference) -> str:
    """A source that a statement names: who publishes it, and its title as a link to it."""
    name = text_html(reference.title or reference.url)
    publisher = f"{text_html(reference.publisher)} – " if reference.publisher else ""
    if url := web_address(reference.url):
        return f'{publisher}<a href="{escape(url)}" target="_blank" rel="noopener">{name}</a>'
    return publisher + name
