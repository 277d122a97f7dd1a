"""What a web server sends, as a document: its format, its charset, and what it packed."""

import zlib
from contextlib import suppress
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote

import httpx

from ingest.errors import NotADocument
from ingest.files import SUFFIXES, TEXT_SUFFIXES, advice

__all__ = ["Gunzip", "document_suffix", "gunzip", "in_utf_8"]

_HTML = ".html"
_SUFFIX_OF = {
    "text/html": _HTML,
    "application/xhtml+xml": _HTML,
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.ms-word.document.macroenabled.12": ".docm",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-excel.sheet.macroenabled.12": ".xlsm",
    "text/csv": ".csv",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
}
_VAGUE = (
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/zip",
    "text/plain",
    "application/force-download",
)
"""Types that servers give to files whose format they do not know: the name's ending says more."""


class Gunzip:
    """gzip unpacked as it comes, never more than a limit in memory."""

    def __init__(self, max_bytes: int) -> None:
        self._unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._left = max_bytes

    def feed(self, data: bytes) -> bytes:
        """The bytes in the next piece.

        Raises:
            OverflowError: there are more than the limit.
            ValueError: it is no gzip.
        """
        try:
            found = self._unpack.decompress(data, self._left + 1)
        except zlib.error as error:
            raise ValueError("no gzip") from error
        self._left -= len(found)
        if self._left < 0:
            raise OverflowError("too much")
        return found

    def end(self) -> None:
        """Raises `EOFError` if the last piece was not the end."""
        if not self._unpack.eof:
            raise EOFError("cut off")


def gunzip(data: bytes, max_bytes: int) -> bytes:
    """The bytes of a gzip file.

    Raises:
        OverflowError: there are more than the limit.
        ValueError: it is no gzip.
        EOFError: its end is missing.
    """
    unpacking = Gunzip(max_bytes)
    found = unpacking.feed(data)
    unpacking.end()
    return found


def document_suffix(headers: httpx.Headers, url: str) -> str:
    """The ending of a document's format: by the type that the server names, or its file's name where that is vague.

    Raises:
        NotADocument: it is none that is read.
    """
    kind = _content_type(headers)[0]
    names = (_disposition_name(headers), unquote(httpx.URL(url).path))
    named = next((suffix for name in names if (suffix := PurePosixPath(name).suffix.lower()) in SUFFIXES), "")
    suffix = named if kind in _VAGUE and named else _SUFFIX_OF.get(kind, "")
    if not suffix:
        if how := next((how for name in names if (how := advice(name))), ""):
            raise NotADocument(f"{url} : {how}")
        shown = f"« {kind} »" if kind else "sans type"
        raise NotADocument(
            f"{url} : ce n’est pas un document qui se lit ({shown}). Formats lus : {', '.join(SUFFIXES)}."
        )
    return suffix


def _content_type(headers: httpx.Headers) -> tuple[str, str]:
    """The type and the charset that a server announces, both in lower case; empty where it does not."""
    message = Message()
    message["Content-Type"] = headers.get("content-type", "").strip() or "application/octet-stream"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    charset = message.get_param("charset")
    return kind, charset.strip().lower() if isinstance(charset, str) else ""


def _disposition_name(headers: httpx.Headers) -> str:
    message = Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    return PurePosixPath(message.get_filename("")).name


def in_utf_8(data: bytes, suffix: str, headers: httpx.Headers) -> bytes:
    """Text in UTF-8 if the server named its charset, since what it said is lost with the file; else, or if that was
    wrong, as it is."""
    charset = _content_type(headers)[1]
    if suffix not in TEXT_SUFFIXES or not charset:
        return data
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # As browsers do: pages that call themselves Latin-1 hold the quotation marks of Windows.
        codec = "cp1252" if charset in ("iso-8859-1", "latin1", "us-ascii") else charset
        with suppress(LookupError, ValueError):
            return data.decode(codec).encode("utf-8")
    return data
