"""Markdown files: CommonMark with tables and notes, and an optional YAML front matter."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ingest.assemble import ReadBlock
from ingest.document import BlockKind, Reference
from ingest.errors import UnreadableSource
from ingest.html_blocks import html_blocks, parse_markup
from ingest.normalise import normalise_block
from ingest.read_html import read_html

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_Marks = tuple[tuple[int, Reference], ...]

# Its first line must be `key: value`: a text may also open with a line of dashes.
_FRONT_MATTER = re.compile(
    r"""\A---[ \t]*\n((?:[ \t]*(?:\#[^\n]*)?\n)*["']?[a-zA-Z_][\w-]*["']?:(?:[ \t\n].*?)??\n)---[ \t]*(?:\n|\Z)""",
    re.DOTALL,
)
_WHOLE_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.DOTALL | re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\b", re.IGNORECASE)
_CALL = re.compile(r"\[\^[^\]\s]+\]")
_DASH = re.compile(r"\s[–—]\s")
_BETWEEN_CELLS = " | "
_MAX_NESTING = 100  # a list takes two levels; markdown-it leaves out, without a word, what is nested deeper


def read_markdown(text: str, path: str) -> tuple[list[ReadBlock], dict[str, str]]:
    """The blocks of a Markdown text and its front matter, in reading order. Lines end in `\\n`.

    The description of a picture (`![description](address)`) is a caption. A row of a table is a list item, its cells
    set apart by « | ». Code is a paragraph. HTML is read as `html_blocks` says. A whole HTML page under a Markdown name
    is read as a page.

    A note that ends in its only address (`[^a]: Publisher – title <https://…>`) is a source: where it is called
    (`[^a]`), the call leaves the text and becomes a mark of the block. Any other note, and one that is never called, is
    a block where it is written. Calls in headings and in notes are dropped.

    Raises:
        UnreadableSource: the front matter is not YAML of the form `key: value`, a whole page has no main
            content, lists are nested too deep, a call has no note, or a note is written twice or inside another.
    """
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    front: dict[str, str] = {}
    lines_before = 0
    if matter := _FRONT_MATTER.match(text):
        front = _front_matter(matter.group(1), path)
        lines_before = matter.group().count("\n")
        text = text[matter.end() :]
    if _WHOLE_PAGE.match(text):
        blocks, title = read_html(text, path)
        return blocks, {"title": title, **front} if title else front
    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING}).enable("table")
    tokens = markdown.use(footnote_plugin, inline=False, move_to_end=False).parse(text)
    if any(token.level >= _MAX_NESTING - 1 for token in tokens):
        raise UnreadableSource(
            f"{path} : listes ou citations imbriquées sur trop de niveaux ({_MAX_NESTING // 2} listes au plus). "
            "Simplifiez la mise en forme."
        )
    notes = _notes(tokens, path)
    if notes:
        _check_calls(tokens, path, lines_before)
    return list(_blocks(_without_sources(tokens, notes), notes)), front


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


def _notes(tokens: "list[Token]", path: str) -> dict[str, Reference | None]:
    """The notes of a text by their labels: the source that each names, None if it names none or is never called."""
    inline = [child for token in tokens for child in token.children or ()]
    called = {str(child.meta["label"]) for child in inline if child.type == "footnote_ref"}
    notes: dict[str, Reference | None] = {}
    label = None
    written: list[Token] = []
    for token in tokens:
        if token.type == "footnote_reference_open":
            problem = "est écrite dans une autre" if label else "est écrite deux fois"
            if label or token.meta["label"] in notes:
                raise UnreadableSource(
                    f"{path} : la note « [^{token.meta['label']}] » {problem}. À la fin du fichier, gardez une ligne "
                    "par note, sous un nom à elle."
                )
            label, written = str(token.meta["label"]), []
        elif token.type == "footnote_reference_close" and label:
            notes[label] = _reference(written) if label in called else None
            label = None
        elif label:
            written.append(token)
    return notes


def _reference(written: "list[Token]") -> Reference | None:
    """The source that a note names: one paragraph « Publisher – title <address> »; None if it is any other text."""
    children = [child for token in written for child in token.children or ()]
    addresses = [str(child.attrs["href"]) for child in children if child.type == "link_open"]
    if [token.type for token in written] != ["paragraph_open", "inline", "paragraph_close"] or len(addresses) != 1:
        return None
    opening, closing = (next(i for i, c in enumerate(children) if c.type == f"link_{end}") for end in ("open", "close"))
    after = "".join(child.content for child in children[closing + 1 :])
    if after.strip(" .") or not addresses[0].startswith(("http://", "https://")):
        return None
    shown = children[:opening] if children[opening].markup == "autolink" else children[:closing]
    text = normalise_block("".join(child.content or " " for child in shown)).rstrip(" ,;:–—")
    publisher, title = (part.strip() for part in (*_DASH.split(text, maxsplit=1), "")[:2])
    return Reference(publisher, title, addresses[0])


def _check_calls(tokens: "list[Token]", path: str, lines_before: int) -> None:
    """Raise UnreadableSource for a call that has no note, in a text that has notes."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "text" and (unknown := _CALL.search(child.content)):
                line = lines_before + token.map[0] + 1 if token.map else "?"
                raise UnreadableSource(
                    f"{path} : ligne {line}, l’appel de note « {unknown.group()} » n’a pas de note. Corrigez l’appel "
                    "(les majuscules comptent, et la note s’écrit sans espace avant « : ») "
                    f"ou ajoutez à la fin du fichier la ligne « {unknown.group()}: Éditeur – titre <https://…> »."
                )


def _without_sources(tokens: "list[Token]", notes: Mapping[str, Reference | None]) -> "Iterator[Token]":
    """The tokens but those of notes that are sources: the marks carry these."""
    in_source = False
    for token in tokens:
        if token.type == "footnote_reference_open":
            in_source = notes[str(token.meta["label"])] is not None
        if not in_source:
            yield token
        elif token.type == "footnote_reference_close":
            in_source = False


def _blocks(tokens: "Iterable[Token]", notes: Mapping[str, Reference | None]) -> Iterator[ReadBlock]:
    list_depth = note_depth = 0
    heading_level = 0
    cells: list[tuple[str, _Marks]] | None = None
    for token in tokens:
        match token.type:
            case "heading_open" | "heading_close":
                heading_level = int(token.tag[1]) if token.nesting == 1 else 0
            case "list_item_open" | "list_item_close":
                list_depth += token.nesting
            case "footnote_reference_open" | "footnote_reference_close":
                note_depth += token.nesting
            case "tr_open":
                cells = []
            case "tr_close":
                yield _row(cells or [])
                cells = None
            case "fence" | "code_block":
                yield ReadBlock(BlockKind.PARAGRAPH, token.content)
            case "html_block":
                if (markup := parse_markup(token.content)) is not None:
                    yield from html_blocks(markup)
            case "inline":
                prose, captions, marks = _inline(token.children or [], notes)
                if cells is not None:
                    cells.append((prose, marks))
                else:
                    yield ReadBlock(_kind(heading_level, note_depth, list_depth), prose, heading_level, marks=marks)
                yield from (ReadBlock(BlockKind.CAPTION, caption) for caption in captions)


def _row(cells: list[tuple[str, _Marks]]) -> ReadBlock:
    """The cells of a table's row, set apart, as one block with all their marks."""
    marks: list[tuple[int, Reference]] = []
    start = 0
    for text, of_cell in cells:
        marks += ((start + place, reference) for place, reference in of_cell)
        start += len(text) + len(_BETWEEN_CELLS)
    return ReadBlock(BlockKind.LIST_ITEM, _BETWEEN_CELLS.join(text for text, _ in cells), marks=tuple(marks))


def _kind(heading_level: int, note_depth: int, list_depth: int) -> BlockKind:
    if heading_level:
        return BlockKind.HEADING
    if note_depth:
        return BlockKind.NOTE
    return BlockKind.LIST_ITEM if list_depth else BlockKind.PARAGRAPH


def _inline(tokens: "list[Token]", notes: Mapping[str, Reference | None]) -> tuple[str, list[str], _Marks]:
    """The text of a run, the captions in it, and the sources that its marks name with their places in the text."""
    prose: list[str] = []
    captions: list[str] = []
    marks: list[tuple[int, Reference]] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            prose.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            prose.append("\n")
        elif token.type == "image":
            captions.append(_inline(token.children or [], notes)[0])
        elif token.type == "footnote_ref":
            if (reference := notes[str(token.meta["label"])]) is not None:
                marks.append((len("".join(prose)), reference))
        elif token.type == "html_inline" and _LINE_BREAK.match(token.content):
            prose.append("\n")
        elif token.type == "html_inline" and (markup := parse_markup(token.content)) is not None:
            captions.extend(block.text for block in html_blocks(markup))
    return "".join(prose), captions, tuple(marks)
