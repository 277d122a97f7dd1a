"""The fragments of a PDF's page as lines in reading order: columns one after the other, a table's rows as rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from statistics import median

from ingest.pdf_fragments import SAME_LINE, WIDE_GAP, WORD_GAP, Line

__all__ = ["page_lines", "rows_of"]

_MARKER = re.compile(r"(?:[•◦▪■●○‣➢►✓·*\-–—\ue000-\uf8ff]|o|\(?(?:\d{1,2}|[a-z])[.)°])")

_Row = list[Line]
_Gap = tuple[float, float]


def page_lines(fragments: Sequence[Line]) -> list[Line]:
    """The lines and table rows of a page's fragments, in reading order."""
    return list(_in_reading_order(fragments))


def _in_reading_order(fragments: Sequence[Line]) -> Iterator[Line]:
    for band in _bands(rows_of(fragments)):
        yield from _band_lines(band)


def rows_of(fragments: Sequence[Line]) -> list[_Row]:
    """Fragments on one baseline, left to right, from the top of the page; neighbours are put together."""
    rows: list[_Row] = []
    for fragment in sorted(fragments, key=lambda item: (-item.baseline, item.left)):
        last = rows[-1][0] if rows else None
        if last and last.baseline - fragment.baseline <= SAME_LINE * min(last.height, fragment.height):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return [_with_neighbours_joined(sorted(row, key=attrgetter("left"))) for row in rows]


def _with_neighbours_joined(row: _Row) -> _Row:
    joined = [row[0]]
    for fragment in row[1:]:
        last = joined[-1]
        gap = fragment.left - last.right
        reach = 4 if _MARKER.fullmatch(last.text) else WIDE_GAP
        if gap < reach * max(last.height, fragment.height):
            space = " " if gap > WORD_GAP * last.height else ""
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
    fragments = [fragment for row in rows for fragment in row]
    widest_first = sorted(gutters, key=lambda gap: (gap[0] - gap[1], gap))
    for cuts in (gutters, *([gutter] for gutter in widest_first)):
        columns: list[list[Line]] = [[] for _ in range(len(cuts) + 1)]
        for fragment in fragments:
            columns[_column(fragment, cuts)].append(fragment)
        if cuts and all(_is_column_of_prose(column) for column in columns):
            for column in columns:
                yield from _in_reading_order(column)
            return
    if sum(len(row) > 1 for row in rows) >= 2 and gutters:
        yield from _table_rows(rows, gutters)
        return
    edge = max(fragment.right for fragment in fragments)
    for row in rows:
        yield replace(_joined(row, " "), edge=edge)


def _column(fragment: Line, gutters: Sequence[_Gap]) -> int:
    """In which of the columns that gutters part a fragment stands, from 0."""
    return sum(fragment.left >= gutter[1] for gutter in gutters)


def _is_column_of_prose(fragments: Sequence[Line]) -> bool:
    """Whether fragments are running text: lines that fill their column and go on in lower case; cells do not."""
    rows = rows_of(fragments)
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
            cells[_column(fragment, gutters)].append(fragment)
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
