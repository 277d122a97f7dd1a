"""A file's bytes as text, whatever its charset, or a clear refusal."""

import codecs
import math
import re
from contextlib import suppress

from ingest.errors import UnreadableSource
from ingest.normalise import normalise_text

__all__ = ["MAX_SOURCE_BYTES", "decode", "too_large"]

MAX_SOURCE_BYTES = 10_000_000
"""Largest text file read, in bytes: about 4,000 pages. A larger one is refused with a message."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What pages call so is windows-1252 for browsers: the encoding standard of the WHATWG says so.
_WINDOWS_1252 = frozenset({"iso-8859-1", "iso8859-1", "iso88591", "latin-1", "latin1", "l1", "ascii", "us-ascii"})
_HTML_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
# What no text holds: control characters other than tab, line feed, form feed, carriage return and escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_SAMPLE_BYTES = 100_000  # decides on a charset as well as 10 MB do, in a hundredth of the time


def decode(data: bytes, path: str) -> str:
    """The normalised text of a file's bytes: by its byte-order mark, as UTF-8, by an HTML declaration, else detected.

    Lines end in `\\n` alone (see `normalise_text`), whatever system the file comes from. `path` is only used in
    messages.

    Raises:
        UnreadableSource: too large, empty, or not text.
    """
    if len(data) > MAX_SOURCE_BYTES:
        raise too_large(len(data), path)
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if encoding := marked or _utf_16_by_its_zeros(data):
        text = _decode_as(data, encoding, path)
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            _refuse_nearly_utf_8(data, error.start, path)
            text = _decode_legacy(data, path)
    if _CONTROL.search(text):
        raise _not_text(path)
    text = normalise_text(text)
    if not text.strip():
        raise UnreadableSource(f"{path} : le fichier est vide. Ajoutez-y du texte ou retirez-le du corpus.")
    return text


def too_large(size_bytes: int, path: str, limit_bytes: int = MAX_SOURCE_BYTES) -> UnreadableSource:
    """The refusal of a file of this size, larger than the limit of its format."""
    return UnreadableSource(
        f"{path} : le fichier pèse {_megabytes(size_bytes)} Mo, la limite est de {_megabytes(limit_bytes)} Mo. "
        "Découpez-le en plusieurs fichiers."
    )


def _megabytes(size_bytes: int) -> str:
    return f"{math.ceil(size_bytes / 100_000) / 10:.1f}".removesuffix(".0").replace(".", ",")


def _utf_16_by_its_zeros(data: bytes) -> str | None:
    """UTF-16 without a byte-order mark: in Western text every other byte is zero."""
    first, second = data[:_SAMPLE_BYTES:2], data[1:_SAMPLE_BYTES:2]
    if second.count(0) > 0.7 * len(second) and first.count(0) <= 0.05 * len(first):
        return "utf-16-le"
    if first.count(0) > 0.7 * len(first) and second.count(0) <= 0.05 * len(second):
        return "utf-16-be"
    return None


def _refuse_nearly_utf_8(data: bytes, first_wrong: int, path: str) -> None:
    text = data.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    # Accents of one-byte charsets hardly ever form valid UTF-8: more right than wrong ones is UTF-8 with damage.
    if sum(character > "\x7f" for character in text) > 2 * wrong:
        line = data.count(b"\n", 0, first_wrong) + 1
        raise UnreadableSource(
            f"{path} : le fichier est presque en UTF-8, mais l’octet {first_wrong + 1} est faux "
            f"(ligne {line}). Corrigez ce caractère, puis enregistrez le fichier en UTF-8."
        )


def _decode_legacy(data: bytes, path: str) -> str:
    from charset_normalizer import from_bytes

    if declared := _HTML_CHARSET.search(data[:4096]):
        name = declared.group(1).decode("ascii")
        if name.lower().replace("_", "-") in _WINDOWS_1252:
            with suppress(UnicodeDecodeError):  # five bytes stand for nothing in it
                return data.decode("cp1252")
        return _decode_as(data, name, path)
    best = from_bytes(
        data[:_SAMPLE_BYTES], cp_isolation=["cp1252", "iso8859_15", "utf_16_le", "utf_16_be", "mac_roman"]
    ).best()
    if best is None:
        raise _not_text(path)
    return _decode_as(data, best.encoding, path)


def _decode_as(data: bytes, encoding: str, path: str) -> str:
    try:
        text = data.decode(encoding)
        if "escape" in encoding.lower() or _HALF_CHARACTER.search(text):
            raise LookupError(f"{encoding} is no charset of texts")
    except (ValueError, LookupError) as error:  # the codec « undefined » raises a plain ValueError
        raise UnreadableSource(
            f"{path} : le fichier s’annonce en « {encoding} » mais ne se lit pas ainsi ({error}). "
            "Enregistrez-le en UTF-8 (« Enregistrer sous », encodage UTF-8)."
        ) from error
    return text


def _not_text(path: str) -> UnreadableSource:
    return UnreadableSource(
        f"{path} : ce n’est pas un fichier de texte (contenu binaire). Vérifiez son extension, ou retirez-le du corpus."
    )
