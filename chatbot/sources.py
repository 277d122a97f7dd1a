"""A document as a plain HTML page, with a quote marked at its exact place: what a citation opens; and their list."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from html import escape

from chatbot.document_sentences import Sentences, document_sentences
from chatbot.messages import FRENCH, Messages
from chatbot.plain_page import in_language, plain_page
from chatbot.text_fragment import with_page, with_text_fragment
from ingest import Document, DocumentKind, Reference
from ingest.document import Block, BlockKind, Section
from ingest.sentences import Span

__all__ = [
    "document_html",
    "document_page",
    "documents_page",
    "missing_page",
    "missing_passage",
    "original_address",
    "passage_html",
    "web_address",
]

_LOWEST_HEADING = 4

_Notes = Mapping[int, str]
"""By offset in the text, in order, the HTML of the note marks that stand there."""


def document_page(document: Document, quote: Span | None, is_current: bool, messages: Messages = FRENCH) -> str:
    """The whole page of a document, without JavaScript.

    A sentence that names its sources is followed by their numbers, which lead to a list after the text.

    Every sentence has the id `p-{start}`, so that a link's `#p-{start}` shows it. The characters `quote[0]` to
    `quote[1]` of the document's text stand in `<mark>`, one for each block that they touch; the first has the id
    `p-{quote[0]}`. A notice says that the quote is not marked where its words are no longer in the document
    (`is_current` false) or it is not in the text.
    """
    marked, _ = _marked(document, quote, is_current, messages)
    return plain_page(
        document.title,
        document_html(document, quote, is_current, messages),
        messages,
        f"/sources/{document.id}",
        start=f"p-{marked[0]}" if marked else "texte",
    )


def document_html(document: Document, quote: Span | None, is_current: bool, messages: Messages = FRENCH) -> str:
    """What stands on the page of a document between its head and its foot."""
    marked, notice = _marked(document, quote, is_current, messages)
    title, rest = _title(document)
    text = document.text[marked[0] : marked[1]] if marked else ""
    found = document_sentences(document)
    heading = _inline(document.text, found, {}, title, marked) if title else escape(document.title)
    return (
        f'<article lang="fr">\n<h1>{heading}</h1>\n'
        f'{_note(document)}{_about(document, messages, text)}{notice}<div id="texte" tabindex="-1">\n'
        f"{''.join(_body(document, rest, marked, messages))}</div>\n{_references(document, messages)}</article>"
    )


def passage_html(document: Document, quote: Span, is_current: bool, messages: Messages, address: str) -> str:
    """The section of a document around a quote, marked as in `document_page`, to be shown beside an answer.

    `address` is that of the whole document at the quote.
    """
    marked, notice = _marked(document, quote, is_current, messages)
    inside = [section for section in document.sections if section.start < quote[1] and quote[0] < section.end]
    path = list(inside[0].heading_path[:-1]) if marked and inside else []
    if marked and inside and inside[0].page:
        path.append(messages.page_number.format(number=inside[0].page))
    blocks = [(3, block) for section in inside for block in section.blocks] if marked else []
    about = messages.origin(document.source.kind, document.source.publisher, document.source.published)
    trail = f'<p class="path" lang="fr">{escape(" › ".join(path))}</p>' if path else ""
    text = document.text[quote[0] : quote[1]] if marked else ""
    links = [(in_language(address, messages), messages.whole_document)]
    url = with_page(document.source.url, inside[0].page if marked and inside else None)
    if original := original_address(url, document.source.kind, text):
        links.append((original, messages.original_page))
    anchors = "".join(f'<a href="{escape(href)}" rel="noopener">{escape(name)}</a>' for href, name in links)
    return (
        f'<article>\n<h2 lang="fr">{escape(document.title)}</h2>\n{trail}<p class="about">{escape(about)}</p>\n'
        f'{notice}<div class="passage" lang="fr">\n{"".join(_body(document, blocks, marked, messages))}</div>\n'
        f'{_references(document, messages, inside) if marked else ""}<p class="links">{anchors}</p>\n</article>\n'
    )


def documents_page(documents: Collection[Document], messages: Messages) -> str:
    """The list of all documents, by theme, in their order."""
    by_theme: dict[str, list[Document]] = {}
    for document in documents:
        by_theme.setdefault(document.theme, []).append(document)
    groups = []
    for theme, group in by_theme.items():
        items = "".join(
            f'<li><a href="{in_language(f"/sources/{document.id}", messages)}" lang="fr">{escape(document.title)}</a>'
            f'<br><span class="about">'
            f"{escape(messages.origin(document.source.kind, document.source.publisher, document.source.published))}"
            "</span></li>\n"
            for document in group
        )
        groups.append(f'<h2 lang="fr">{escape(theme)}</h2>\n' * bool(theme) + f"<ul>\n{items}</ul>\n")
    title = escape(messages.documents_title)
    introduction = escape(messages.documents_introduction.format(count=len(documents)))
    main = f"<h1>{title}</h1>\n<p>{introduction}</p>\n{''.join(groups)}"
    return plain_page(messages.documents_title, main, messages, "/documents")


def missing_page(title: str, text: str, messages: Messages = FRENCH, path: str = "") -> str:
    """A page that says, in a title and a sentence, why there is nothing to show; `path` as for `plain_page`."""
    return plain_page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>", messages, path)


def missing_passage(title: str, text: str, messages: Messages = FRENCH) -> str:
    """The same, to be shown beside an answer."""
    return (
        f'<article lang="{messages.language}">\n<h2>{escape(title)}</h2>\n'
        f'<p class="notice" role="note">{escape(text)}</p>\n</article>\n'
    )


def original_address(url: str, kind: DocumentKind, quote: str) -> str:
    """The address of the original page at a quote, if it is one of a web page that holds these very words."""
    address = web_address(url)
    return with_text_fragment(address, quote) if address and kind is DocumentKind.ORIGINAL else address


def web_address(url: str) -> str:
    """The address if it is one of a web page, else nothing: no other scheme may become a link."""
    return url if url.lower().startswith(("https://", "http://")) else ""


def _marked(document: Document, quote: Span | None, is_current: bool, messages: Messages) -> tuple[Span | None, str]:
    """What of the quote is marked, and the notice that it is not."""
    marked = quote if quote and is_current and _is_in_text(document, quote) else None
    if is_current and marked == quote:
        return marked, ""
    return marked, f'<p class="notice" role="note" lang="{messages.language}">{escape(messages.quote_changed)}</p>\n'


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


def _note_marks(document: Document, messages: Messages) -> _Notes:
    numbers = _numbered(document)
    return {
        statement.end: "".join(
            f'<sup><a href="#source-{number}" aria-label="{escape(messages.reference.format(number=number))}">{number}'
            "</a></sup>"
            for number in (numbers[reference] for reference in statement.references)
        )
        for statement in document.statements
    }


def _references(document: Document, messages: Messages, sections: Collection[Section] | None = None) -> str:
    """The list of the sources that sentences name: of some sections, or of all."""
    items = []
    named = {
        reference
        for statement in document.statements
        for reference in statement.references
        if sections is None or any(section.start <= statement.start < section.end for section in sections)
    }
    for reference, number in _numbered(document).items():
        if reference not in named:
            continue
        url = web_address(reference.url)
        name = escape(reference.title or reference.url)
        link = f'<a href="{escape(url)}" rel="noopener">{name}</a>' if url else name
        publisher = f"{escape(reference.publisher)} – " if reference.publisher else ""
        items.append(f'<li id="source-{number}" value="{number}">{publisher}{link}</li>\n')
    if not items:
        return ""
    level = 2 if sections is None else 3
    title = f'<h{level} lang="{messages.language}">{escape(messages.references)}</h{level}>'
    return f'{title}\n<ol class="references">\n{"".join(items)}</ol>\n'


def _about(document: Document, messages: Messages, quote: str) -> str:
    source = document.source
    url = original_address(source.url, source.kind, quote)
    facts = (
        (messages.publisher, escape(source.publisher)),
        (messages.published, escape(messages.date(source.published))),
        (messages.retrieved, escape(messages.date(source.retrieved))),
        (messages.licence, escape(source.licence)),
        (messages.original_page, f'<a href="{escape(url)}" rel="noopener">{escape(source.url)}</a>' if url else ""),
    )
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>\n" for name, value in facts if value)
    return (
        f'<dl class="about" lang="{messages.language}" aria-label="{escape(messages.about_document)}">\n{rows}</dl>\n'
        if rows
        else ""
    )


def _body(document: Document, blocks: list[tuple[int, Block]], quote: Span | None, messages: Messages) -> Iterator[str]:
    notes, found = _note_marks(document, messages), document_sentences(document)
    in_list = False
    for level, block in blocks:
        if in_list != (block.kind is BlockKind.LIST_ITEM):
            in_list = not in_list
            yield "<ul>\n" if in_list else "</ul>\n"
        text = _inline(document.text, found, notes, block, quote)
        match block.kind:
            case BlockKind.HEADING:
                yield f"<h{level}>{text}</h{level}>\n"
            case BlockKind.PARAGRAPH:
                yield f"<p>{text}</p>\n"
            case BlockKind.LIST_ITEM:
                yield f"<li>{text}</li>\n"
            case BlockKind.CAPTION:
                picture = f'<span lang="{messages.language}">{escape(messages.picture)}</span>'
                yield f"<figure><figcaption>{picture} {text}</figcaption></figure>\n"
            case BlockKind.NOTE:
                yield f'<p class="note">{text}</p>\n'
    if in_list:
        yield "</ul>\n"


def _inline(text: str, found: Sentences, notes: _Notes, block: Block, quote: Span | None) -> str:
    """A block's text, escaped, its sentences with their ids and what it holds of the quote marked."""
    sentences = found.between(block.start, block.end)
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
