"""The lines of a PDF's pages as blocks: paragraphs put together, headings told by their size."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from ingest.assemble import ReadBlock
from ingest.document import BlockKind
from ingest.pdf_fragments import HYPHEN, Line

__all__ = ["pdf_blocks"]

_LARGER = 1.12
"""How much larger than the text a heading is, at least."""
_LEADERS = re.compile(r"\s*(?:[.…_·]\s?){4,}\s*")
_BULLET = re.compile(r"(?:[•◦▪■●○‣➢►✓·*\-–—\ue000-\uf8ff]|o(?=\s))\s*")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s|[a-z]\)\s")
_RECITAL = re.compile(r"(?:Vu|Considérant|Attendu)\b")
"""How the grounds of a decision begin, each of which ends in a comma or a semicolon."""
_NOTE = re.compile(r"(?:\d{1,3}|\*+)[\s.)]")
_SENTENCE_END = re.compile(r"[.!?…:][»”\"’)\]]?$")
_WORDS = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_LAST_WORD = re.compile(r"([^\W_]+(?:-[^\W_]+)*)[-\u2010\x02]$")
_LONGEST_WORD = 60
_FIRST_WORD = re.compile(r"[^\W_]+")
# What French writes behind a hyphen (« celui-ci », « donne-t-il ») and before one (« peut-être », « rendez-vous »).
# fmt: off
_AFTER_HYPHEN = frozenset({
    "ce", "ci", "delà", "dessous", "dessus", "elle", "elles", "en", "il", "ils", "je", "la", "les", "leur", "lui", "là",
    "moi", "même", "mêmes", "nous", "on", "t", "toi", "tu", "un", "une", "uns", "unes", "vous", "y", "être",
    "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix",
})
_BEFORE_HYPHEN = frozenset({
    "après", "arrière", "avant", "celle", "celles", "celui", "ceux", "contre", "demi", "est", "ex", "grand", "grande",
    "grands", "mi", "non", "nord", "ouest", "peut", "porte", "quelques", "rendez", "saint", "sainte", "semi", "sous",
    "sud", "vice", "vingt", "trente", "quarante", "cinquante", "soixante", "quatre",
})
# fmt: on


@dataclass(slots=True)
class _Open:
    """The block that lines are being added to."""

    lines: list[Line]
    page: int
    last_page: int
    is_item: bool = False
    text: str = ""


@dataclass(slots=True)
class _Builder:
    """Blocks from lines. `leading` is the usual step between lines, in font sizes."""

    body_size: float
    bold_tells: bool
    leading: float
    words: frozenset[str]
    blocks: list[tuple[ReadBlock, float]] = field(default_factory=list)
    notes: list[tuple[ReadBlock, float]] = field(default_factory=list)
    open: _Open | None = None
    note: _Open | None = None

    def page(self, number: int, lines: Sequence[Line]) -> None:
        """Add a page's lines."""
        for line in lines:
            if self._is_note(line):
                self._add_note(number, line)
            else:
                self._add(number, line)
        self._close_note()

    def close(self) -> None:
        """End the open block, and put the notes that came up in it after it."""
        if block := self.open:
            self.blocks.append(self._finished(block))
            self.open = None
        self.blocks += self.notes
        self.notes.clear()

    def _add(self, number: int, line: Line) -> None:
        marker = _BULLET.match(line.text)
        is_item = bool(marker and marker.end() < len(line.text)) or bool(_NUMBERED.match(line.text))
        is_alone = line.is_row or bool(_LEADERS.search(line.text))
        block = self.open
        opens = is_alone or (is_item and not self._is_heading_shaped(line))
        if block and not opens and self._continues(block, number, line):
            block.text = self._join(block.text, line.text)
            block.lines.append(line)
            block.last_page = number
            return
        self.close()
        if line.is_row:
            self.blocks.append((ReadBlock(BlockKind.LIST_ITEM, _clean(line.text), page=number), 0))
        elif is_alone:
            self.blocks.append((ReadBlock(BlockKind.CAPTION, _LEADERS.sub(" … ", line.text), page=number), 0))
        else:
            self.open = _Open([line], number, number, is_item, line.text)

    def _continues(self, block: _Open, number: int, line: Line) -> bool:
        last = block.lines[-1]
        if abs(line.size - last.size) > 0.08 * last.size or (self.bold_tells and self._bold_parts(block, line)):
            return False
        step = last.baseline - line.baseline
        overlaps = line.left < last.right and last.left < line.right
        if number != block.last_page or step <= 0 or not overlaps:
            return self._goes_on(block, line)
        if step > max(1.3 * self.leading, 1.25) * line.size:
            return False
        return self._is_heading_shaped(line) or self._is_same_paragraph(block, last, line)

    def _is_same_paragraph(self, block: _Open, last: Line, line: Line) -> bool:
        """Whether a line right below goes on: its first word did not fit on the line above, and it is not indented."""
        ends = bool(_SENTENCE_END.search(block.text[-3:]))
        if _RECITAL.match(line.text) and block.text.endswith((",", ";")):
            return False
        if block.is_item:
            return line.left > block.lines[0].left + 0.3 * line.size or not ends
        character = (line.right - line.left) / len(line.text)
        would_fit = last.edge - last.right > character * (len(line.text.split(maxsplit=1)[0]) + 2)
        if ends and (would_fit or line.left - last.left > 0.8 * line.size):
            return False
        return not would_fit or line.text[:1].islower() or bool(_LAST_WORD.search(block.text[-_LONGEST_WORD:]))

    def _goes_on(self, block: _Open, line: Line) -> bool:
        """Whether a sentence goes on in the next column or on the next page."""
        return not _SENTENCE_END.search(block.text[-3:]) and (
            line.text[:1].islower() or block.text.endswith((HYPHEN, "-", "\u2010", ","))
        )

    def _bold_parts(self, block: _Open, line: Line) -> bool:
        return line.bold != all(item.bold for item in block.lines)

    def _is_heading_shaped(self, line: Line) -> bool:
        return line.size >= _LARGER * self.body_size or (self.bold_tells and line.bold)

    def _is_note(self, line: Line) -> bool:
        is_small = line.size < 0.87 * self.body_size and line.place > 0.5 and not line.is_row
        return is_small and (self.note is not None or bool(_NOTE.match(line.text)))

    def _add_note(self, number: int, line: Line) -> None:
        if self.note and not _NOTE.match(line.text):
            self.note.text = self._join(self.note.text, line.text)
        else:
            self._close_note()
            self.note = _Open([line], number, number, text=line.text)

    def _close_note(self) -> None:
        if note := self.note:
            self.notes.append((ReadBlock(BlockKind.NOTE, _clean(note.text), page=note.page), 0))
            self.note = None

    def _finished(self, block: _Open) -> tuple[ReadBlock, float]:
        """The block, and its font size if it is a heading, else 0."""
        text, first = _clean(block.text), block.lines[0]
        is_large = first.size >= _LARGER * self.body_size
        letters = sum(character.isalpha() for character in text)
        reads_as_sentence = bool(re.search(r"[.;,:]$", text)) and (not is_large or len(text) > 80)
        if self._is_heading_shaped(first) and letters >= 2 and len(text) <= 200 and not reads_as_sentence:
            size = first.size if is_large else self.body_size
            return ReadBlock(BlockKind.HEADING, _without_bullet(text), 1, block.page), size
        if block.is_item:
            return ReadBlock(BlockKind.LIST_ITEM, _without_bullet(text), page=block.page), 0
        return ReadBlock(BlockKind.PARAGRAPH, text, page=block.page), 0

    def _join(self, text: str, following: str) -> str:
        """Two lines as one: a word that a hyphen parts is put together, with the hyphen where it is the word's own."""
        broken, rest = _LAST_WORD.search(text[-_LONGEST_WORD:]), _FIRST_WORD.match(following)
        if not broken or not rest:
            return f"{text} {following}"
        left, right = broken.group(1), rest.group()
        keeps = (
            not right[0].islower()
            or left[-1].isdigit()
            or f"{left}-{right}".lower() in self.words
            or (f"{left}{right}".lower() not in self.words and self._is_compound(left, right))
        )
        return f"{text[:-1]}{'-' if keeps else ''}{following}"

    def _is_compound(self, left: str, right: str) -> bool:
        return "-" in left or left.lower() in _BEFORE_HYPHEN or right.lower() in _AFTER_HYPHEN


def pdf_blocks(pages: Sequence[Sequence[Line]]) -> list[ReadBlock]:
    """The blocks of a document's pages (the first is page 1), each on the page where it begins.

    Headings are what is larger than most of the text, or in bold and short; their levels follow their sizes. Lines
    of a table of contents are captions, small numbered lines at a page's foot are notes.
    """
    lines = [line for page in pages for line in page]
    if not lines:
        return []
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body_size = max(sorted(sizes), key=lambda size: sizes[size])
    bold = sum(len(line.text) for line in lines if line.bold)
    steps = [
        (above.baseline - line.baseline) / line.size for page in pages for above, line in pairwise(page) if line.size
    ]
    usual = [step for step in steps if 0.8 < step < 2.5]
    builder = _Builder(
        body_size=body_size,
        bold_tells=bold < 0.4 * sum(sizes.values()),
        leading=median(usual) if usual else 1.2,
        words=frozenset(word.lower() for line in lines for word in _WORDS.findall(line.text)),
    )
    for number, page in enumerate(pages, start=1):
        builder.page(number, page)
    builder.close()
    return _with_levels(builder.blocks, body_size)


def _with_levels(blocks: Sequence[tuple[ReadBlock, float]], body_size: float) -> list[ReadBlock]:
    """Give headings their levels: the largest is the title if it opens the document; what is only bold comes last."""
    sizes = Counter(size for _, size in blocks if size)
    order = sorted(sizes, reverse=True)
    titles = [block for block, size in blocks if order and size == order[0] > body_size]
    first = 1 if 1 <= len(titles) <= 2 and titles[0].page == blocks[0][0].page else 2
    return [
        ReadBlock(block.kind, block.text, min(first + order.index(size), 6), block.page) if size else block
        for block, size in blocks
    ]


def _without_bullet(text: str) -> str:
    bullet = _BULLET.match(text)
    return text[bullet.end() :] if bullet else text


def _clean(text: str) -> str:
    return text.replace(HYPHEN, "-")
