"""Word documents: mammoth gives their HTML, which is then read as every other HTML."""

import io
from typing import Any

from ingest.assemble import ReadBlock, Reading
from ingest.document import BlockKind
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks, parse_markup
from ingest.read_zip import open_zip

__all__ = ["read_docx"]

# Word's own styles have English names in the file whatever its language; other programs write their own.
_STYLES = "\n".join(
    [
        "p[style-name='Title'] => h1:fresh",
        "p[style-name='Titre'] => h1:fresh",
        "p[style-name='Caption'] => figcaption:fresh",
        "p[style-name='caption'] => figcaption:fresh",
        "p[style-name='Légende'] => figcaption:fresh",
        *(f"p[style-name='Titre {level}'] => h{level}:fresh" for level in range(1, 7)),
    ]
)


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
        io.BytesIO(data),
        style_map=_STYLES,
        include_embedded_style_map=False,
        convert_image=pictures,
        external_file_access=False,
    ).value
    root = parse_markup(f"<div>{html}</div>")
    if root is None:
        return Reading([])
    notes = _take_notes(root)
    return Reading([*html_blocks(root), *notes])


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
