"""A PDF page's characters as lines in reading order: columns one after the other, a table's rows as rows."""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import Any

__all__ = ["HYPHEN", "Line", "PageText", "page_text"]

HYPHEN = "\x02"
"""What pdfium gives for a hyphen at a line's end."""

_WORD_GAP = 0.18
"""In heights of the line: white space between two characters that no space stands for."""
_WIDE_GAP = 0.9
"""In heights of the line: white space that may part columns or cells; justified text has narrower."""
_SAME_LINE = 0.35
"""In heights of the line: how far baselines on one line may be apart."""
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_SUPERSCRIPTS = {"2": "²", "3": "³"}
_BOLD = re.compile(r"bold|black|heavy|demi", re.IGNORECASE)
_MARKER = re.compile(r"(?:[•◦▪■●○‣➢►✓·*\-–—\ue000-\uf8ff]|o|\(?(?:\d{1,2}|[a-z])[.)°])")
_SQUARE_METRES = re.compile(r"(?:^|[\d\s])[kcd]?m$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a row of a table.

    Lengths are in points, `baseline` counts upwards. `edge` is where the lines of its column end at most, `place` how
    far down the page it stands, from 0 to 1.
    """

    text: str
    left: float
    right: float
    baseline: float
    height: float
    size: float
    bold: bool
    edge: float = 0.0
    place: float = 0.0
    is_row: bool = False


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's lines in reading order, and the share of its characters that no one can read, in [0, 1]."""

    lines: tuple[Line, ...]
    unreadable: float


@dataclass(slots=True)
class _Character:
    text: str
    index: int
    left: float
    right: float
    baseline: float
    height: float


def page_text(textpage: Any, box: tuple[float, float, float, float]) -> PageText:
    """The text of a page that is seen in `box` (left, bottom, right, top) and runs as most of it does.

    Text at another angle (stamps, margins) is left out, and so are calls of footnotes. Pages whose text is turned are
    read as if held upright.
    """
    characters, unreadable, angle = _characters(textpage, box)
    corners = [_turned(x, y, angle)[1] for x, y in ((box[0], box[1]), (box[2], box[3]))]
    bottom, top = min(corners), max(corners)
    lines = _in_reading_order(list(_fragments(textpage, characters)))
    placed = (replace(line, place=(top - line.baseline) / ((top - bottom) or 1)) for line in lines)
    return PageText(tuple(placed), unreadable)


def _characters(textpage: Any, box: tuple[float, float, float, float]) -> tuple[list[_Character], float, int]:
    """The page's characters in their order in the file, the share of unreadable ones, and the quarter turns of most."""
    from pypdfium2 import raw

    rectangle, matrix, x, y = raw.FS_RECTF(), raw.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    found = []
    unreadable = 0
    for index in range(textpage.count_chars()):
        code = raw.FPDFText_GetUnicode(textpage, index)
        text = HYPHEN if code in (2, 0xAD, 0xFFFE) else chr(code)
        if not text.isspace():
            if code in (0, 0xFFFD) or (code < 32 and text != HYPHEN):
                unreadable += 1
                continue
            unreadable += 0xE000 <= code <= 0xF8FF
        raw.FPDFText_GetMatrix(textpage, index, matrix)
        raw.FPDFText_GetCharOrigin(textpage, index, x, y)
        raw.FPDFText_GetLooseCharBox(textpage, index, rectangle)
        turn = 4 * math.atan2(matrix.b, matrix.a) / math.tau
        quarter = round(turn) % 4 if abs(turn - round(turn)) < 0.05 else None
        edges = (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        found.append((text, index, quarter, (x.value, y.value), edges))
    readable = [item for item in found if not item[0].isspace()]
    angles = Counter(item[2] for item in readable if item[2] is not None)
    angle = min(angles, key=lambda turns: (-angles[turns], turns), default=0)
    characters = []
    for text, index, turns, (across, up), edges in found:
        seen = box[0] - 1 <= across <= box[2] + 1 and box[1] - 1 <= up <= box[3] + 1
        if text.isspace():
            characters.append(_Character(text, index, 0, 0, 0, 0))
        elif turns == angle and seen:
            (x0, y0), (x1, y1) = _turned(edges[0], edges[1], angle), _turned(edges[2], edges[3], angle)
            level = _turned(across, up, angle)[1]
            characters.append(
                _Character(text.translate(_LIGATURES), index, min(x0, x1), max(x0, x1), level, abs(y1 - y0) or 1)
            )
    return characters, unreadable / max(len(readable) + unreadable, 1), angle


def _turned(x: float, y: float, quarter_turns: int) -> tuple[float, float]:
    """A point of a page on which text runs at this angle, once the page is held so that it runs to the right."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[quarter_turns]


def _fragments(textpage: Any, characters: Sequence[_Character]) -> Iterator[Line]:
    """Runs of characters on one line that no wide gap parts, in their order in the file."""
    run: list[_Character] = []
    text = space = ""
    for character in characters:
        if character.text.isspace():
            space = character.text if character.text == "\u00a0" else space or " "
            continue
        if run:
            first, last = run[0], run[-1]
            gap = character.left - last.right
            raised = character.baseline - first.baseline
            is_small = character.height < 0.85 * first.height
            reach = 0.7 if is_small else _SAME_LINE
            is_near = -0.5 * first.height < gap < _WIDE_GAP * first.height
            if is_near and abs(raised) <= reach * first.height:
                if is_small and raised > 0.12 * first.height and character.text.isdigit():
                    text += _raised(text, character.text)  # no other digit is raised but a call of a note
                else:
                    gap_space = " " if gap > _WORD_GAP * first.height else ""
                    text += (space if gap > 0.05 * first.height else "") or gap_space
                    text += character.text
                run.append(character)
                space = ""
                continue
            yield _fragment(textpage, run, text)
        run, text, space = [character], character.text, ""
    if run:
        yield _fragment(textpage, run, text)


def _raised(before: str, digit: str) -> str:
    return _SUPERSCRIPTS.get(digit, "") if _SQUARE_METRES.search(before) else ""


def _fragment(textpage: Any, run: Sequence[_Character], text: str) -> Line:
    samples = [run[0], run[len(run) // 2], run[-1]]
    return Line(
        text=text,
        left=run[0].left,
        right=max(character.right for character in run),
        baseline=run[0].baseline,
        height=run[0].height,
        size=_size(textpage, samples[1].index),
        bold=all(_is_bold(textpage, sample.index) for sample in samples),
    )


def _size(textpage: Any, index: int) -> float:
    """The font size that one sees: a file may write 1 and scale it."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(textpage, index, matrix)
    size: float = raw.FPDFText_GetFontSize(textpage, index) * math.hypot(matrix.c, matrix.d)
    return round(2 * size) / 2


def _is_bold(textpage: Any, index: int) -> bool:
    from pypdfium2 import raw

    name, flags = ctypes.create_string_buffer(200), ctypes.c_int()
    raw.FPDFText_GetFontInfo(textpage, index, name, len(name), flags)
    return raw.FPDFText_GetFontWeight(textpage, index) >= 600 or bool(
        _BOLD.search(name.value.decode("utf-8", "replace"))
    )


_Row = list[Line]
_Gap = tuple[float, float]


def _in_reading_order(fragments: Sequence[Line]) -> Iterator[Line]:
    for band in _bands(_rows(fragments)):
        yield from _band_lines(band)


def _rows(fragments: Sequence[Line]) -> list[_Row]:
    """Fragments on one baseline, left to right, from the top of the page; neighbours are put together."""
    rows: list[_Row] = []
    for fragment in sorted(fragments, key=lambda item: (-item.baseline, item.left)):
        last = rows[-1][0] if rows else None
        if last and last.baseline - fragment.baseline <= _SAME_LINE * min(last.height, fragment.height):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return [_with_neighbours_joined(sorted(row, key=attrgetter("left"))) for row in rows]


def _with_neighbours_joined(row: _Row) -> _Row:
    joined = [row[0]]
    for fragment in row[1:]:
        last = joined[-1]
        gap = fragment.left - last.right
        reach = 4 if _MARKER.fullmatch(last.text) else _WIDE_GAP
        if gap < reach * max(last.height, fragment.height):
            space = " " if gap > _WORD_GAP * last.height else ""
            joined[-1] = _joined([last, fragment], space)
        else:
            joined.append(fragment)
    return joined


def _joined(fragments: Sequence[Line], space: str) -> Line:
    longest = max(fragments, key=lambda item: len(item.text))
    return replace(
        longest,
        text=space.join(item.text for item in fragments),
        left=min(item.left for item in fragments),
        right=max(item.right for item in fragments),
        bold=all(item.bold for item in fragments),
    )


def _bands(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Runs of rows that the same gutters part, or that none parts."""
    band: list[_Row] = []
    for row in rows:
        both = [*band, row]
        if not band or _goes_on(band, row):
            band = both
        elif _gutters(band) or _gutters([row]):
            heading = _trailing_rows(band) if not _gutters([row]) else 0
            yield band[: len(band) - heading]
            band = [*band[len(band) - heading :], row]
        elif band[-1][0].baseline - row[0].baseline < 0.8 * row[0].height and _gutters([band[-1], row]):
            if band[:-1]:  # two columns whose lines are not level begin beside each other
                yield band[:-1]
            band = [band[-1], row]
        else:
            band = both
    if band:
        yield band


def _goes_on(band: Sequence[_Row], row: _Row) -> bool:
    """Whether a row stands between the gutters of those above: a line of text beside a table's crosses some."""
    shared = len(_gutters([*band, row]))
    if all(len(above) == 1 for above in band):
        return 0 < shared >= len(_gutters([row]))
    return shared > 0 and (len(row) > 1 or shared >= len(_gutters(band)))


def _trailing_rows(band: Sequence[_Row]) -> int:
    """How many of a band's last rows stand alone below its columns: the heading of what follows."""
    left = min(row[0].left for row in band)
    for count in range(1, min(3, len(band) - 1) + 1):
        row, above = band[-count], band[-count - 1]
        if len(row) > 1 or row[0].left > left + row[0].height:
            return 0
        if above[0].baseline - row[0].baseline > 1.6 * row[0].height:
            return count
    return 0


def _gutters(rows: Sequence[_Row]) -> list[_Gap]:
    """The stretches of white space, top to bottom of these rows, that have text on both sides."""
    spans = sorted((fragment.left, fragment.right) for row in rows for fragment in row)
    least = 0.7 * median(fragment.height for row in rows for fragment in row)
    gutters = []
    reach = spans[0][1]
    for left, right in spans[1:]:
        if left - reach >= least:
            gutters.append((reach, left))
        reach = max(reach, right)
    return gutters


def _band_lines(rows: list[_Row]) -> Iterator[Line]:
    gutters = _gutters(rows)
    for gutter in sorted(gutters, key=lambda gap: (gap[0] - gap[1], gap)):
        sides = [
            [fragment for row in rows for fragment in row if (fragment.left < gutter[1]) is is_left]
            for is_left in (True, False)
        ]
        if all(_is_column_of_prose(side) for side in sides):
            for side in sides:
                yield from _in_reading_order(side)
            return
    if sum(len(row) > 1 for row in rows) >= 2 and gutters:
        yield from _table_rows(rows, gutters)
        return
    edge = max(fragment.right for row in rows for fragment in row)
    for row in rows:
        yield replace(_joined(row, " "), edge=edge)


def _is_column_of_prose(fragments: Sequence[Line]) -> bool:
    """Whether fragments are running text: lines that fill their column and go on in lower case; cells do not."""
    rows = _rows(fragments)
    if len(rows) < 3:
        return False
    longest = [max(row, key=lambda item: item.right - item.left) for row in rows]
    width = max(item.right for item in fragments) - min(item.left for item in fragments)
    full = sum(item.right - item.left > 0.6 * width for item in longest)
    running = sum(item.text[:1].islower() for item in longest)
    return full >= 0.5 * len(rows) and running >= 0.4 * len(rows) and median(len(item.text) for item in longest) >= 12


def _table_rows(rows: Sequence[_Row], gutters: Sequence[_Gap]) -> Iterator[Line]:
    """Rows of cells, « a | b ». Cells of several lines are put together: their lines are closer than rows are."""
    lines: list[list[list[Line]]] = []
    for row in rows:
        cells: list[list[Line]] = [[] for _ in range(len(gutters) + 1)]
        for fragment in row:
            cells[sum(fragment.left >= gutter[1] - 0.1 for gutter in gutters)].append(fragment)
        lines.append(cells)
    steps = [above[0].baseline - row[0].baseline for above, row in pairwise(rows)]
    close = [step <= 1.5 * row[0].size and max(steps) > 1.25 * step for step, row in zip(steps, rows[1:], strict=True)]
    groups = [[lines[0]]]
    for is_close, cells in zip(close, lines[1:], strict=True):
        if is_close:
            groups[-1].append(cells)
        else:
            groups.append([cells])
    for group in groups:
        # Two full rows are two rows, however close.
        parts = [group] if sum(all(cells) for cells in group) < 2 else [[cells] for cells in group]
        for part in parts:
            filled = [
                cell for column in zip(*part, strict=True) if (cell := [line for found in column for line in found])
            ]
            whole = _joined([line for cell in filled for line in cell], " ")
            text = " | ".join(" ".join(line.text for line in cell) for cell in filled)
            yield replace(whole, text=text, edge=whole.right, is_row=len(filled) > 1)
