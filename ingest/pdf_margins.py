"""What stands at the top and the foot of a PDF's pages without being their text: running heads and page numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from ingest.pdf_fragments import SAME_LINE, Line
from ingest.pdf_lines import rows_of

__all__ = ["without_running_heads"]

_MARGIN = 0.12
"""Share of a page, at its top and at its foot, where running heads and page numbers stand."""
_ROWS = 2
"""So many rows at most are running heads, at each end of a page."""
_GAP = 1.6
"""In heights of a line, baseline to baseline: what parts them from the text, where lines are 1.2 or less apart."""
_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"(?:page|p\.)?\s*[-–—|]?\s*(\d{1,4})(?:\s*(?:/|sur|of)\s*\d{1,4})?\s*[-–—|]?", re.IGNORECASE)


def without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages' fragments (the first is page 1) but their numbers and the rows that several pages have alike, in order.

    Numbers in these rows may differ. Rows of three words and more apart, without a number, stay: a table that goes on
    names its columns anew.
    """
    outer = [_outer_rows(page) for page in pages]
    alike = Counter(key for rows in outer for key in {_alike(row) for row in rows})
    kept = []
    for number, (page, rows) in enumerate(zip(pages, outer, strict=True), start=1):
        heads = []
        for row in rows:
            shown = _PAGE_NUMBER.fullmatch(_text(row))
            is_table = len(row) > 2 and not _NUMBER.search(_text(row))
            if (alike[_alike(row)] > 1 and not is_table) or (shown and int(shown.group(1)) == number):
                heads.append(row)
        kept.append([fragment for fragment in page if not any(_is_on(fragment, row[0]) for row in heads)])
    return kept


def _outer_rows(page: Sequence[Line]) -> list[list[Line]]:
    """What stands off from a page's text in its margins."""
    rows = rows_of(page)
    top = [row for row in _standing_off(rows) if row[0].place < _MARGIN]
    foot = [row for row in _standing_off(rows[::-1]) if row[0].place > 1 - _MARGIN]
    return [*top, *foot]


def _standing_off(rows: Sequence[list[Line]]) -> Sequence[list[Line]]:
    """The first rows, if no more than `_ROWS` come before a wide gap, or before the end."""
    for count, (row, following) in enumerate(pairwise(rows), start=1):
        if abs(row[0].baseline - following[0].baseline) > _GAP * row[0].height:
            return rows[:count] if count <= _ROWS else []
    return rows if len(rows) <= _ROWS else []


def _is_on(fragment: Line, row: Line) -> bool:
    return abs(fragment.baseline - row.baseline) <= SAME_LINE * row.height


def _alike(row: Sequence[Line]) -> tuple[str, bool]:
    return _NUMBER.sub("#", _text(row)), row[0].place < 0.5


def _text(row: Sequence[Line]) -> str:
    return " ".join(fragment.text for fragment in row).strip()
