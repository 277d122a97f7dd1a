"""Markdown files: CommonMark with tables, and an optional YAML front matter."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ingest.assemble import ReadBlock
from ingest.document import BlockKind
from ingest.errors import InvalidEntry

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)


def read_markdown(text: str, path: str) -> tuple[list[ReadBlock], dict[str, str]]:
    """The blocks of a Markdown text and its front matter, in reading order.

    The description of a picture (`![description](address)`) is a caption. A row of a table is a list item, its cells
    set apart by « | ». Code is a paragraph. HTML tags are left out, the text between them stays.

    Raises:
        InvalidEntry: the front matter is not YAML of the form `key: value`.
    """
    from markdown_it import MarkdownIt

    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front: dict[str, str] = {}
    if matter := _FRONT_MATTER.match(text):
        front = _front_matter(matter.group(1) or "", path)
        text = text[matter.end() :]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return list(_blocks(tokens)), front


def _front_matter(text: str, path: str) -> dict[str, str]:
    import yaml

    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidEntry(
            f"{path} : l’en-tête entre « --- » n’est pas du YAML valide ({' '.join(str(error).split())}). "
            "Écrivez une ligne « clé: valeur » par information, ou retirez l’en-tête."
        ) from error
    if not isinstance(values, Mapping):
        raise InvalidEntry(f"{path} : l’en-tête entre « --- » doit contenir des lignes « clé: valeur ».")
    return {str(key): str(value) for key, value in values.items() if value is not None}


def _blocks(tokens: "list[Token]") -> Iterator[ReadBlock]:
    list_depth = 0
    heading_level = 0
    cells: list[str] | None = None
    for token in tokens:
        match token.type:
            case "heading_open" | "heading_close":
                heading_level = int(token.tag[1]) if token.nesting == 1 else 0
            case "list_item_open" | "list_item_close":
                list_depth += token.nesting
            case "tr_open":
                cells = []
            case "tr_close":
                yield ReadBlock(BlockKind.LIST_ITEM, " | ".join(cells or ()))
                cells = None
            case "fence" | "code_block":
                yield ReadBlock(BlockKind.PARAGRAPH, token.content)
            case "html_block":
                yield from _html_block(token.content)
            case "inline":
                prose, captions = _inline(token.children or [])
                if cells is not None:
                    cells.append(prose)
                elif heading_level:
                    yield ReadBlock(BlockKind.HEADING, prose, heading_level)
                else:
                    yield ReadBlock(BlockKind.LIST_ITEM if list_depth else BlockKind.PARAGRAPH, prose)
                yield from (ReadBlock(BlockKind.CAPTION, caption) for caption in captions)


def _inline(tokens: "list[Token]") -> tuple[str, list[str]]:
    prose: list[str] = []
    captions: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            prose.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            prose.append("\n")
        elif token.type == "image":
            captions.append(_inline(token.children or [])[0])
    return "".join(prose), captions


def _html_block(content: str) -> Iterator[ReadBlock]:
    from lxml import html

    for element in html.fragments_fromstring(content):
        if isinstance(element, str):
            yield ReadBlock(BlockKind.PARAGRAPH, element)
        elif isinstance(element.tag, str) and element.tag not in ("script", "style"):
            kind = BlockKind.CAPTION if element.tag in ("figure", "figcaption") else BlockKind.PARAGRAPH
            yield ReadBlock(kind, element.text_content())
