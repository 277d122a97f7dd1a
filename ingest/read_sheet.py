"""Sheets: CSV by the standard library, XLSX by openpyxl. A row is a line that one can read alone."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from ingest.assemble import ReadBlock, Reading
from ingest.document import BlockKind
from ingest.errors import UnreadableSource
from ingest.normalise import normalise_block
from ingest.read_zip import open_zip

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "read_csv", "read_workbook"]

MAX_ROWS = 50_000
"""Rows of a sheet, the empty ones too: a town's list of trees. Each becomes a line, so an hour of encoding."""

MAX_COLUMNS = 200
"""Columns that are read: more are a calculation, not a list that one reads."""

_DELIMITERS = ";,\t|"
_SAMPLE_ROWS = 50
_HEADER_ROWS = 20  # a sheet's title and remarks stand above its header
_DEFAULT_NAME = re.compile(r"(?:feuil(?:le)?|sheet|tabelle|hoja)\s*\d*", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"sep=(.)\n")  # Excel's own
_JOINED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]{0,100}?\bref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_CHUNK_BYTES = 1 << 20
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')

Row = Sequence[str]


def read_csv(text: str, path: str) -> list[ReadBlock]:
    """The rows of a CSV file, each as « En-tête : valeur ; … »; the delimiter is the one that parts it most evenly.

    Raises:
        UnreadableSource: it has too many rows, or a cell longer than 128 KiB (a quotation mark is missing).
    """
    if declared := _SEPARATOR_LINE.match(text):
        delimiter, text = declared.group(1), text[declared.end() :]
    else:
        delimiter = max(_DELIMITERS, key=lambda mark: _evenness(text, mark))
    try:
        rows = list(islice(csv.reader(io.StringIO(text), delimiter=delimiter), MAX_ROWS + 1))
    except csv.Error as error:
        raise UnreadableSource(
            f"{path} : le tableau ne se lit pas ({error}). Un guillemet n’est sans doute pas fermé : vérifiez-le."
        ) from error
    if len(rows) > MAX_ROWS:
        raise _too_many_rows(path)
    return list(_table(rows))


def read_workbook(data: bytes, path: str) -> Reading:
    """The visible sheets of a workbook, each under its name as a heading; formulas by the values last saved.

    Macros are not run and links to other workbooks are not followed.

    Raises:
        UnreadableSource: it is no XLSX file, is locked, too large, or has too many rows.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    archive = open_zip(data, path)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, KeyError) as error:
        raise UnreadableSource(
            f"{path} : ce n’est pas un classeur Excel. Enregistrez-le en .xlsx ou en .csv."
        ) from error
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    blocks: list[ReadBlock] = []
    for sheet in sheets:
        sheet.reset_dimensions()  # what a file says of them may be wrong
        rows: list[list[str]] = []
        for row in sheet.iter_rows(max_col=MAX_COLUMNS):
            if len(rows) == MAX_ROWS:
                raise _too_many_rows(path)
            rows.append([_shown(cell.value, cell.number_format) if cell.value is not None else "" for cell in row])
        _repeat_down(rows, _joined_cells(archive, str(getattr(sheet, "_worksheet_path", ""))))
        found = list(_table(rows))
        if found and not (len(sheets) == 1 and _DEFAULT_NAME.fullmatch(sheet.title.strip())):
            blocks.append(ReadBlock(BlockKind.HEADING, sheet.title, 2))
        blocks += found
    return Reading(blocks)


def _joined_cells(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, int, int]]:
    """The cells of a sheet that are joined over rows: their column, first and last row, from 0."""
    from openpyxl.utils import column_index_from_string

    if part not in archive.namelist():
        return
    seen: set[tuple[int, int, int]] = set()
    before = b""
    with archive.open(part) as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            for found in _JOINED.finditer(before + chunk):
                place = column_index_from_string(found[1].decode()) - 1, int(found[2]) - 1, int(found[4]) - 1
                if place[1] < place[2] and place not in seen:
                    seen.add(place)
                    yield place
            before = chunk[-200:]  # one may lie across two chunks


def _repeat_down(rows: Sequence[list[str]], joined: Iterable[tuple[int, int, int]]) -> None:
    """Write what a joined cell says into each of its rows that says something else, too: each is read alone."""
    for column, first, last in joined:
        shown = rows[first][column] if first < len(rows) and column < len(rows[first]) else ""
        for row in rows[first + 1 : last + 1] if shown else ():
            if any(row) and column < len(row):
                row[column] = row[column] or shown


def _evenness(text: str, delimiter: str) -> tuple[float, int]:
    """How evenly a delimiter parts the first rows: the share of rows of the commonest width above one, and that."""
    try:
        rows = [row for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), _SAMPLE_ROWS) if row]
    except csv.Error:
        return (0.0, 0)
    widths = [len(row) for row in rows if len(row) > 1]
    if not widths:
        return (0.0, 0)
    commonest = max(sorted(set(widths)), key=widths.count)
    return widths.count(commonest) / len(rows), commonest


def _table(rows: Iterable[Row]) -> Iterator[ReadBlock]:
    """A table's rows as list items, named by its header; what stands above the header as paragraphs."""
    kept = [cells for row in rows if any(cells := [normalise_block(cell) for cell in row])]
    header = _header_at(kept)
    for row in kept[: header or 0]:
        yield ReadBlock(BlockKind.PARAGRAPH, " ; ".join(filter(None, row)))
    names = [] if header is None else kept[header]
    for row in kept[0 if header is None else header + 1 :]:
        cells = []
        for column, cell in enumerate(row):
            name = names[column].rstrip(" :") if column < len(names) else ""
            if cell:
                cells.append(f"{name} : {cell}" if name else cell)
        yield ReadBlock(BlockKind.LIST_ITEM, " ; ".join(cells))


def _header_at(rows: Sequence[Row]) -> int | None:
    """Which row names the columns: the first that fills most of the table's width, all in words, with rows below."""
    if len(rows) < 2:
        return None
    filled = [sum(map(bool, row)) for row in rows]
    width = sorted(filled)[len(filled) // 2]
    for place, row in enumerate(rows[:_HEADER_ROWS]):
        if filled[place] >= max(2, 0.6 * width):
            has_numbers = any(cell and not re.search(r"[^\W\d_]", cell) and not _is_year(cell) for cell in row)
            repeats = len({cell for cell in row if cell}) < filled[place]
            return None if has_numbers or repeats or place == len(rows) - 1 else place
    return None


def _is_year(cell: str) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d\d", cell))


def _shown(value: Any, number_format: str) -> str:
    """A cell's value about as a French spreadsheet shows it."""
    match value:
        case bool():
            return "Vrai" if value else "Faux"
        case datetime():
            has_time = (value.hour, value.minute, value.second) != (0, 0, 0)
            shown = f"{value:%d/%m/%Y %H:%M}" if has_time else f"{value:%d/%m/%Y}"
        case date():
            shown = f"{value:%d/%m/%Y}"
        case time():
            shown = f"{value:%H:%M}"
        case timedelta():
            minutes = round(value.total_seconds() / 60)
            shown = f"{minutes // 60}:{minutes % 60:02}"
        case int() | float():
            shown = _number(value, number_format)
        case _:
            shown = str(value)
    return shown


def _number(value: float, number_format: str) -> str:
    positive = number_format.split(";", maxsplit=1)[0]
    pattern = _LITERAL.sub("", positive)
    unit = ""
    if "%" in pattern:
        value, unit = value * 100, "\u00a0%"
    elif "€" in positive:
        unit = "\u00a0€"
    decimals = re.search(r"[0#?]\.([0#?]+)", pattern)
    if decimals:
        shown = f"{value:,.{len(decimals.group(1))}f}"
    elif re.search(r"[0#]", pattern):
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:,.10f}".rstrip("0").rstrip(".")
    groups = "\u202f" if "," in pattern or " " in pattern.strip() else ""
    return shown.replace(",", groups).replace(".", ",") + unit


def _too_many_rows(path: str) -> UnreadableSource:
    return UnreadableSource(
        f"{path} : le tableau a plus de {MAX_ROWS} lignes. Découpez-le, ou retirez les lignes vides de sa fin."
    )
