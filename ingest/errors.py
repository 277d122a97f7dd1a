"""Errors of reading and splitting documents. Messages are for the operator: what, where, how to mend, in French."""

__all__ = [
    "CrawlRefused",
    "DuplicateDocument",
    "EmptyCorpus",
    "FetchError",
    "ForbiddenAddress",
    "IngestError",
    "InvalidEntry",
    "NotADocument",
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


class FetchError(IngestError):
    """A document of the web cannot be had. `status` is the server's, if it gave one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ForbiddenAddress(FetchError):
    """An address that may not be fetched: not of the web, of a private machine, or refused by its site."""


class NotADocument(FetchError):
    """What is at an address is of a type that is not read."""


class CrawlRefused(IngestError):
    """A site may not be taken: its rules forbid it or cannot be had, or another crawl of it is at work."""
