"""The one normalisation of texts, done before any offset exists, and the folding that search applies on top of it."""

import re
import unicodedata

__all__ = ["fold_for_search", "normalise_block", "normalise_text"]

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# What carries no text: byte-order marks, soft hyphens, zero-width spaces, word joiners, control characters, and halves
# of surrogate pairs, which JSON can bring in and no encoding can write. Zero-width joiners stay: emoji and several
# scripts need them.
_INVISIBLE = re.compile("[\ufeff\u00ad\u200b\u2060\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_ORDINARY_SPACE = re.compile("[ \t\n]+")
_ANY_SPACE = re.compile(r"\s+")
_FOLDED = (
    *(("’", "'"), ("‘", "'"), ("ʼ", "'"), ("′", "'"), ("`", "'"), ("´", "'")),
    *(("\u2010", "-"), ("\u2011", "-")),
)


def normalise_text(text: str) -> str:
    """Text in Unicode NFC, with `\\n` as its only line end and without invisible characters.

    Apostrophes, quotation marks and non-breaking spaces stay as the author wrote them, since quotes are shown
    exactly. Applying it twice changes nothing.
    """
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _NEWLINES.sub("\n", text)))


def normalise_block(text: str) -> str:
    """One line: a heading's or paragraph's normalised text, its runs of ordinary white space made one space.

    White space of any kind at the ends is dropped; non-breaking spaces inside stay. Applying it twice changes nothing.
    """
    return _ORDINARY_SPACE.sub(" ", normalise_text(text)).strip()


def fold_for_search(text: str) -> str:
    """Text with every apostrophe straight, every hyphen plain and every white space one ordinary space.

    Used on questions and passages alike before they are encoded, so that « l’énergie » and « l'énergie » are the
    same to the search. Never shown, and never used for offsets.
    """
    text = normalise_text(text)
    for letter, folded in _FOLDED:  # several times faster than `str.translate`
        text = text.replace(letter, folded)
    return _ANY_SPACE.sub(" ", text).strip()
