"""The one walk over an HTML tree: whole pages and the HTML inside Markdown give the same blocks."""

from typing import Any

from ingest.assemble import ReadBlock
from ingest.document import BlockKind

__all__ = ["html_blocks", "parse_markup"]

# fmt: off
_INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "hi", "i",
    "ins", "kbd", "label", "mark", "q", "ref", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time",
    "tt", "u", "var", "wbr",
})
# fmt: on
_LEFT_OUT = frozenset({"button", "head", "noscript", "script", "select", "style", "svg", "template", "textarea"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KINDS = {
    "blockquote": BlockKind.PARAGRAPH,
    "caption": BlockKind.CAPTION,
    "dd": BlockKind.LIST_ITEM,
    "dt": BlockKind.LIST_ITEM,
    "figcaption": BlockKind.CAPTION,
    "figure": BlockKind.CAPTION,
    "li": BlockKind.LIST_ITEM,
}


def html_blocks(root: Any) -> list[ReadBlock]:
    """The blocks of an lxml element and all it holds, in reading order; none is empty.

    A list item's own text is one block, and the lists, paragraphs and tables in it are blocks of their own. A table's
    row is a list item, its cells set apart by « | »; a row that holds tables or headings is mere layout, so what is in
    it is read as if it stood outside. Pictures' descriptions, figures and table titles are captions. Scripts, styles,
    form controls and comments are left out.
    """
    walk = _Walk()
    walk.element(root, BlockKind.PARAGRAPH, 0)
    walk.close(BlockKind.PARAGRAPH, 0)
    return walk.blocks


def parse_markup(markup: str) -> Any:
    """The lxml tree of a piece of HTML, whole or broken, or None if there is no element in it."""
    from lxml import etree

    # Bytes with their charset given: lxml refuses text that declares a charset of its own. Without `huge_tree` it
    # drops, without a word, what is nested deeper than 256.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return etree.fromstring(markup.encode("utf-8"), parser)
    except etree.XMLSyntaxError:
        return None


class _Walk:
    def __init__(self) -> None:
        self.blocks: list[ReadBlock] = []
        self._text: list[str] = []
        self._captions: list[str] = []

    def element(self, element: Any, kind: BlockKind, level: int) -> None:
        """Read one element that stands in a block of this kind and level."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _LEFT_OUT:
            return
        if tag == "br":
            self._text.append("\n")
        elif tag == "img":
            self._captions.append(element.get("alt") or "")
        elif tag in _INLINE:
            self._content(element, kind, level)
        else:
            self.close(kind, level)
            if tag == "tr" and not any(inner.tag == "table" or inner.tag in _HEADINGS for inner in element.iter()):
                self._row(element)
                return
            if tag in _HEADINGS:
                kind, level = BlockKind.HEADING, int(tag[1])
            elif tag in _KINDS:
                kind, level = _KINDS[tag], 0
            self._content(element, kind, level)
            self.close(kind, level)

    def close(self, kind: BlockKind, level: int) -> None:
        """End the running block, and put the descriptions of the pictures in it after it."""
        text = "".join(self._text)
        if text.strip():
            self.blocks.append(ReadBlock(kind, text, level))
        self.blocks.extend(ReadBlock(BlockKind.CAPTION, caption) for caption in self._captions if caption.strip())
        self._text.clear()
        self._captions.clear()

    def _content(self, element: Any, kind: BlockKind, level: int) -> None:
        self._text.append(element.text or "")
        for child in element:
            self.element(child, kind, level)
            self._text.append(child.tail or "")

    def _row(self, row: Any) -> None:
        cells: list[str] = []
        captions: list[ReadBlock] = []
        for cell in row:
            inside = html_blocks(cell)
            cells.append(" ".join(block.text.strip() for block in inside if block.kind is not BlockKind.CAPTION))
            captions.extend(block for block in inside if block.kind is BlockKind.CAPTION)
            if stray := (cell.tail or "").strip():
                cells.append(stray)
        if any(cells):
            self.blocks.append(ReadBlock(BlockKind.LIST_ITEM, " | ".join(cells)))
        self.blocks.extend(captions)
