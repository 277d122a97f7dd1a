"""Source files in, passages out.

`read_corpus(folder)` reads every document of a folder, normalised once, with its structure; `split(document, ...)`
gives the passages of one. Offsets are born here and hold from here on: `document.text[p.start:p.end] == p.text`.
"""

from ingest.corpus import Corpus, corpus_sha256, read_corpus
from ingest.document import Document, DocumentKind, Reference, Source
from ingest.errors import IngestError
from ingest.normalise import fold_for_search
from ingest.passages import Passage, split

__all__ = [
    "Corpus",
    "Document",
    "DocumentKind",
    "IngestError",
    "Passage",
    "Reference",
    "Source",
    "corpus_sha256",
    "fold_for_search",
    "read_corpus",
    "split",
]
