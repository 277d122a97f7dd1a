"""The dated sentences of the documents, year by year: their choice, and the page that shows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from textwrap import shorten
from urllib.parse import urlencode

import numpy as np

from chatbot.answer import Citation, cite
from chatbot.french import is_complete, leans, opens_with_date, year_of
from chatbot.messages import Messages
from chatbot.plain_page import in_language, plain_page
from index import Build

__all__ = ["Year", "timeline", "timeline_page"]

_SAME = 0.93
"""Of one year, two sentences whose vectors are closer than this tell the same."""
_BESIDE = re.compile(r"\([^()]*\)|\b(?:[Ss]elon|[Dd]['’]après)\b[^,;:.]*|\bannées \d{4}\b")
_ASKED = 300
"""How much of a sentence is asked, in characters."""
_BAR = 30
"""Height of the tallest bar of the overview, in its own units."""


@dataclass(frozen=True, slots=True)
class Year:
    """A year and the sentences that tell of it, each as a citation: those that open with their date first."""

    year: int
    sentences: tuple[Citation, ...]


def timeline(build: Build) -> tuple[Year, ...]:
    """The years that sentences of the documents tell of, in order.

    A sentence stands alone, as one of an answer does; of those that tell the same of a year, the first is taken.
    """
    told: dict[int, list[tuple[bool, int, Citation]]] = {}
    for row, citation in _sentences(build):
        if year := _year_told(citation.quote):
            told.setdefault(year, []).append((not opens_with_date(citation.quote), row, citation))
    years = []
    for year in sorted(told):
        vectors = build.sentence_vectors
        kept: list[tuple[int, Citation]] = []
        for _, row, citation in sorted(told[year], key=lambda one: one[:2]):
            near = np.array([vectors[other] for other, _ in kept])
            if not kept or float((near @ vectors[row]).max()) < _SAME:
                kept.append((row, citation))
        years.append(Year(year, tuple(citation for _, citation in kept)))
    return tuple(years)


def timeline_page(build: Build, messages: Messages) -> str:
    """The timeline as a page."""
    years = timeline(build)
    title = escape(messages.timeline_title)
    if not years:
        main = f"<h1>{title}</h1>\n<p>{escape(messages.timeline_empty)}</p>"
        return plain_page(messages.timeline_title, main, messages, "/frise")
    count = sum(len(year.sentences) for year in years)
    introduction = messages.timeline_introduction.format(count=count, first=years[0].year, last=years[-1].year)
    items = "".join(_year(year, messages) for year in years)
    main = (
        f"<h1>{title}</h1>\n<p>{escape(introduction)}</p>\n{_overview(years, messages)}"
        f'<ol class="timeline">\n{items}</ol>'
    )
    return plain_page(messages.timeline_title, main, messages, "/frise")


def _sentences(build: Build) -> Iterator[tuple[int, Citation]]:
    """The sentences that can stand alone, with their rows in the build's vectors."""
    row = -1
    for passage in build.passages:
        document = build.documents[passage.document_id]
        for start, end in passage.sentences:
            row += 1
            text = document.text[start:end]
            if is_complete(text) and not leans(text):
                yield row, cite(0, document, passage, start, end)


def _year_told(sentence: str) -> int | None:
    """The year of what a sentence tells; not that of the article it rests on, and not a decade."""
    return year_of(sentence if opens_with_date(sentence) else _BESIDE.sub(" ", sentence))


def _overview(years: tuple[Year, ...], messages: Messages) -> str:
    """Links to the years, by decade, each with a bar as high as it has sentences."""
    most = max(len(year.sentences) for year in years)
    groups = []
    for decade, group in groupby(years, key=lambda year: year.year // 10):
        links = []
        for year in group:
            height = max(2, round(_BAR * len(year.sentences) / most))
            counted = messages.timeline_one if len(year.sentences) == 1 else messages.timeline_year
            said = counted.format(year=year.year, count=len(year.sentences))
            links.append(
                f'<li><a href="#a-{year.year}" aria-label="{escape(said)}">'
                f'<svg viewBox="0 0 10 {_BAR}" width="10" height="{_BAR}" aria-hidden="true" focusable="false">'
                f'<rect width="10" y="{_BAR - height}" height="{height}"/></svg>{year.year}</a></li>'
            )
        named = messages.timeline_decade.format(year=10 * decade, last=10 * decade + 9)
        groups.append(f'<ul aria-label="{escape(named)}">{"".join(links)}</ul>')
    label = escape(messages.timeline_overview)
    return f'<nav class="overview" aria-label="{label}">\n{"".join(groups)}\n</nav>\n'


def _year(year: Year, messages: Messages) -> str:
    first, *others = year.sentences
    more = ""
    if others:
        summary = messages.timeline_more.format(year=year.year, count=len(others))
        items = "".join(f"<li>{_told(citation, messages)}</li>\n" for citation in others)
        more = f"<details>\n<summary>{escape(summary)}</summary>\n<ul>\n{items}</ul>\n</details>\n"
    # The sentence itself finds what stands around it; « Que s’est-il passé en 2012 ? » is refused one time in five.
    asked = urlencode({"q": shorten(first.quote, _ASKED, placeholder="…")})
    address = escape(in_language(f"/ask?{asked}", messages))
    return (
        f'<li id="a-{year.year}">\n<h2>{year.year}</h2>\n<p>{_told(first, messages)}</p>\n{more}'
        f'<p class="links"><a href="{address}" rel="nofollow">'
        f"{escape(messages.timeline_ask.format(year=year.year))}</a></p>\n</li>\n"
    )


def _told(citation: Citation, messages: Messages) -> str:
    """A sentence and, as a link to its place, the document that it stands in."""
    where = " › ".join((citation.title, *citation.heading_path))
    address = escape(in_language(citation.deep_link, messages))
    return (
        f'<span lang="fr">{escape(citation.quote)}</span> '
        f'<a class="where" href="{address}" lang="fr"><span class="unseen" lang="{messages.language}">'
        f"{escape(messages.source)} </span>{escape(where)}</a>"
    )
