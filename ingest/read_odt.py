"""OpenDocument texts: lxml alone. Their XML gets HTML's names, and is then read as every other HTML."""

import zipfile
from typing import Any

from ingest.assemble import ReadBlock, Reading
from ingest.document import BlockKind
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks
from ingest.read_zip import locked, open_zip

__all__ = ["read_odt"]

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT = f"{{{_NAMESPACE}text:1.0}}"
_TABLE = f"{{{_NAMESPACE}table:1.0}}"
_STYLE = f"{{{_NAMESPACE}style:1.0}}"
_OFFICE = f"{{{_NAMESPACE}office:1.0}}"
_SVG = f"{{{_NAMESPACE}svg-compatible:1.0}}"
_HTML_NAMES = {
    f"{_TEXT}list-item": "li",
    f"{_TEXT}list-header": "li",
    f"{_TABLE}table-row": "tr",
    f"{_TABLE}table-cell": "td",
    f"{_TABLE}table": "table",
    f"{_TEXT}line-break": "br",
}
# Deleted text, comments, tables of contents, and what is said of a document rather than in it.
_LEFT_OUT = frozenset(
    {
        f"{_TEXT}tracked-changes",
        f"{_TEXT}table-of-content",
        f"{_TEXT}note",
        f"{_OFFICE}annotation",
        f"{_OFFICE}forms",
        f"{_SVG}title",
        f"{_TABLE}covered-table-cell",
    }
)
_SPACES = (f"{_TEXT}s", f"{_TEXT}tab")
_CAPTION_STYLES = frozenset({"Caption", "Illustration", "Figure", "Table", "Drawing"})


def read_odt(data: bytes, path: str) -> Reading:
    """The blocks of an OpenDocument text in reading order; tracked changes are accepted, comments left out.

    Page headers and footers and the table of contents are left out; foot- and endnotes are notes, at the end.

    Raises:
        UnreadableSource: it is no such text, is locked, malformed, or unpacks to too much.
    """
    from lxml import etree

    archive = open_zip(data, path)
    names = archive.namelist()
    if "encrypted-package" in names or (
        "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml")
    ):
        raise locked(path)
    try:
        # No entity is expanded and nothing outside the file is opened.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        root = etree.fromstring(archive.read("content.xml"), parser)
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise UnreadableSource(
            f"{path} : ce n’est pas un texte OpenDocument, ou il est abîmé. Enregistrez-le en .odt ou en .docx."
        ) from error
    body = root.find(f".//{_OFFICE}text")
    if body is None:
        raise UnreadableSource(
            f"{path} : ce n’est pas un texte OpenDocument (.odt). Enregistrez-le en .docx ou en .pdf."
        )
    styles = {
        style.get(f"{_STYLE}name"): style.get(f"{_STYLE}parent-style-name") for style in root.iter(f"{_STYLE}style")
    }
    notes = [
        ReadBlock(BlockKind.NOTE, "".join(_as_html(note, styles).itertext())) for note in body.iter(f"{_TEXT}note-body")
    ]
    return Reading([*html_blocks(_as_html(body, styles)), *notes])


def _as_html(element: Any, styles: dict[str, str]) -> Any:
    """A copy of an element and all that it holds that is shown, under HTML's names."""
    from lxml import etree

    copy = etree.Element(_html_name(element, styles))
    copy.text = element.text
    for child in element:
        if child.tag == f"{_SVG}desc":
            etree.SubElement(copy, "img", alt="".join(child.itertext()))
        elif child.tag in _SPACES:
            _append_text(copy, " ")
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
            copy.append(_as_html(child, styles))
        _append_text(copy, child.tail or "")
    return copy


def _append_text(element: Any, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _html_name(element: Any, styles: dict[str, str]) -> str:
    if element.tag == f"{_TEXT}h":
        level = int(element.get(f"{_TEXT}outline-level", "1"))
        return f"h{min(max(level, 1), 6)}"
    if element.tag == f"{_TEXT}p":
        style = element.get(f"{_TEXT}style-name", "")
        if "Title" in (style, styles.get(style)):
            return "h1"
        return "figcaption" if {style, styles.get(style)} & _CAPTION_STYLES else "p"
    return _HTML_NAMES.get(element.tag, "span")
