"""HTML pages: the main content by trafilatura, with its headings and lists."""

from typing import Any

from ingest.assemble import ReadBlock
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks

__all__ = ["page_facts", "read_html"]

_HTML_NAMES = {
    "cell": "td",
    "graphic": "img",
    "item": "li",
    "lb": "br",
    "list": "ul",
    "quote": "blockquote",
    "row": "tr",
}


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
    main = root if main is None else main
    _as_html(main)
    return html_blocks(main), str(root.get("title") or "")


def page_facts(text: str, url: str) -> tuple[str, str]:
    """What a page says of itself: the name of its site and the date of its publication (ISO); empty if it does not.

    Dates are only taken from where pages put them (metadata, the address, marked places), not guessed from their text.
    """
    import trafilatura

    found = trafilatura.extract_metadata(text, default_url=url, extensive=False)
    return str(found.sitename or ""), str(found.date or "")


def _as_html(main: Any) -> None:
    """Give trafilatura's elements their HTML names again, so that one walk serves both."""
    for element in main.iter():
        if element.tag == "head":
            element.tag = str(element.get("rend", "h2"))
        elif element.tag == "code" and element.getparent() is main:
            element.tag = "pre"  # a block of its own
        else:
            element.tag = _HTML_NAMES.get(element.tag, element.tag)
