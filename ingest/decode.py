"""A file's bytes as text, whatever its charset, or a clear refusal."""

import codecs
import re

from ingest.errors import UnreadableSource

__all__ = ["MAX_SOURCE_BYTES", "decode"]

MAX_SOURCE_BYTES = 10_000_000
"""Largest text file read, in bytes: about 4,000 pages. A larger one is refused with a message."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HTML_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
# A text file of these bytes is none: control characters other than tab, line feed, form feed, carriage return, escape.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def decode(data: bytes, path: str) -> str:
    """The text of a file's bytes: by its byte-order mark, as UTF-8, by an HTML declaration, else by detection.

    `path` is only used in messages.

    Raises:
        UnreadableSource: too large, empty, or not text.
    """
    if len(data) > MAX_SOURCE_BYTES:
        raise UnreadableSource(
            f"{path} : le fichier pèse {len(data) / 1e6:.0f} Mo, la limite est de {MAX_SOURCE_BYTES / 1e6:.0f} Mo. "
            "Découpez-le en plusieurs fichiers."
        )
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if marked:
        text = _decode_as(data, marked, path)
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = _decode_legacy(data, path)
    if _CONTROL.search(text.encode("utf-8")[:100_000]):
        raise _not_text(path)
    if not text.strip():
        raise UnreadableSource(f"{path} : le fichier est vide. Ajoutez-y du texte ou retirez-le du corpus.")
    return text


def _decode_legacy(data: bytes, path: str) -> str:
    from charset_normalizer import from_bytes

    if b"\x00" not in data and (declared := _HTML_CHARSET.search(data[:4096])):
        return _decode_as(data, declared.group(1).decode("ascii"), path)
    # 100 kB decide as well as 10 MB and take a hundredth of the time.
    best = from_bytes(
        data[:100_000], cp_isolation=["cp1252", "iso8859_15", "utf_16_le", "utf_16_be", "mac_roman"]
    ).best()
    if best is None:
        raise _not_text(path)
    return _decode_as(data, best.encoding, path)


def _decode_as(data: bytes, encoding: str, path: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise UnreadableSource(
            f"{path} : le fichier s’annonce en « {encoding} » mais ne se lit pas ainsi ({error}). "
            "Enregistrez-le en UTF-8 (« Enregistrer sous », encodage UTF-8)."
        ) from error


def _not_text(path: str) -> UnreadableSource:
    return UnreadableSource(
        f"{path} : ce n’est pas un fichier de texte (contenu binaire). Vérifiez son extension, ou retirez-le du corpus."
    )
