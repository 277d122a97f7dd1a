"""Errors of reading and splitting documents. Messages are for the operator: what, where, how to mend, in French."""

__all__ = ["DuplicateDocument", "EmptyCorpus", "IngestError", "InterruptedReading", "InvalidEntry", "UnreadableSource"]


class IngestError(Exception):
    """Base of everything that can go wrong between a source file and its passages."""


class UnreadableSource(IngestError):
    """A source file cannot be read as text: binary, unknown charset, too large, or holding no prose."""


class InterruptedReading(UnreadableSource):
    """Reading took too long, too much memory, or broke its process: it may succeed another time."""


class InvalidEntry(IngestError):
    """`sources.toml`, or a document's front matter, holds a wrong or unknown value."""


class DuplicateDocument(IngestError):
    """Two source files would get the same document id."""


class EmptyCorpus(IngestError):
    """The corpus folder is missing or holds no readable document."""
