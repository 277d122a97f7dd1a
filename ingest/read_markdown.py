"""Markdown files: CommonMark with tables, and an optional YAML front matter."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ingest.assemble import ReadBlock
from ingest.document import BlockKind
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks, parse_markup
from ingest.read_html import read_html

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

# Its first line must be `key: value`: a text may also open with a line of dashes.
_FRONT_MATTER = re.compile(
    r"""\A---[ \t]*\n((?:[ \t]*(?:\#[^\n]*)?\n)*["']?[a-zA-Z_][\w-]*["']?:(?:[ \t\n].*?)??\n)---[ \t]*(?:\n|\Z)""",
    re.DOTALL,
)
_WHOLE_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.DOTALL | re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\b", re.IGNORECASE)
_MAX_NESTING = 100  # a list takes two levels; markdown-it leaves out, without a word, what is nested deeper


def read_markdown(text: str, path: str) -> tuple[list[ReadBlock], dict[str, str]]:
    """The blocks of a Markdown text and its front matter, in reading order. Lines end in `\\n`.

    The description of a picture (`![description](address)`) is a caption. A row of a table is a list item, its cells
    set apart by « | ». Code is a paragraph. HTML is read as `html_blocks` says. A whole HTML page under a Markdown name
    is read as a page.

    Raises:
        UnreadableSource: the front matter is not YAML of the form `key: value`, a whole page has no main
            content, or lists are nested too deep.
    """
    from markdown_it import MarkdownIt

    front: dict[str, str] = {}
    if matter := _FRONT_MATTER.match(text):
        front = _front_matter(matter.group(1), path)
        text = text[matter.end() :]
    if _WHOLE_PAGE.match(text):
        blocks, title = read_html(text, path)
        return blocks, {"title": title, **front} if title else front
    tokens = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING}).enable("table").parse(text)
    if any(token.level >= _MAX_NESTING - 1 for token in tokens):
        raise UnreadableSource(
            f"{path} : listes ou citations imbriquées sur trop de niveaux ({_MAX_NESTING // 2} listes au plus). "
            "Simplifiez la mise en forme."
        )
    return list(_blocks(tokens)), front


def _front_matter(text: str, path: str) -> dict[str, str]:
    import yaml

    try:
        # Every value stays the text it is: `title: 2010` is no number, and a wrong date is told apart later.
        values = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableSource(
            f"{path} : l’en-tête entre « --- » n’est pas du YAML valide ({' '.join(str(error).split())}). "
            "Écrivez une ligne « clé: valeur » par information, ou retirez l’en-tête."
        ) from error
    if not isinstance(values, Mapping):
        raise UnreadableSource(f"{path} : l’en-tête entre « --- » doit contenir des lignes « clé: valeur ».")
    return {key: value for key, value in values.items() if isinstance(value, str) and value not in ("", "~", "null")}


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
                if (markup := parse_markup(token.content)) is not None:
                    yield from html_blocks(markup)
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
        elif token.type == "html_inline" and _LINE_BREAK.match(token.content):
            prose.append("\n")
        elif token.type == "html_inline" and (markup := parse_markup(token.content)) is not None:
            captions.extend(block.text for block in html_blocks(markup))
    return "".join(prose), captions
