"""The types that ingest makes: a document, its structure and where it comes from."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Block", "BlockKind", "Document", "DocumentKind", "Reference", "Section", "Source", "Statement"]


class BlockKind(StrEnum):
    """What a run of text is. Only prose is split into passages; the rest is shown but never quoted as an answer."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    CAPTION = "caption"
    NOTE = "note"

    @property
    def is_prose(self) -> bool:
        """Whether the block may become part of a passage."""
        return self in (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM)


class DocumentKind(StrEnum):
    """Whose words a document holds."""

    ORIGINAL = "original"
    """Its publisher's."""
    FICHE = "fiche"
    """Those of this service, which sums up public sources; every sentence names the ones that it rests on."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from, as people may check it.

    `path` is relative to the corpus folder, with `/`. `published` and `retrieved` are ISO dates. `sha256` is that
    of the file's bytes. `note` says in a few sentences what the reader should know of the document before its text.
    `original` is the path of the raw text that the document holds word for word, where one is kept.
    Texts that are not known are empty.
    """

    path: str
    url: str
    publisher: str
    published: str
    retrieved: str
    licence: str
    sha256: str
    kind: DocumentKind = DocumentKind.ORIGINAL
    note: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A publication that a statement rests on. `title` may be empty; `url` opens it."""

    publisher: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a document that names its own sources: the characters `start` to `end` of the text."""

    start: int
    end: int
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph, list item or caption: the characters `start` to `end` of its document's text."""

    kind: BlockKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, up to the next heading of any level.

    `heading_path` goes from the outermost heading to the section's own and leaves out the document's title; it is
    empty for what stands before the first heading. `page` is the 1-based page of paged formats.
    """

    heading_path: tuple[str, ...]
    start: int
    end: int
    page: int | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A source file's text, normalised once, with its structure. Every offset in the product points into `text`.

    `statements` are the sentences that name their own sources, in order; most documents have none.
    """

    id: str
    title: str
    theme: str
    text: str
    source: Source
    sections: tuple[Section, ...]
    statements: tuple[Statement, ...] = ()

    def references(self, start: int, end: int) -> tuple[Reference, ...]:
        """What the statements among the characters `start` to `end` rest on, in order, each once."""
        touched = (s.references for s in self.statements if s.start < end and start < s.end)
        return tuple(dict.fromkeys(reference for references in touched for reference in references))
