"""Documents into passages: along headings, blocks and sentences, never across them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from ingest.document import Block, BlockKind, Document, Section
from ingest.sentences import Span, sentence_spans

__all__ = ["Passage", "heading_text", "split"]

_MAX_HEADING_CHARACTERS = 300

_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one section: `document.text[start:end] == text`.

    `id` is `document_id:start-end`, so the same input gives the same id. `heading_path` opens with the document's
    title. `sentences` are the offsets of its sentences in the document's text, in order. `lists` are the lists that it
    holds whole, each as the offsets of the sentence that introduces it and of its items; `loose_items` are the
    sentences of other lists' items, which say nothing alone. `page` is 1-based.
    """

    id: str
    document_id: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    page: int | None
    sentences: tuple[Span, ...]
    lists: tuple[tuple[Span, ...], ...] = ()
    loose_items: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence with its length in tokens and whether it opens a block."""

    span: Span
    tokens: int
    opens_block: bool


def split(document: Document, count_tokens: Callable[[str], int], max_passage_tokens: int) -> tuple[Passage, ...]:
    """The passages of a document, in order; every sentence of its prose is in exactly one.

    A passage holds sentences of one section with no heading or caption between them, and at most
    `max_passage_tokens` tokens as `count_tokens` counts them, its headings included (for half of them at most). The
    sentences of a section are shared out evenly, preferably by whole paragraphs. A sentence that is too long alone is
    cut between words.

    Raises:
        ValueError: `max_passage_tokens` is below 32.
    """
    if max_passage_tokens < 32:
        raise ValueError(f"max_passage_tokens must be at least 32, not {max_passage_tokens}")
    passages = []
    for section in document.sections:
        heading_path = (document.title, *section.heading_path)
        room = max_passage_tokens - min(count_tokens(heading_text(heading_path)), max_passage_tokens // 2)
        section_lists = _lists(document.text, section)
        for run in _prose_runs(section):
            pieces = [piece for span in run for piece in _pieces(document.text, span, count_tokens, room)]
            for group in _share_out(pieces, room):
                start, end = group[0].span[0], group[-1].span[1]
                sentences = [piece.span for piece in group]
                lists, loose_items = _placed(section_lists, sentences)
                passages.append(
                    Passage(
                        id=f"{document.id}:{start}-{end}",
                        document_id=document.id,
                        heading_path=heading_path,
                        text=document.text[start:end],
                        start=start,
                        end=end,
                        page=section.page,
                        sentences=tuple(sentences),
                        lists=lists,
                        loose_items=loose_items,
                    )
                )
    return tuple(passages)


def heading_text(heading_path: tuple[str, ...]) -> str:
    """The headings as they are searched with a passage, in one line; of very long ones only the beginning."""
    return " ".join(heading_path)[:_MAX_HEADING_CHARACTERS]


@dataclass(frozen=True, slots=True)
class _List:
    """Items right behind a block that ends in a colon: where that block ends, and the items' offsets."""

    introduced_by: BlockKind
    opens: int
    items: tuple[Span, ...]


def _lists(text: str, section: Section) -> list[_List]:
    """The lists of a section that a colon introduces, in order."""
    lists = []
    before: Block | None = None
    for is_item, group in groupby(section.blocks, key=lambda block: block.kind is BlockKind.LIST_ITEM):
        blocks = list(group)
        if is_item and before and text[before.start : before.end].rstrip().endswith(":"):
            lists.append(_List(before.kind, before.end, tuple((block.start, block.end) for block in blocks)))
        before = blocks[-1]
    return lists


def _placed(lists: list[_List], sentences: list[Span]) -> tuple[tuple[tuple[Span, ...], ...], tuple[Span, ...]]:
    """Of some sentences, `Passage.lists` and `Passage.loose_items`."""
    whole, loose = [], []
    start, end = sentences[0][0], sentences[-1][1]
    for found in lists:
        first, last = found.items[0][0], found.items[-1][1]
        if last <= start or first >= end:
            continue
        opening = next((span for span in sentences if span[1] == found.opens), None)
        if opening and found.introduced_by is BlockKind.PARAGRAPH and last <= end:
            whole.append((opening, *found.items))
        else:
            loose += [span for span in sentences if first <= span[0] < last]
    return tuple(whole), tuple(loose)


def _prose_runs(section: Section) -> Iterator[list[Span]]:
    for is_prose, blocks in groupby(section.blocks, key=lambda block: block.kind.is_prose):
        if is_prose:
            yield [(block.start, block.end) for block in blocks]


def _pieces(text: str, block: Span, count_tokens: Callable[[str], int], room: int) -> Iterator[_Piece]:
    start, end = block
    for index, (left, right) in enumerate(sentence_spans(text[start:end])):
        sentence = (start + left, start + right)
        tokens = count_tokens(text[slice(*sentence)])
        if tokens <= room:
            yield _Piece(sentence, tokens, index == 0)
        else:
            for cut in _cut(text, sentence, count_tokens, room):
                yield _Piece(cut, count_tokens(text[slice(*cut)]), index == 0 and cut[0] == sentence[0])


def _cut(text: str, sentence: Span, count_tokens: Callable[[str], int], room: int) -> Iterator[Span]:
    """Cut a sentence that is too long between words; a word that is too long alone, between characters."""
    start = sentence[0]
    total = 0
    for word in _WORD.finditer(text, *sentence):
        tokens = count_tokens(word.group())
        if total and total + tokens > room:
            yield start, start + len(text[start : word.start()].rstrip())
            start, total = word.start(), 0
        while tokens > room:
            size = min(word.end() - start, 8 * room)
            while count_tokens(text[start : start + size]) > room:
                size //= 2
            yield start, start + size
            start += size
            tokens = count_tokens(text[start : min(word.end(), start + 8 * room)])
        total += tokens
    if start < sentence[1]:
        yield start, sentence[1]


def _share_out(pieces: list[_Piece], room: int) -> Iterator[list[_Piece]]:
    """Whole runs where they fit; else groups of about equal size, parted at a new block where one comes in time."""
    total = sum(piece.tokens for piece in pieces)
    if total <= room:
        yield pieces
        return
    target = total / ceil(total / room)
    group: list[_Piece] = []
    size = 0
    for piece in pieces:
        full = size + piece.tokens > room or size + piece.tokens / 2 > target
        if group and (full or (piece.opens_block and size > 0.6 * target)):
            yield group
            group, size = [], 0
        group.append(piece)
        size += piece.tokens
    yield group
