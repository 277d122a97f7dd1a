"""Errors of reading and splitting documents. Messages are for the operator: what, where, how to mend, in French."""

__all__ = [
    "DuplicateDocument",
    "EmptyCorpus",
    "IngestError",
    "InvalidEntry",
    "NotWritten",
    "UnknownDocument",
    "UnreadableSource",
    "UnsafeName",
]


class IngestError(Exception):
    """Base of everything that can go wrong between a source file and its passages."""


class UnreadableSource(IngestError):
    """A source file cannot be read as text: binary, unknown charset, too large, or holding no prose."""


class InvalidEntry(IngestError):
    """`sources.toml`, or a document's front matter, holds a wrong or unknown value."""


class DuplicateDocument(IngestError):
    """A document that is to be added is in the corpus already: its name, its id or its very bytes."""


class EmptyCorpus(IngestError):
    """The corpus folder is missing or holds no readable document."""


class UnknownDocument(IngestError):
    """A document that is to be removed or restored is not there."""


class UnsafeName(IngestError):
    """A document's name leads out of the corpus, is hidden, or is none that is read."""


class NotWritten(IngestError):
    """A file of the corpus cannot be written."""
