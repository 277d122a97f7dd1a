"""What a reply and a document's page must be while builds are swapped: of one build, each quote word for word."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import lxml.html

from chatbot.citation_link import fingerprint
from chatbot.messages import FRENCH
from index import Build
from ingest import Document

__all__ = ["Link", "Mixed", "check_html", "check_json", "check_source", "final_reply"]

_QUOTE = re.compile(r"(\d+)-(\d+)")


class Mixed(AssertionError):
    """An answer or a page that is not wholly of one build."""


@dataclass(frozen=True, slots=True)
class Link:
    """A citation that someone was given: where it leads, and the words that it quotes."""

    address: str
    document_id: str
    quote: str


def check_json(reply: dict[str, Any], builds: dict[str, Build]) -> list[Link]:
    """The citations of an answer of `/api/ask`, once all of it is found in the build that it names."""
    build = _build(reply["build_id"], builds)
    links = []
    quotes = []
    for citation in (*reply["citations"], *reply["nearest"]):
        document = _document(citation["document_id"], build)
        start, end = citation["start"], citation["end"]
        _must(document.text[start:end] == citation["quote"], f"quote {start}-{end} of {document.id}", build)
        _must(citation["title"] == document.title, f"title of {document.id}", build)
        link = _link(citation["deep_link"], build)
        _must(link.quote == citation["quote"], f"link {citation['deep_link']}", build)
        links.append(link)
        quotes.append(_plain(citation["quote"]))
    for sentence in reply["sentences"]:
        _must(any(_plain(sentence["text"]) in quote for quote in quotes), f"sentence « {sentence['text']} »", build)
    headings = {passage.heading_path[-1] for passage in build.passages}
    known = {question.question for question in build.questions}
    known |= {FRENCH.question_about.format(heading=heading) for heading in headings}
    _must(known.issuperset(reply["suggestions"]), "suggestions", build)
    return links


def check_html(html: str, builds: dict[str, Build], build_id: str = "") -> list[Link]:
    """The same of a reply as HTML. Its permalink names the build where `build_id` does not."""
    page = lxml.html.fromstring(html)
    (reply,) = page.xpath("//div[@class='reply']")
    if not build_id:
        (permalink,) = reply.xpath(".//p[@class='permalink']/a/@href")
        (build_id,) = parse_qs(urlsplit(permalink).query)["build"]
    build = _build(build_id, builds)
    places = [
        _link(address, build) for address in reply.xpath(".//ol[@class='places']//a/@href") if "/sources/" in address
    ]
    marks = [_link(address, build) for address in reply.xpath(".//a[@class='cite']/@href")]
    _must(set(marks) <= set(places), "marks", build)
    quotes = [_plain(link.quote) for link in places]
    for words in reply.xpath(".//*[contains(@class, 'answer') or @class='quote']//text()[not(ancestor::a)]"):
        _must(any(_plain(words) in quote for quote in quotes), f"words « {_plain(words)} »", build)
    return places


def check_source(status: int, html: str, link: Link, builds: Sequence[Build], version: str) -> str:
    """What became of a citation: `marked`, `changed` or `gone`; the page is of one of the builds, and right for it.

    `version` is a text that stands in each document of the second build alone.
    """
    first, second = builds
    documents = [build.documents.get(link.document_id) for build in (first, second)]
    if status == 404:
        if all(documents):
            raise Mixed(f"{link.address}: not found, though both builds hold it")
        if FRENCH.document_unknown_why not in unescape(html):
            raise Mixed(f"{link.address}: not told that the document is gone")
        return "gone"
    served = documents[version in unescape(html)]
    if served is None:
        raise Mixed(f"{link.address}: shown, though that build does not hold it")
    page = lxml.html.fromstring(html)
    marks = page.xpath("//mark")
    if not marks:
        if link.quote in served.text or FRENCH.quote_changed not in unescape(html):
            raise Mixed(f"{link.address}: not marked in a document that holds its quote, or not told so")
        return "changed"
    for note in page.xpath("//mark//sup"):
        note.drop_tree()
    marked = "".join(mark.text_content() for mark in marks)
    start = int(str(marks[0].get("id")).removeprefix("p-"))
    if _letters(marked) != _letters(link.quote) or not served.text.startswith(link.quote, start):
        raise Mixed(f"{link.address}: « {marked} » is marked for « {link.quote} »")
    return "marked"


def final_reply(events: list[Any]) -> str:
    """The HTML of the whole reply, from what the page's stream sent; what was said instead of it raises."""
    texts = [text for text in _texts(events) if 'class="reply"' in text]
    if not texts:
        raise AssertionError(
            f"no reply on the page: {[t for t in _texts(events) if 'notice' in t][-1:] or events[-1:]}"
        )
    return texts[-1]


def _texts(value: Any) -> list[str]:
    found, left = [], deque([value])
    while left:
        at = left.popleft()
        if isinstance(at, str):
            found.append(at)
        elif isinstance(at, dict):
            left.extendleft(reversed(list(at.values())))
        elif isinstance(at, list):
            left.extendleft(reversed(at))
    return found


def _build(build_id: str, builds: dict[str, Build]) -> Build:
    if build_id not in builds:
        raise Mixed(f"{build_id} was never published")
    return builds[build_id]


def _document(document_id: str, build: Build) -> Document:
    _must(document_id in build.documents, f"document {document_id}", build)
    return build.documents[document_id]


def _link(address: str, build: Build) -> Link:
    """A citation by its address, which holds the place in the build and the fingerprint of the words there."""
    parts = urlsplit(address)
    asked = parse_qs(parts.query)
    document = _document(parts.path.removeprefix("/sources/"), build)
    match = _QUOTE.fullmatch(asked["quote"][0])
    assert match, address
    quote = document.text[int(match[1]) : int(match[2])]
    _must(fingerprint(quote) == asked["v"][0], address, build)
    return Link(address, document.id, quote)


def _must(is_so: bool, what: str, build: Build) -> None:
    if not is_so:
        raise Mixed(f"{what} is not that of build {build.manifest.build_id}")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _letters(text: str) -> str:
    return "".join(text.split())
