"""The frame of every page that needs no script: its head, the ways to the other pages, its foot."""

from html import escape
from urllib.parse import urlencode

from chatbot.messages import LANGUAGES, Messages

__all__ = ["in_language", "page_footer", "page_header", "plain_page", "question_form"]

_MARK = (
    '<svg class="mark" viewBox="0 0 40 24" width="40" height="24" aria-hidden="true" focusable="false">'
    '<path d="M1 23 13 4l5 7 3-3 1 1 3-6 14 20z"/></svg>'
)
"""The twin spoil tips above the town, as a decorative picture."""


def plain_page(title: str, main: str, messages: Messages, path: str = "", start: str = "contenu") -> str:
    """A whole page: `main` under the head that all pages share.

    `path` is its own address without the language, empty where there is no sense in switching; `start` the id that the
    link to skip the head leads to.
    """
    name = escape(messages.site_name)
    return (
        f'<!doctype html>\n<html lang="{messages.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} – {name}</title>\n"
        '<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">\n'
        '<link rel="stylesheet" href="/static/site.css">\n</head>\n'
        f'<body class="plain">\n{page_header(messages, path, start, messages.skip_to_text)}'
        f'<main id="contenu" tabindex="-1">\n{main}\n</main>\n{page_footer(messages)}</body>\n</html>\n'
    )


def page_header(messages: Messages, path: str, start: str, skip: str) -> str:
    """The head of every page: a link that skips it, the service's name, the other pages and languages."""
    other = next(language for language in LANGUAGES.values() if language.language != messages.language)
    switch = (
        f'<a href="{escape(in_language(path, other))}" lang="{other.language}" hreflang="{other.language}">'
        f"{escape(other.language_name)}</a>"
    )
    return (
        f'<a class="skip" href="#{start}">{escape(skip)}</a>\n'
        f'<header class="site">\n<a class="home" href="{in_language("/", messages)}">{_MARK} '
        f"{escape(messages.site_name)}</a>\n"
        f'<nav aria-label="{escape(messages.pages)}">{_page_links(messages, path)}{switch if path else ""}</nav>\n'
        "</header>\n"
    )


def page_footer(messages: Messages) -> str:
    """What stands at the foot of every page."""
    accessibility = in_language("/accessibilite", messages)
    return (
        f'<footer class="site">\n<p>{escape(messages.machine_notice)}</p>\n'
        f'<p><a href="{accessibility}">{escape(messages.accessibility_status)}</a></p>\n</footer>\n'
    )


def _page_links(messages: Messages, at: str) -> str:
    """Links to the pages of the service; that of the page one is at says so."""
    pages = (
        ("/", messages.ask_a_question),
        ("/frise", messages.timeline),
        ("/documents", messages.documents),
    )
    links = []
    for path, name in pages:
        current = ' aria-current="page"' if path == at else ""
        links.append(f'<a href="{in_language(path, messages)}"{current}>{escape(name)}</a>')
    return "".join(links)


def question_form(messages: Messages, limit: int, question: str = "") -> str:
    """A form that asks a question by opening the page of its answer; `limit` is in characters."""
    language = "" if messages.language == "fr" else f'<input type="hidden" name="lang" value="{messages.language}">'
    return (
        '<form class="question" action="/ask" method="get" role="search">\n'
        f'<label for="q">{escape(messages.question)}</label>\n'
        f'<span class="hint" id="q-hint">{escape(messages.question_limit.format(limit=limit))}</span>\n'
        f'<input id="q" name="q" type="text" required maxlength="{limit}" autocomplete="off" '
        f'aria-describedby="q-hint" value="{escape(question)}">\n{language}'
        f'<button type="submit">{escape(messages.send)}</button>\n</form>\n'
    )


def in_language(address: str, messages: Messages) -> str:
    """An address of this service, for the page in this language: French is what it says unasked."""
    if messages.language == "fr":
        return address
    path, hash, fragment = address.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'lang': messages.language})}{hash}{fragment}"
