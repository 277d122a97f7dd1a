"""The address that opens a quote in its document, and the way back: where the quote that it names stands by now."""

import hashlib
import re

import numpy as np

from chatbot.document_sentences import document_sentences
from ingest import Document
from ingest.sentences import Span

__all__ = ["citation_link", "find_quote", "fingerprint", "linked_span"]

_MAX_QUOTE = 4_000
"""Characters of the longest quote that is looked for. One lies in a passage, of 480 tokens at most: some 2,500."""
_MAX_PLACES = 1_000
"""Places that a quote is looked for at. Addresses come from anyone, and may be made to match nowhere."""
_VERSION = re.compile(r"[0-9a-f]{8}", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)


def citation_link(document: Document, start: int, end: int) -> str:
    """The address of the characters `start` to `end` of a document, as this service shows it."""
    version = fingerprint(document.text[start:end])
    return f"/sources/{document.id}?quote={start}-{end}&v={version}#p-{start}"


def linked_span(quote: str | None) -> Span | None:
    """The offsets that the `quote` of such an address gives; None where it gives none."""
    match = _SPAN.fullmatch(quote or "")
    return (int(match[1]), int(match[2])) if match else None


def fingerprint(quote: str) -> str:
    """Eight hexadecimal digits that tell whether a text is the one that was quoted."""
    return hashlib.sha256(quote.encode("utf-8")).hexdigest()[:8]


def find_quote(document: Document, quote: Span, version: str) -> Span | None:
    """Where a quote stands in a document that may have changed since: at its offsets, or else the nearest place.

    `version` is the quote's fingerprint. Elsewhere than at its offsets it is found where a sentence begins, as all
    quotes do but the pieces of very long sentences; first where one ends as well. None where its very words are no
    longer there, or it is longer than any quote of this service.
    """
    start, end = quote
    length = end - start
    if not 0 < length <= min(len(document.text), _MAX_QUOTE) or not _VERSION.fullmatch(version):
        return None
    if fingerprint(document.text[start:end]) == version:
        return (start, end) if end <= len(document.text) else None
    return next(
        (
            (place, place + length)
            for place in _places(document, start, length)
            if fingerprint(document.text[place : place + length]) == version
        ),
        None,
    )


def _places(document: Document, near: int, length: int) -> list[int]:
    """Where so many characters from the start of a sentence may stand: to the end of one first, then the nearest."""
    sentences = document_sentences(document)
    starts = sentences.starts[sentences.starts + length <= len(document.text)]
    is_partial = ~np.isin(starts + length, sentences.ends)
    found: list[int] = starts[np.lexsort((np.abs(starts - near), is_partial))[:_MAX_PLACES]].tolist()
    return found
