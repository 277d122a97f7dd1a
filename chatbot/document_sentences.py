"""Where the sentences of a document stand, found once for each: what opening a page of it would else compute anew."""

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ingest import Document
from ingest.sentences import Span, sentence_spans

__all__ = ["Sentences", "document_sentences"]

_KEPT = 256
"""Documents whose sentences are kept, 16 bytes for each sentence. The documents are kept with them."""
_finding = threading.Lock()
"""Many who open one document at once wait for the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Sentences:
    """Where sentences begin and end: offsets into a document's text, int64, read-only, in order."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def between(self, start: int, end: int) -> list[Span]:
        """Those that begin among the characters `start` to `end`, in order."""
        first, last = np.searchsorted(self.starts, (start, end))
        return list(zip(self.starts[first:last].tolist(), self.ends[first:last].tolist(), strict=True))


def document_sentences(document: Document) -> Sentences:
    """The sentences of all blocks of a document, headings included. Takes a second for a million characters, once."""
    with _finding:
        return _found(document)


@lru_cache(maxsize=_KEPT)
def _found(document: Document) -> Sentences:
    spans = [
        (block.start + start, block.start + end)
        for section in document.sections
        for block in section.blocks
        for start, end in sentence_spans(document.text[block.start : block.end])
    ]
    table = np.array(sorted(spans), dtype=np.int64).reshape(-1, 2).T.copy()
    table.flags.writeable = False
    return Sentences(table[0], table[1])
