"""The address that opens a quote in its document, and the way back: where the quote that it names stands by now."""

import hashlib
from collections.abc import Iterator
from itertools import chain

from ingest import Document
from ingest.sentences import Span, sentence_spans

__all__ = ["citation_link", "find_quote", "fingerprint"]


def citation_link(document: Document, start: int, end: int) -> str:
    """The address of the characters `start` to `end` of a document, as this service shows it."""
    version = fingerprint(document.text[start:end])
    return f"/sources/{document.id}?quote={start}-{end}&v={version}#p-{start}"


def fingerprint(quote: str) -> str:
    """Eight hexadecimal digits that tell whether a text is the one that was quoted."""
    return hashlib.sha256(quote.encode("utf-8")).hexdigest()[:8]


def find_quote(document: Document, quote: Span, version: str) -> Span | None:
    """Where a quote stands in a document that may have changed since: at its offsets, or else the nearest place.

    `version` is the quote's fingerprint. Elsewhere than at its offsets it is found where a sentence begins, as all
    quotes do but the pieces of very long sentences. None where its very words are no longer there.
    """
    start, end = quote
    length = end - start
    if not 0 < length <= len(document.text):
        return None
    for place in chain([start], _sentence_starts(document, start)):
        words = document.text[place : place + length]
        if len(words) == length and fingerprint(words) == version:
            return place, place + length
    return None


def _sentence_starts(document: Document, near: int) -> Iterator[int]:
    """Where sentences begin, the nearest first."""
    blocks = [block for section in document.sections for block in section.blocks]
    texts = ((block.start, document.text[block.start : block.end]) for block in blocks)
    starts = [opens + start for opens, text in texts for start, _ in sentence_spans(text)]
    yield from sorted(starts, key=lambda start: abs(start - near))
