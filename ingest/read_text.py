"""Plain text files: headings and picture captions recognised by their shape."""

import re
from collections.abc import Iterator

from ingest.assemble import ReadBlock
from ingest.document import BlockKind

__all__ = ["read_text"]

_PARAGRAPH_BREAK = re.compile(r"\n[ \t\u00a0]*\n\s*")
_MAX_HEADING_CHARACTERS = 120
_SENTENCE_END = re.compile(r"[.!?…:;,»”\"')\]]\s*$")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•–—]|\d{1,2}[.)])\s+")
# « Action citoyenne, nettoyage de la ville »: a name, then what it is. Headings of this shape are rare.
_APPOSITION = re.compile(r"^[^,;:]+, [a-zà-ÿ]")


def read_text(text: str) -> list[ReadBlock]:
    """The blocks of a plain text, in reading order.

    Blocks are set apart by blank lines. A short block without final punctuation is no prose: it is a heading if prose
    follows, a caption if not (pictures' captions stand alone when a page is copied as text), and also a caption if it
    starts in lower case or reads as « name, description ». The first such block of the file is its title (level 1),
    the others are of level 2. A block of lines that each open with a dash or a number is a list.
    """
    blocks = [block for block in _PARAGRAPH_BREAK.split(text.strip()) if block.strip()]
    blocks = list(_join_continued(blocks))
    return [found for index, block in enumerate(blocks) for found in _read_block(blocks, index, block.strip())]


def _join_continued(blocks: list[str]) -> Iterator[str]:
    """Put « Résilience » and « & Transition », set on two lines, together again."""
    index = 0
    while index < len(blocks):
        block = blocks[index]
        while index + 1 < len(blocks) and blocks[index + 1].lstrip().startswith("& ") and _is_label(block):
            index += 1
            block = f"{block.strip()} {blocks[index].strip()}"
        yield block
        index += 1


def _read_block(blocks: list[str], index: int, block: str) -> Iterator[ReadBlock]:
    lines = block.split("\n")
    if all(_LIST_ITEM.match(line) for line in lines):
        yield from (ReadBlock(BlockKind.LIST_ITEM, _LIST_ITEM.sub("", line)) for line in lines)
    elif not all(_is_label(line) for line in lines) or len(lines) > 3:
        yield ReadBlock(BlockKind.PARAGRAPH, block)
    elif index == 0 and len(lines) == 1:
        yield ReadBlock(BlockKind.HEADING, block, 1)
    elif len(lines) == 1 and _is_heading(block, blocks[index + 1 : index + 2]):
        yield ReadBlock(BlockKind.HEADING, block, 2)
    else:
        yield from (ReadBlock(BlockKind.CAPTION, line) for line in lines)


def _is_label(line: str) -> bool:
    return len(line) <= _MAX_HEADING_CHARACTERS and not _SENTENCE_END.search(line) and not _LIST_ITEM.match(line)


def _is_heading(line: str, following: list[str]) -> bool:
    if line[:1].islower() or _APPOSITION.match(line):
        return False
    return bool(following) and not all(_is_label(next_line) for next_line in following[0].strip().split("\n"))
