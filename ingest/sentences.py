"""French sentence segmentation, by the yasbd library with the few corrections that our texts need."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yasbd import BoundaryDetector, HookContext

__all__ = ["Span", "sentence_spans"]

Span = tuple[int, int]
"""`(start, end)` offsets into a text."""

_PIECE = 20_000
"""Characters given to yasbd at a time: on some texts it takes more than linear time."""

# What yasbd 1.0.4 ends a sentence after, and French does not: hyphenated initials (« J.-F. Caron ») and « Tél. ».
_NEVER_ENDS = re.compile(r"(?:\b(?:[A-ZÀ-Ý][a-z]?\.-)+[A-ZÀ-Ý][a-z]?\.|\b[Tt]él\.)\s*$")
# What it does not end a sentence after: « … » before a word that opens a sentence. A proper noun after « … » is left
# alone, since the sentence often goes on there.
_ELLIPSIS = re.compile(
    r"(?:…|\.\.\.)[\s\u00a0]+(?=(?:[CDJLS]['’]|(?:La|Le|Les|Une?|Des|Ces?|Cette|Cet|Cela|Ils?|Elles?|On|Nous|Vous|Je|Mais"
    r"|Puis|Ainsi|Enfin|Cependant|Toutefois|Dans|En|Au|Aux|À|Pour|Par|Depuis|Avec|Selon|Se)(?![\w-])))"
)
# White space that no sentence goes on over. On long runs of it, the detector takes a time that grows with their square.
_GAP = re.compile(r"\s{50,100}")


def sentence_spans(text: str) -> tuple[Span, ...]:
    """Offsets of the sentences of one paragraph, in order, without the white space around them.

    Each is `(start, end)` in `text`; together they hold every character of it but white space. A text without any
    sentence end is one sentence; a blank one has none.
    """
    if not text.strip():
        return ()
    boundaries = [
        start + boundary
        for start, end in _pieces(text)
        for boundary in _detector().detect(text[start:end].replace("\n", " "))
    ]
    spans = []
    start = 0
    for end in sorted({*boundaries, len(text)}):
        sentence = text[start:end]
        if sentence.strip():
            left = len(sentence) - len(sentence.lstrip())
            spans.append((start + left, start + len(sentence.rstrip())))
        start = end
    return tuple(spans)


def _pieces(text: str) -> Iterator[Span]:
    """Runs of at most `_PIECE` characters, cut at the end of a sentence, else at a space, else anywhere."""
    start = 0
    for last in (*(gap.end() for gap in _GAP.finditer(text)), len(text)):
        while last - start > _PIECE:
            limit = start + _PIECE
            cut = max(text.rfind(". ", start, limit) + 1, 0) or text.rfind(" ", start, limit)
            end = cut if cut > start else limit
            yield start, end
            start = end
        if last > start:
            yield start, last
            start = last


@cache
def _detector() -> "BoundaryDetector":
    from yasbd import BoundaryDetector

    return BoundaryDetector("fr", hook=_correct)


def _correct(context: "HookContext") -> None:
    text, boundaries = context["text"], context["boundaries"]
    kept = [b for b in boundaries if b in (0, len(text)) or not _NEVER_ENDS.search(text, max(0, b - 40), b)]
    added = []
    start, depth = 0, 0
    for ellipsis in _ELLIPSIS.finditer(text):
        between = text[start : ellipsis.end()]
        depth += sum(between.count(sign) for sign in "(«") - sum(between.count(sign) for sign in ")»")
        start = ellipsis.end()
        if depth == 0:
            added.append(start)
    boundaries[:] = sorted({*kept, *added})
