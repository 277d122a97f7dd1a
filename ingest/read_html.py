"""HTML pages: the main content by trafilatura, with its headings and lists."""

from collections.abc import Iterator
from typing import Any

from ingest.assemble import ReadBlock
from ingest.document import BlockKind
from ingest.errors import UnreadableSource

__all__ = ["read_html"]


def read_html(text: str, path: str) -> tuple[list[ReadBlock], str]:
    """The blocks of a page's main content, in reading order, and the page's title (empty if it names none).

    Menus, footers and comments are left out; picture descriptions are captions; a table's row is a list item.

    Raises:
        UnreadableSource: the page holds no main content.
    """
    import trafilatura
    from lxml import etree

    extracted = None
    for favor_recall in (False, True):  # the careful extraction gives up on short pages: then take more
        extracted = trafilatura.extract(
            text,
            output_format="xml",
            include_comments=False,
            include_images=True,
            with_metadata=True,
            favor_recall=favor_recall,
        )
        if extracted:
            break
    if not extracted:
        raise UnreadableSource(
            f"{path} : aucun contenu principal trouvé dans cette page HTML. "
            "Enregistrez la page complète, ou copiez son texte dans un fichier .md."
        )
    root = etree.fromstring(extracted.encode("utf-8"))
    main = root.find("main")
    return list(_blocks(main if main is not None else root)), str(root.get("title") or "")


def _blocks(parent: Any) -> Iterator[ReadBlock]:
    for element in parent:
        match element.tag:
            case "head":
                yield ReadBlock(BlockKind.HEADING, _text(element), int(str(element.get("rend", "h2"))[-1]))
            case "list":
                yield from (ReadBlock(BlockKind.LIST_ITEM, _text(item)) for item in element.iter("item"))
            case "table":
                for row in element.iter("row"):
                    yield ReadBlock(BlockKind.LIST_ITEM, " | ".join(_text(cell) for cell in row))
            case "graphic":
                yield ReadBlock(BlockKind.CAPTION, str(element.get("alt") or ""))
            case "quote" if len(element):
                yield from _blocks(element)
            case _:
                yield ReadBlock(BlockKind.PARAGRAPH, _text(element))
                yield from (
                    ReadBlock(BlockKind.CAPTION, str(graphic.get("alt") or "")) for graphic in element.iter("graphic")
                )


def _text(element: Any) -> str:
    for line_break in element.iter("lb"):
        line_break.tail = "\n" + (line_break.tail or "")
    return "".join(element.itertext())
