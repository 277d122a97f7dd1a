"""Word documents: mammoth gives their HTML, which is then read as every other HTML."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from ingest.assemble import ReadBlock, Reading
from ingest.document import BlockKind
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks, parse_markup
from ingest.read_zip import open_zip

__all__ = ["read_docx"]

_NAMESPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT = "word/document.xml"
# Word's own styles have English names in the file whatever its language; other programs write their own.
_STYLES = {
    **dict.fromkeys(("title", "titre"), "h1"),
    **dict.fromkeys(("caption", "légende"), "figcaption"),
    **{f"{name} {level}": f"h{level}" for level in range(1, 7) for name in ("heading", "titre")},
}
_OFF = ("0", "false", "off")


def read_docx(data: bytes, path: str) -> Reading:
    """The blocks of a Word document in reading order: text, tables and text boxes, with tracked changes accepted.

    Page headers and footers, comments and deleted text are left out; foot- and endnotes are notes, and their calls are
    taken out of the text. Macros are not run; pictures and linked files are not opened.

    Raises:
        UnreadableSource: it is no Word document, is locked, or unpacks to too much.
    """
    import mammoth

    archive = open_zip(data, path)
    if not any(name.startswith("word/") for name in archive.namelist()):
        raise UnreadableSource(f"{path} : ce n’est pas un document Word. Enregistrez-le en .docx ou en .pdf.")
    pictures = mammoth.images.img_element(lambda image: {"src": ""})
    html = mammoth.convert_to_html(
        io.BytesIO(_as_shown(data, archive)),
        style_map="\n".join(_style_map(archive)),
        include_embedded_style_map=False,
        convert_image=pictures,
        external_file_access=False,
    ).value
    root = parse_markup(f"<div>{html}</div>")
    if root is None:
        return Reading([])
    notes = _take_notes(root)
    return Reading([*html_blocks(root), *notes])


def _as_shown(data: bytes, archive: zipfile.ZipFile) -> bytes:
    """The document without hidden text, and with the fields that Word wrote as one element: mammoth knows neither."""
    text = archive.read(_TEXT) if _TEXT in archive.namelist() else b""
    if not re.search(rb":(?:vanish|fldSimple)\b", text):
        return data
    root = _parsed(text)
    if root is None:
        return data
    for mark in list(root.iter(f"{_NAMESPACE}vanish")):
        run = mark.getparent().getparent()
        if run is not None and run.tag == f"{_NAMESPACE}r" and mark.get(f"{_NAMESPACE}val") not in _OFF:
            run.getparent().remove(run)
    for field in list(root.iter(f"{_NAMESPACE}fldSimple")):
        outer = field.getparent()
        place = outer.index(field)
        outer[place : place + 1] = list(field)
    return _with_text(archive, root)


def _with_text(archive: zipfile.ZipFile, root: Any) -> bytes:
    from lxml import etree

    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as copy:
        for part in archive.infolist():
            content = etree.tostring(root) if part.filename == _TEXT else archive.read(part)
            copy.writestr(part.filename, content)
    return changed.getvalue()


def _style_map(archive: zipfile.ZipFile) -> Iterator[str]:
    """mammoth's rules for the styles of this document: those of headings, and those that are based on one."""
    root = _parsed(archive.read("word/styles.xml")) if "word/styles.xml" in archive.namelist() else None
    names: dict[str, str] = {}
    bases: dict[str, str] = {}
    levels: dict[str, str] = {}
    for style in () if root is None else root.iter(f"{_NAMESPACE}style"):
        own = str(style.get(f"{_NAMESPACE}styleId", ""))
        if style.get(f"{_NAMESPACE}type") != "paragraph" or not own:
            continue
        names[own] = _value(style, "name")
        bases[own] = _value(style, "basedOn")
        levels[own] = _value(style, f"pPr/{_NAMESPACE}outlineLvl")
    for own, name in names.items():
        found, seen, known = own, set[str](), ""
        while found in names and found not in seen and not known:
            seen.add(found)
            known = _STYLES.get(names[found].lower(), "")
            known = known or (
                f"h{int(level) + 1}" if (level := levels[found]) in ("0", "1", "2", "3", "4", "5") else ""
            )
            found = bases[found]
        if known:
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            yield f"p[style-name='{quoted}'] => {known}:fresh"


def _value(style: Any, tag: str) -> str:
    found = style.find(f"{_NAMESPACE}{tag}")
    return "" if found is None else str(found.get(f"{_NAMESPACE}val", ""))


def _parsed(part: bytes) -> Any:
    """A part of the document as a tree, or None if it is malformed, which mammoth says; no entity is opened."""
    from lxml import etree

    try:
        return etree.fromstring(part, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        return None


def _take_notes(root: Any) -> list[ReadBlock]:
    """The notes of a document, taken out of its tree together with their calls."""
    for call in root.xpath("//sup[a[contains(@id, 'note-ref-')]]"):
        _remove(call)
    notes = []
    for item in root.xpath("//li[starts-with(@id, 'footnote-') or starts-with(@id, 'endnote-')]"):
        for back in item.xpath(".//a[contains(@href, 'note-ref-')]"):
            _remove(back)
        notes += [ReadBlock(BlockKind.NOTE, block.text) for block in html_blocks(item)]
        _remove(item)
    return notes


def _remove(element: Any) -> None:
    """Take an element out of its tree, but not the text that follows it."""
    tail = element.tail
    element.clear()
    element.tag, element.tail = "span", tail
