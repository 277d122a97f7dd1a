"""A PDF page's characters as fragments of lines: what stands on one baseline without a wide gap."""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

__all__ = ["HYPHEN", "SAME_LINE", "WIDE_GAP", "WORD_GAP", "Line", "PageFragments", "page_fragments"]

HYPHEN = "\x02"
"""What pdfium gives for a hyphen at a line's end."""

WORD_GAP = 0.18
"""In heights of the line: white space between two characters that no space stands for."""
WIDE_GAP = 0.9
"""In heights of the line: white space that may part columns or cells; justified text has narrower."""
SAME_LINE = 0.35
"""In heights of the line: how far baselines on one line may be apart."""
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_SUPERSCRIPTS = {"2": "²", "3": "³"}
_BOLD = re.compile(r"bold|black|heavy|demi", re.IGNORECASE)
_DROP_CAP = re.compile(r"[^\W\d_][’']?")
_DROP_CAP_HEIGHT = 1.8
"""In heights of the text beside it, at least: the letter that opens an article over several lines."""
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
class PageFragments:
    """A page's fragments in their order in the file, held upright.

    `unreadable` is the share of its characters that no one can read, in [0, 1].
    """

    fragments: tuple[Line, ...]
    unreadable: float


_Point = tuple[float, float]


@dataclass(slots=True)
class _Character:
    text: str
    index: int
    left: float
    right: float
    baseline: float
    height: float


def page_fragments(textpage: Any, box: tuple[float, float, float, float]) -> PageFragments:
    """The text of a page that is seen in `box` (left, bottom, right, top) and runs as most of it does.

    Text at another angle (stamps, margins) is left out, and so are calls of footnotes. Pages whose text is turned are
    read as if held upright.
    """
    characters, unreadable, angle = _characters(textpage, box)
    levels = sorted(_turned(x, y, angle)[1] for x, y in ((box[0], box[1]), (box[2], box[3])))
    height = (levels[1] - levels[0]) or 1
    fragments = (
        replace(fragment, place=(levels[1] - fragment.baseline) / height)
        for fragment in _with_drop_caps(list(_fragments(textpage, characters)))
    )
    return PageFragments(tuple(fragments), unreadable)


def _characters(textpage: Any, box: tuple[float, float, float, float]) -> tuple[list[_Character], float, int]:
    """The page's characters in their order in the file, the share of unreadable ones, and the quarter turns of most."""
    from pypdfium2 import raw

    rectangle, matrix, x, y = raw.FS_RECTF(), raw.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    unicode_of, origin_of, box_of = raw.FPDFText_GetUnicode, raw.FPDFText_GetCharOrigin, raw.FPDFText_GetLooseCharBox
    handle = textpage.raw
    found: list[tuple[str, int, int | None, _Point, tuple[_Point, _Point]]] = []
    unreadable = 0
    quarter: int | None = None
    before = (math.inf, math.inf)
    for index in range(textpage.count_chars()):
        code = unicode_of(handle, index)
        text = HYPHEN if code in (2, 0xAD, 0xFFFE) else chr(code)
        if text.isspace():
            found.append((text, index, quarter, before, (before, before)))
            continue
        if code in (0, 0xFFFD) or (code < 32 and text != HYPHEN):
            unreadable += 1
            continue
        unreadable += 0xE000 <= code <= 0xF8FF
        origin_of(handle, index, x, y)
        box_of(handle, index, rectangle)
        origin = (x.value, y.value)
        if origin[1] != before[1] or origin[0] <= before[0]:  # else it runs to the right, as the one before
            raw.FPDFText_GetMatrix(handle, index, matrix)
            turn = 4 * math.atan2(matrix.b, matrix.a) / math.tau
            quarter = round(turn) % 4 if abs(turn - round(turn)) < 0.05 else None
        before = origin
        corners = (rectangle.left, rectangle.bottom), (rectangle.right, rectangle.top)
        found.append((text, index, quarter, origin, corners))
    angles = Counter(item[2] for item in found if item[2] is not None)
    angle = min(angles, key=lambda turns: (-angles[turns], turns), default=0)
    left, bottom, right, top = box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1
    characters = []
    readable = 0
    for text, index, turns, origin, corners in found:
        if text.isspace():
            characters.append(_Character(text, index, 0, 0, 0, 0))
            continue
        readable += 1
        if turns == angle and left <= origin[0] <= right and bottom <= origin[1] <= top:
            (x0, y0), (x1, y1) = (_turned(*corner, angle) for corner in corners) if angle else corners
            level = _turned(*origin, angle)[1]
            characters.append(
                _Character(text.translate(_LIGATURES), index, min(x0, x1), max(x0, x1), level, abs(y1 - y0) or 1)
            )
    return characters, unreadable / max(readable + unreadable, 1), angle


def _turned(x: float, y: float, quarter_turns: int) -> _Point:
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
            reach = 0.7 if is_small else SAME_LINE
            is_near = -0.5 * first.height < gap < WIDE_GAP * first.height
            is_beside = _is_drop_cap(text, first.height, character.height) and raised > 0.12 * first.height
            if is_near and not is_beside and abs(raised) <= reach * first.height:
                if is_small and raised > 0.12 * first.height and character.text.isdigit():
                    text += _raised(text, character.text)  # no other digit is raised but a call of a note
                else:
                    gap_space = " " if gap > WORD_GAP * first.height else ""
                    text += (space if gap > 0.05 * first.height else "") or gap_space
                    text += character.text
                run.append(character)
                space = ""
                continue
            yield _fragment(textpage, run, text)
        run, text, space = [character], character.text, ""
    if run:
        yield _fragment(textpage, run, text)


def _is_drop_cap(text: str, height: float, height_beside: float) -> bool:
    return bool(_DROP_CAP.fullmatch(text)) and height >= _DROP_CAP_HEIGHT * height_beside


def _with_drop_caps(fragments: list[Line]) -> Iterator[Line]:
    """Fragments with each drop cap put before the first line that stands beside it."""
    first_lines: dict[Line, str] = {}
    caps = [fragment for fragment in fragments if _DROP_CAP.fullmatch(fragment.text)]
    for cap in list(caps):
        beside = [
            line
            for line in fragments
            if _is_drop_cap(cap.text, cap.height, line.height)
            and -0.1 * cap.height < line.left - cap.right < 0.5 * cap.height
            and -SAME_LINE * line.height <= line.baseline - cap.baseline < cap.height
        ]
        if beside:
            is_word = cap.text in ("À", "Ô")  # no word of several letters begins so but in capitals
            first_lines[max(beside, key=attrgetter("baseline"))] = f"{cap.text}{' ' if is_word else ''}"
        else:
            caps.remove(cap)
    for fragment in fragments:
        if fragment not in caps:
            yield replace(fragment, text=f"{first_lines.get(fragment, '')}{fragment.text}")


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
