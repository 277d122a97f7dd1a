"""What a reader found, put together into a `Document`: the only place where offsets are born."""

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from operator import itemgetter

from ingest.document import Block, BlockKind, Document, Reference, Section, Source, Statement
from ingest.errors import UnreadableSource
from ingest.normalise import normalise_block
from ingest.sentences import sentence_spans

__all__ = ["ReadBlock", "Reading", "assemble", "document_id"]


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A block as a reader found it, before normalising. `level` is a heading's level from 1, else 0.

    `marks` are the places in `text` where a note names a source: each speaks for the sentence that it stands in or
    right behind.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    marks: tuple[tuple[int, Reference], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a file: its blocks in reading order, and what the file says of itself (its title, …).

    `notices` say, in French and for the operator, what of the file could not be read.
    """

    blocks: list[ReadBlock]
    about: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def assemble(blocks: Iterable[ReadBlock], *, title: str, theme: str, source: Source) -> Document:
    """A document whose text is the blocks' texts, normalised, with a blank line between (a line break in lists).

    An empty `title` is taken from the first level-1 heading, else from the file's name. A heading that equals
    the title is not repeated in heading paths.

    Raises:
        UnreadableSource: no block holds any prose.
    """
    normalised = [
        replace(block, text=text, marks=_normalised_marks(block))
        for block in blocks
        if (text := normalise_block(block.text))
    ]
    if not any(block.kind.is_prose for block in normalised):
        raise UnreadableSource(
            f"{source.path} : aucun paragraphe de texte trouvé. "
            "Vérifiez que le fichier contient bien des phrases, pas seulement des titres ou des images."
        )
    if not title:
        top = next((b.text for b in normalised if b.kind is BlockKind.HEADING and b.level == 1), "")
        title = top or _title_from(source.path)
    text, placed = _place(normalised)
    return Document(
        id=document_id(source.path),
        title=title,
        theme=theme,
        text=text,
        source=source,
        sections=_sections(normalised, placed, title, text),
        statements=tuple(
            statement for read, block in zip(normalised, placed, strict=True) for statement in _statements(read, block)
        ),
    )


def document_id(path: str) -> str:
    """A document's id from its path in the corpus: `fiches/Énergie 2.md` gives `fiches-energie-2`."""
    stem = path.rsplit(".", 1)[0] if "." in path.rsplit("/", 1)[-1] else path
    ascii_text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-") or "document"


def _title_from(path: str) -> str:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return re.sub(r"[-_]+", " ", stem).strip().capitalize() or path


def _place(blocks: list[ReadBlock]) -> tuple[str, list[Block]]:
    parts: list[str] = []
    placed: list[Block] = []
    offset = 0
    for index, block in enumerate(blocks):
        if index:
            in_list = block.kind is BlockKind.LIST_ITEM and blocks[index - 1].kind is BlockKind.LIST_ITEM
            separator = "\n" if in_list else "\n\n"
            parts.append(separator)
            offset += len(separator)
        placed.append(Block(block.kind, offset, offset + len(block.text)))
        parts.append(block.text)
        offset += len(block.text)
    return "".join(parts), placed


def _sections(blocks: list[ReadBlock], placed: list[Block], title: str, text: str) -> tuple[Section, ...]:
    """Group blocks into sections: a new one at each heading and at each new page."""
    sections: list[Section] = []
    open_headings: list[tuple[int, str]] = []
    group: list[Block] = []
    page = blocks[0].page

    def close() -> None:
        if group:
            path = tuple(name for _, name in open_headings if name != title)
            sections.append(Section(path, group[0].start, group[-1].end, page, tuple(group)))
            group.clear()

    for read, block in zip(blocks, placed, strict=True):
        if read.kind is BlockKind.HEADING:
            close()
            open_headings = [(level, name) for level, name in open_headings if level < read.level]
            open_headings.append((read.level, text[block.start : block.end]))
        elif read.page != page:
            close()
        page = read.page
        group.append(block)
    close()
    return tuple(sections)


def _normalised_marks(block: ReadBlock) -> tuple[tuple[int, Reference], ...]:
    """The marks at their places in the normalised text: how long what stands before each becomes.

    From one mark to the next only what lies between is normalised, behind the word that it follows.
    """
    text = block.text
    marks = []
    before = length = 0
    for place, reference in sorted(block.marks, key=itemgetter(0)):
        context = max(min(before, len(text)) - 1, 0)
        while context and text[context].isspace():
            context -= 1
        length += len(normalise_block(text[context:place])) - len(normalise_block(text[context:before]))
        before = place
        marks.append((length, reference))
    return tuple(marks)


def _statements(read: ReadBlock, placed: Block) -> Iterator[Statement]:
    """The sentences of a block of prose that hold a mark, or end where one stands."""
    if not read.marks or not read.kind.is_prose:
        return
    marks = deque(read.marks)
    for start, end in sentence_spans(read.text):
        references = []
        while marks and marks[0][0] <= end:
            references.append(marks.popleft()[1])
        if references:
            yield Statement(placed.start + start, placed.start + end, tuple(dict.fromkeys(references)))
