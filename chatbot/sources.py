"""A document as a plain HTML page, with a quote marked at its exact place: what a citation opens."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from html import escape

from chatbot.messages import FRENCH
from ingest import Document, Reference
from ingest.document import Block, BlockKind
from ingest.sentences import Span, sentence_spans

__all__ = ["document_page", "missing_page", "web_address"]

_LOWEST_HEADING = 4

_Notes = Mapping[int, str]
"""By offset in the text, in order, the HTML of the note marks that stand there."""


def document_page(document: Document, quote: Span | None, is_current: bool) -> str:
    """The whole page of a document, in French, without JavaScript.

    A sentence that names its sources is followed by their numbers, which lead to a list after the text.

    Every sentence has the id `p-{start}`, so that a link's `#p-{start}` shows it. The characters `quote[0]` to
    `quote[1]` of the document's text stand in `<mark>`, one for each block that they touch; the first has the id
    `p-{quote[0]}`. A notice says that the quote is not marked where the link was made for another state of the
    document (`is_current` false) or the quote is not in the text.
    """
    marked = quote if quote and is_current and _is_in_text(document, quote) else None
    notice = f'<p class="notice" role="note">{escape(FRENCH.quote_changed)}</p>\n'
    notice = "" if is_current and marked == quote else notice
    title, rest = _title(document)
    start = f"p-{marked[0]}" if marked else "texte"
    return _page(
        document.title,
        f'<a class="skip" href="#{start}">{escape(FRENCH.skip_to_text)}</a>',
        f"<article>\n<h1>{_inline(document.text, {}, title, marked) if title else escape(document.title)}</h1>\n"
        f'{_note(document)}{_about(document)}{notice}<div id="texte" tabindex="-1">\n'
        f"{''.join(_body(document, rest, marked))}</div>\n{_references(document)}</article>",
    )


def missing_page(title: str, text: str) -> str:
    """A page that says, in a title and a sentence, why there is no document to show."""
    return _page(title, "", f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>")


def web_address(url: str) -> str:
    """The address if it is one of a web page, else nothing: no other scheme may become a link."""
    return url if url.lower().startswith(("https://", "http://")) else ""


def _page(title: str, skip: str, main: str) -> str:
    return (
        '<!doctype html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} – {escape(FRENCH.page_title)}</title>\n"
        '<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">\n'
        '<link rel="stylesheet" href="/static/source.css">\n</head>\n'
        f'<body>\n{skip}\n<header><a href="/">{escape(FRENCH.back_to_page)}</a></header>\n<main>\n{main}\n</main>\n'
        "</body>\n</html>\n"
    )


def _is_in_text(document: Document, quote: Span) -> bool:
    start, end = quote
    blocks = (block for section in document.sections for block in section.blocks)
    return 0 <= start < end <= len(document.text) and any(block.start < end and start < block.end for block in blocks)


def _title(document: Document) -> tuple[Block | None, list[tuple[int, Block]]]:
    """The block at its head that repeats the title, if any, and the other blocks with their heading levels."""
    blocks = [
        (min(max(len(section.heading_path), 1) + 1, _LOWEST_HEADING), block)
        for section in document.sections
        for block in section.blocks
    ]
    first = blocks[0][1] if blocks else None
    if first and first.kind is BlockKind.HEADING and document.text[first.start : first.end] == document.title:
        return first, blocks[1:]
    return None, blocks


def _note(document: Document) -> str:
    return f'<p class="notice" role="note">{escape(document.source.note)}</p>\n' if document.source.note else ""


def _numbered(document: Document) -> dict[Reference, int]:
    """All sources that sentences of the document name, numbered from 1 in the order in which they come."""
    found = dict.fromkeys(reference for statement in document.statements for reference in statement.references)
    return {reference: number for number, reference in enumerate(found, start=1)}


def _note_marks(document: Document) -> _Notes:
    numbers = _numbered(document)
    return {
        statement.end: "".join(
            f'<sup><a href="#source-{number}" aria-label="{escape(FRENCH.reference.format(number=number))}">{number}'
            "</a></sup>"
            for number in (numbers[reference] for reference in statement.references)
        )
        for statement in document.statements
    }


def _references(document: Document) -> str:
    items = []
    for reference, number in _numbered(document).items():
        url = web_address(reference.url)
        name = escape(reference.title or reference.url)
        link = f'<a href="{escape(url)}" rel="noopener">{name}</a>' if url else name
        publisher = f"{escape(reference.publisher)} – " if reference.publisher else ""
        items.append(f'<li id="source-{number}">{publisher}{link}</li>\n')
    if not items:
        return ""
    return f'<h2 id="sources">{escape(FRENCH.references)}</h2>\n<ol class="references">\n{"".join(items)}</ol>\n'


def _about(document: Document) -> str:
    source = document.source
    url = web_address(source.url)
    facts = (
        (FRENCH.publisher, escape(source.publisher)),
        (FRENCH.published, escape(FRENCH.date(source.published))),
        (FRENCH.retrieved, escape(FRENCH.date(source.retrieved))),
        (FRENCH.licence, escape(source.licence)),
        (FRENCH.original_page, f'<a href="{escape(url)}" rel="noopener">{escape(url)}</a>' if url else ""),
    )
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>\n" for name, value in facts if value)
    return f'<dl class="about" aria-label="{escape(FRENCH.about_document)}">\n{rows}</dl>\n' if rows else ""


def _body(document: Document, blocks: list[tuple[int, Block]], quote: Span | None) -> Iterator[str]:
    notes = _note_marks(document)
    in_list = False
    for level, block in blocks:
        if in_list != (block.kind is BlockKind.LIST_ITEM):
            in_list = not in_list
            yield "<ul>\n" if in_list else "</ul>\n"
        text = _inline(document.text, notes, block, quote)
        match block.kind:
            case BlockKind.HEADING:
                yield f"<h{level}>{text}</h{level}>\n"
            case BlockKind.PARAGRAPH:
                yield f"<p>{text}</p>\n"
            case BlockKind.LIST_ITEM:
                yield f"<li>{text}</li>\n"
            case BlockKind.CAPTION:
                yield f"<figure><figcaption>{escape(FRENCH.picture)} {text}</figcaption></figure>\n"
            case BlockKind.NOTE:
                yield f'<p class="note">{text}</p>\n'
    if in_list:
        yield "</ul>\n"


def _inline(text: str, notes: _Notes, block: Block, quote: Span | None) -> str:
    """A block's text, escaped, its sentences with their ids and what it holds of the quote marked."""
    found = sentence_spans(text[block.start : block.end])
    sentences = [(block.start + start, block.start + end) for start, end in found]
    left, right = (max(quote[0], block.start), min(quote[1], block.end)) if quote else (block.end, block.end)
    if left >= right:
        return _sentences(text, notes, block.start, block.end, sentences, None)
    assert quote
    begins = left == quote[0] or not text[quote[0] : left].strip()
    inside = {place: marks for place, marks in notes.items() if place != right}  # its own mark stands behind it
    opening = f'<mark id="p-{quote[0]}" tabindex="-1">' if begins else "<mark>"
    taken = quote[0] if begins else None
    return (
        _sentences(text, notes, block.start, left, sentences, taken)
        + f"{opening}{_sentences(text, inside, left, right, sentences, taken)}</mark>{notes.get(right, '')}"
        + _sentences(text, notes, right, block.end, sentences, taken)
    )


def _sentences(text: str, notes: _Notes, start: int, end: int, sentences: list[Span], taken: int | None) -> str:
    """The characters `start` to `end`; each sentence that begins there gets its id unless it is `taken`."""
    html = []
    at = start
    for first, last in sentences:
        if first < at or first >= end or first == taken:
            continue
        html.append(_escaped(text, notes, at, first))
        at = min(last, end)
        html.append(f'<span id="p-{first}">{_escaped(text, notes, first, at)}</span>')
    html.append(_escaped(text, notes, at, end))
    return "".join(html)


def _escaped(text: str, notes: _Notes, start: int, end: int) -> str:
    """The characters `start` to `end`, and behind each its note marks."""
    html = []
    at = start
    places = list(notes)  # in order
    for place in places[bisect_right(places, start) : bisect_right(places, end)]:
        html.append(escape(text[at:place], quote=False) + notes[place])
        at = place
    return "".join((*html, escape(text[at:end], quote=False)))
